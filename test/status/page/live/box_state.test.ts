/** What the browser remembers of the box: nothing twice, nothing of before, nothing without bound. */
import { describe, expect, it } from 'vitest';
import type { TrafficSecond } from '../../../../src/flow/status_shapes.ts';
import {
  isNewBox,
  secondsShown,
  unknownBox,
  withConnection,
  withSecond,
  withSeconds,
  withStatus,
} from '../../../../src/status/page/live/box_state.ts';
import { exampleStatus } from '../../served.ts';

const second = (n: number): TrafficSecond => ({
  atMs: 1_767_264_000_000 + n * 1_000,
  packets: n,
  octets: n,
  droppedPackets: 0,
  newFlows: 0,
});
const run = (from: number, to: number): TrafficSecond[] => Array.from({ length: to - from }, (_, n) => second(from + n));

it('a box is new until its first window can have closed; one that said nothing yet is not', () => {
  const startedMs = 1_767_264_000_000;
  const newAfter = (ms: number): boolean => isNewBox({ startedMs, nowMs: startedMs + ms });
  expect([0, 60_000, 179_999, 180_000, 86_400_000].map(newAfter)).toEqual([true, true, true, false, false]);
  expect(isNewBox(undefined)).toBe(false);
});

describe('seconds', () => {
  it('are known once, whether they came by the stream or were asked for', () => {
    let state = withSecond(withSecond(unknownBox, second(100)), second(101));
    state = withSeconds(state, run(0, 101));
    expect(state.seconds).toEqual(run(0, 102));
  });

  it('are bounded', () => {
    let state = unknownBox;
    for (let n = 0; n < 2_000; n++) state = withSecond(state, second(n));
    expect(state.seconds).toHaveLength(secondsShown);
    expect(state.seconds.at(-1)).toEqual(second(1_999));
  });

  it('begin anew when the box’s clock is set back, instead of waiting for the future to come again', () => {
    let state = withSeconds(unknownBox, run(5_000, 5_500));
    state = withSecond(state, second(10));
    expect(state.seconds.at(-1)).toEqual(second(10));
    state = withSecond(state, second(11));
    expect(state.seconds).toEqual(run(10, 12));
  });

  it('of before a step forward are forgotten', () => {
    const state = withSecond(withSeconds(unknownBox, run(0, 600)), second(9_000));
    expect(state.seconds).toEqual([second(9_000)]);
  });
});

describe('status', () => {
  it('keeps events it has when a status comes without them', () => {
    const { events: _, ...slim } = exampleStatus;
    const first = withStatus(unknownBox, exampleStatus, exampleStatus.nowMs - 5_000);
    const second_ = withStatus(first, { ...slim, nowMs: slim.nowMs + 1_000 }, exampleStatus.nowMs);
    expect(second_.status!.events).toEqual(exampleStatus.events);
    expect(second_.status!.nowMs).toBe(exampleStatus.nowMs + 1_000);
    expect(second_.clockOffsetMs).toBe(1_000);
    expect(withStatus(unknownBox, slim, 0).status!.events).toEqual([]);
  });
});

describe('connection', () => {
  it('keeps since when it is so', () => {
    const lost = withConnection(unknownBox, { kind: 'lost', sinceMs: 5 });
    expect(withConnection(lost, { kind: 'lost', sinceMs: 99 })).toBe(lost);
    expect(withConnection(lost, { kind: 'live' }).connection).toEqual({ kind: 'live' });
  });
});

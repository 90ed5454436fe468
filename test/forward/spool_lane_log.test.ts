/** Two cursors over the rows of one destination: whatever happens, each row that is owed is with exactly one of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { destinationFault } from '../../src/flow/ledger.ts';
import { HeardGaps } from '../../src/forward/heard_gaps.ts';
import type { Interval } from '../../src/forward/interval_set.ts';
import type { LaneCursor } from '../../src/forward/lane_cursor.ts';
import { SpoolLaneLog } from '../../src/forward/spool_lane_log.ts';

const step = fc.record({
  what: fc.constantFrom(
    'append',
    'read',
    'read',
    'acknowledge',
    'leaveOut',
    'break',
    'lose',
    'demote',
    'promote',
    'drop',
    'dropUnsent',
    'giveUpResend',
  ),
  cursor: fc.constantFrom('live', 'backlog') as fc.Arbitrary<'live' | 'backlog'>,
  count: fc.integer({ min: 1, max: 30 }),
});

const timesOf = ({ from, to }: Interval) => ({ fromMs: from * 1_000, toMs: to * 1_000 });
const unknown = { records: null, packets: null, octets: null };

test('no row is forgotten, none is with both, and each session reads upwards', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 0, max: 40 }), (steps, marginMax) => {
      const lane = new SpoolLaneLog('a', timesOf);
      const sessions = {
        live: { last: -1, flying: [] as [number, number][] },
        backlog: { last: -1, flying: [] as [number, number][] },
      };
      let next = 0;
      for (const { what, cursor: name, count } of steps) {
        const cursor = lane[name];
        const session = sessions[name];
        if (what === 'append') {
          lane.append(next, next + count);
          next += count;
        } else if (what === 'read') {
          const found = lane.peek(cursor);
          if (found !== undefined) {
            const to = Math.min(found.to, found.from + count);
            expect(found.from).toBeGreaterThan(session.last);
            session.last = to - 1;
            cursor.take(found.from, to);
            session.flying.push([found.from, to]);
          }
        } else if (what === 'acknowledge' || what === 'leaveOut') {
          const [from, to] = session.flying.shift() ?? [0, 0];
          const leftOut = what === 'leaveOut' ? { notSelected: Math.min(count, to - from) } : {};
          if (to > from) lane.acknowledge(cursor, from, to, to - from, marginMax, leftOut);
        } else if (what === 'break' || what === 'lose') {
          lane.rewind(cursor, what === 'lose');
          Object.assign(session, { last: -1, flying: [] });
        } else if (what === 'demote') {
          const before = lane.pending.count;
          lane.demote(Math.floor((next * count) / 30));
          expect(lane.pending.count).toBe(before);
          // What comes behind is older than what that session has sent: it begins anew.
          lane.rewind(lane.backlog, false);
          sessions.backlog = { last: -1, flying: [] };
        } else if (what === 'promote') {
          for (const one of [lane.live, lane.backlog]) lane.rewind(one, false);
          lane.promote();
          for (const one of Object.values(sessions)) Object.assign(one, { last: -1, flying: [] });
        } else if (what === 'drop') lane.drop(next - 2 * count, next - count, 'tooOld');
        else if (what === 'giveUpResend') lane.giveUpResend();
        else {
          const flying = lane.live.taken.count + lane.backlog.taken.count;
          lane.dropUnsent(next - 2 * count, next, 'overBudget');
          expect(lane.live.taken.count + lane.backlog.taken.count).toBe(flying);
        }
        check(lane);
      }
    }),
    { numRuns: 300 },
  );
});

describe('rows that arrived, and were kept to be sent again, are given up for want of room', () => {
  const arrived = () => {
    const lane = new SpoolLaneLog('a', timesOf);
    lane.append(0, 300);
    lane.live.take(0, 300);
    for (let row = 0; row < 300; row += 100) lane.acknowledge(lane.live, row, row + 100, 30_000, 65_536);
    return lane;
  };

  test('the session breaks: a gap without counts tells of those that were in the margin', () => {
    const lane = arrived();
    lane.giveUpResend();
    expect(lane.gaps).toEqual([]);
    lane.rewind(lane.live, true);
    expect(lane.live.unread.count).toBe(0);
    expect(lane.gaps).toEqual([{ reason: 'overBudget', fromMs: 0, toMs: 300_000, ...unknown }]);
    lane.rewind(lane.live, true);
    expect(lane.gaps.length).toBe(1);
  });

  test('a planned stop that could not see them read keeps the gap for the next run', () => {
    const lane = arrived();
    lane.giveUpResend();
    expect(lane.state(true).gaps).toEqual([{ reason: 'overBudget', fromMs: 0, toMs: 300_000, ...unknown }]);
    expect([lane.state(false).gaps, lane.gaps]).toEqual([[], []]);
  });

  test('the collector has read them, or a margin has arrived behind them: there is no gap', () => {
    const read = arrived();
    read.giveUpResend();
    read.forgetResend(read.live);
    read.rewind(read.live, true);
    const behind = arrived();
    behind.giveUpResend();
    behind.append(300, 400);
    behind.live.take(300, 400);
    behind.acknowledge(behind.live, 300, 400, 65_536, 65_536);
    behind.rewind(behind.live, true);
    expect([read.gaps, behind.gaps]).toEqual([[], []]);
  });

  test('the session has broken already: the gap is there at once, and nothing else of them waits', () => {
    const lane = arrived();
    lane.rewind(lane.live, true);
    expect(lane.live.unread.count).toBe(300);
    lane.giveUpResend();
    expect([lane.live.unread.count, lane.wants(0, 300)]).toEqual([0, false]);
    expect(lane.gaps).toEqual([{ reason: 'overBudget', fromMs: 0, toMs: 300_000, ...unknown }]);
  });

  test('pieces that are given up one by one, or merged, tell of their own rows', () => {
    const lane = arrived();
    lane.rewind(lane.live, true);
    lane.drop(0, 100, 'damaged');
    lane.forgetArrived(200, 300, 'overBudget');
    expect(lane.gaps).toEqual([
      { reason: 'damaged', fromMs: 0, toMs: 100_000, ...unknown },
      { reason: 'overBudget', fromMs: 200_000, toMs: 300_000, ...unknown },
    ]);
    expect(lane.account().acknowledged).toBe(300);
  });
});

describe('a gap that was said and has arrived', () => {
  const gap = { reason: 'tooOld' as const, fromMs: 1_000, toMs: 2_000, records: 5, packets: 50, octets: 5_000 };
  const told = () => {
    const lane = new SpoolLaneLog('a', timesOf);
    lane.append(0, 300);
    lane.live.take(0, 300);
    lane.addGap(gap);
    lane.gapsTold(lane.takeGaps());
    expect(lane.gaps).toEqual([]);
    return lane;
  };
  const arrive = (lane: SpoolLaneLog, from: number, octets: number) =>
    lane.acknowledge(lane.live, from, from + 100, octets, 65_536);

  test('is said again when the session breaks before a margin has arrived behind it, and kept on disk until then', () => {
    const lane = told();
    arrive(lane, 0, 60_000); // some of it may lie before the gap
    arrive(lane, 100, 60_000);
    expect(lane.state(false).gaps).toEqual([gap]);
    lane.rewind(lane.live, true);
    expect(lane.gaps).toEqual([gap]);
  });

  test('is not when a margin has arrived behind it', () => {
    const lane = told();
    arrive(lane, 0, 60_000);
    arrive(lane, 100, 60_000);
    arrive(lane, 200, 6_000);
    lane.rewind(lane.live, true);
    expect([lane.gaps, lane.state(true).gaps]).toEqual([[], []]);
  });

  test('is not when the collector was seen to read everything, nor over UDP, which has no margin', () => {
    const read = told();
    arrive(read, 0, 60_000);
    read.takeChanges();
    read.forgetResend(read.live);
    expect(read.takeChanges().facts).toBe(true);
    read.rewind(read.live, true);
    const inOrder = told();
    inOrder.rewind(inOrder.live, false);
    const udp = told();
    udp.acknowledge(udp.live, 0, 100, 500, 0);
    udp.rewind(udp.live, true);
    expect([read.gaps, inOrder.gaps, udp.gaps]).toEqual([[], [], []]);
  });

  test('a thousand of them on a line without rows are held in bounds, by joining neighbours; none is left out', () => {
    const heard = new HeardGaps();
    for (let n = 0; n < 1_000; n++) heard.add([{ ...gap, fromMs: n * 100_000, toMs: n * 100_000 + 1_000 }]);
    expect(heard.gaps.length).toBeLessThanOrEqual(64);
    expect(heard.gaps.reduce((sum, { records }) => sum + (records ?? 0), 0)).toBe(5_000);
    expect(Math.max(...heard.gaps.map(({ toMs }) => toMs))).toBe(99_901_000);
  });

  test('is not forgotten because the backlog’s session ends', () => {
    const lane = told();
    lane.rewind(lane.backlog, true);
    lane.forgetResend(lane.backlog);
    expect(lane.state(false).gaps).toEqual([gap]);
  });
});

test('what is kept on disk is bounded however many ranges there are, and leaves nothing out that is owed', () => {
  const lane = new SpoolLaneLog('a', timesOf);
  lane.append(0, 3_000);
  // Every third row has arrived: a thousand holes.
  for (let row = 0; row < 3_000; row += 3) {
    lane.live.take(row, row + 1);
    lane.acknowledge(lane.live, row, row + 1, 100, 0);
  }
  expect(lane.pending.intervals.length).toBe(1_000);
  const { pending } = lane.state(false);
  expect(pending.length).toBeLessThanOrEqual(256);
  for (const { from, to } of lane.pending.intervals)
    expect(
      pending.some((kept) => kept.from <= from && kept.to >= to),
      `${from}`,
    ).toBe(true);
});

function check(lane: SpoolLaneLog): void {
  const held = new Map<number, number>();
  const cursors: LaneCursor[] = [lane.live, lane.backlog];
  for (const { unread, taken } of cursors)
    for (const { from, to } of [...unread.intervals, ...taken.intervals])
      for (let row = from; row < to; row++) held.set(row, (held.get(row) ?? 0) + 1);
  for (const [row, times] of held) expect(times, `row ${row}`).toBe(1);
  for (const { from, to } of lane.pending.intervals)
    for (let row = from; row < to; row++) expect(held.has(row), `row ${row}`).toBe(true);
  // What is read and not owed is being sent again: the spool must still have it.
  for (const row of held.keys()) expect(lane.wants(row, row + 1), `row ${row}`).toBe(true);
  expect(destinationFault(lane.account())).toBe(0);
}

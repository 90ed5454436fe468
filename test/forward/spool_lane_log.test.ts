/** Two cursors over the rows of one destination: whatever happens, each row that is owed is with exactly one of them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { destinationFault } from '../../src/flow/ledger.ts';
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
  ),
  cursor: fc.constantFrom('live', 'backlog') as fc.Arbitrary<'live' | 'backlog'>,
  count: fc.integer({ min: 1, max: 30 }),
});

test('no row is forgotten, none is with both, and each session reads upwards', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 0, max: 40 }), (steps, marginMax) => {
      const lane = new SpoolLaneLog('a');
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

test('what is kept on disk is bounded however many ranges there are, and leaves nothing out that is owed', () => {
  const lane = new SpoolLaneLog('a');
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

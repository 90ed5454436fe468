/** A virtual start: whatever is exported, a collector's arithmetic gives the flow's own time, and 32 bits suffice. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualUptime } from '../../../src/forward/netflow/uptime.ts';

const nowMs = 1_790_000_000_000;
const day = 86_400_000;
/** As collectors compute it (RFC 3954 section 5.1). */
const shown = (uptime: VirtualUptime, exportMs: number, flowMs: number): number =>
  exportMs - uptime.header(exportMs) + uptime.flow(flowMs);

test('flows up to 49 days old have their own time, in any order, with the export time anywhere', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ exportMs: fc.nat(40 * 365 * day), ageMs: fc.nat(49 * day) }), { minLength: 1, maxLength: 20 }),
      (exports) => {
        const uptime = new VirtualUptime();
        for (const { exportMs, ageMs } of exports) {
          const at = nowMs + exportMs;
          uptime.cover(at - ageMs, at);
          expect(shown(uptime, at, at - ageMs)).toBe(at - ageMs);
          expect(shown(uptime, at, at)).toBe(at);
          for (const value of [uptime.header(at), uptime.flow(at - ageMs)]) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(0xffff_ffff);
          }
        }
      },
    ),
    { seed: 9, numRuns: 300 },
  );
});

test('the start stays while it serves: a collector sees no restart in 48 days of work', () => {
  const uptime = new VirtualUptime();
  const starts = new Set<number>();
  for (let hour = 0; hour < 48 * 24; hour++) {
    const at = nowMs + hour * 3_600_000;
    uptime.cover(at - 120_000, at);
    starts.add(at - uptime.header(at));
  }
  expect(starts.size).toBe(1);
});

test('what is older than 32 bits of milliseconds is shown at the start, never in the future', () => {
  const uptime = new VirtualUptime();
  uptime.cover(nowMs - 60 * day, nowMs);
  expect(uptime.flow(nowMs - 60 * day)).toBe(0);
  expect(shown(uptime, nowMs, nowMs - 60 * day)).toBeLessThan(nowMs - 49 * day);
});

/** The pace of a backlog on a simulated line: its caps, the share of what the line carries, and what it expects. */
import { describe, expect, test } from 'vitest';
import { type CatchUpLimits, CatchUpPace } from '../../src/forward/catch_up_pace.ts';

const messageRows = 100;
const messageOctets = 10_000;

/** Sends as fast as the pace lets it over a line of so many octets/s; what was sent waits in a queue before the line. */
function run(limits: CatchUpLimits, lineOctetsPerS: number, forMs: number, lineBurst = 0) {
  const pace = new CatchUpPace(limits, 0);
  pace.restart(0);
  let [nowMs, sent, proven, tokens, mostOnItsWay] = [0, 0, 0, lineBurst, 0];
  const perSecond: number[] = [];
  for (; nowMs < forMs; nowMs++) {
    tokens = Math.min(Math.max(lineBurst, lineOctetsPerS / 1_000), tokens + lineOctetsPerS / 1_000);
    const passed = Math.min(sent - proven, tokens);
    proven += passed;
    tokens -= passed;
    if (nowMs > 5_000) mostOnItsWay = Math.max(mostOnItsWay, sent - proven);
    pace.observe(nowMs, (proven / messageOctets) * messageRows);
    while (pace.waitMs(nowMs, sent, proven) === 0 && sent - proven < 4_000_000) {
      pace.sent(messageRows, messageOctets);
      sent += messageOctets;
    }
    const second = Math.floor(nowMs / 1_000);
    perSecond[second] = sent - perSecond.slice(0, second).reduce((sum, one) => sum + one, 0);
  }
  return { pace, sent, proven, perSecond, mostOnItsWay };
}
const open = { rowsPerSecondMax: 1e9, octetsPerSecondMax: 1e9, uplinkShare: 1 };

describe('the pace of a backlog', () => {
  test('rows a second', () => {
    const { sent } = run({ ...open, rowsPerSecondMax: 5_000 }, 1e9, 10_000);
    expect(sent / messageOctets).toBeGreaterThan(490);
    expect(sent / messageOctets).toBeLessThan(510);
  });

  test('octets a second, also when one message is more than the bucket holds', () => {
    const { sent } = run({ ...open, octetsPerSecondMax: 20_000 }, 1e9, 60_000);
    expect(sent).toBeGreaterThan(1_180_000);
    expect(sent).toBeLessThan(1_230_000);
  });

  test.each([125_000, 1_250_000, 12_500_000])('half of a line of %i octets a second, bursts included', (line) => {
    const { pace, perSecond } = run({ ...open, uplinkShare: 0.5 }, line, 90_000);
    expect(pace.uplinkOctetsPerSecond! / line).toBeGreaterThan(0.75);
    expect(pace.uplinkOctetsPerSecond! / line).toBeLessThan(1.05);
    const settled = perSecond.slice(6);
    expect(settled.reduce((sum, one) => sum + one, 0) / settled.length / line).toBeLessThan(0.53);
    expect(settled.reduce((sum, one) => sum + one, 0) / settled.length / line).toBeGreaterThan(0.35);
  });

  test('a line that lets a second’s worth through at once is never taken whole, and no long queue stands before it', () => {
    const line = 500_000;
    const { perSecond, mostOnItsWay } = run({ ...open, uplinkShare: 0.5 }, line, 90_000, line);
    const settled = perSecond.slice(6);
    expect(settled.reduce((sum, one) => sum + one, 0) / settled.length / line).toBeLessThan(0.85);
    expect(settled.reduce((sum, one) => sum + one, 0) / settled.length / line).toBeGreaterThan(0.35);
    // What live rows may have to wait behind.
    expect(mostOnItsWay / line).toBeLessThan(2);
  });

  test('a cap far below the line bounds the burst too', () => {
    const { perSecond } = run({ ...open, octetsPerSecondMax: 10_000, uplinkShare: 0.5 }, 12_500_000, 60_000);
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(60_000);
    expect(perSecond.reduce((sum, one) => sum + one, 0)).toBeLessThan(10_000 * 60 + 60_000);
  });

  test('how many rows arrive a second, of the last half minute', () => {
    const { pace, proven } = run({ ...open, rowsPerSecondMax: 2_000 }, 1e9, 40_000);
    const arrived = (proven / messageOctets) * messageRows;
    expect(pace.rowsPerSecond(40_000, arrived)).toBeGreaterThan(1_900);
    expect(pace.rowsPerSecond(40_000, arrived)).toBeLessThan(2_100);
    expect(new CatchUpPace(open, 0).rowsPerSecond(5, 0)).toBe(0);
  });
});

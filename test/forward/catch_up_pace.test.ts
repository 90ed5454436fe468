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

  describe('a line that had nothing to carry is not taken for a slow one', () => {
    const idle = { ...open, uplinkShare: 0.5 };
    /** Asks, and sends so many messages if it may. */
    const sending = (pace: CatchUpPace) => {
      let sent = 0;
      return {
        get sent() {
          return sent;
        },
        ask(nowMs: number, proven: number, messages = 1): void {
          for (let i = 0; i < messages && pace.waitMs(nowMs, sent, proven) === 0; i++) {
            pace.sent(messageRows, messageOctets);
            sent += messageOctets;
          }
        },
      };
    };

    test('one message, then nothing for seconds', () => {
      const pace = new CatchUpPace(idle, 0);
      const sender = sending(pace);
      sender.ask(0, 0);
      sender.ask(3_000, sender.sent);
      expect(pace.uplinkOctetsPerSecond).toBeUndefined();
    });

    test('a message now and then, each on its way when the next is asked for', () => {
      const pace = new CatchUpPace(idle, 0);
      const sender = sending(pace);
      for (let nowMs = 0; nowMs < 10_000; nowMs += 150) sender.ask(nowMs, Math.max(0, sender.sent - messageOctets));
      expect(pace.uplinkOctetsPerSecond).toBeUndefined();
    });

    test.each([300, 20_000])('a whole burst, proven nobody knows when in a pause of %i ms', (pauseMs) => {
      const pace = new CatchUpPace(idle, 0);
      const sender = sending(pace);
      sender.ask(0, 0, 100);
      expect(sender.sent).toBeGreaterThanOrEqual(256 * 1_024);
      sender.ask(pauseMs, sender.sent);
      expect(pace.uplinkOctetsPerSecond).toBeUndefined();
    });

    test('held back by what was on its way, then a pause', () => {
      const pace = new CatchUpPace(idle, 0);
      const sender = sending(pace);
      sender.ask(0, 0, 100);
      for (let nowMs = 10; nowMs <= 20; nowMs += 5) sender.ask(nowMs, sender.sent, 0);
      sender.ask(30, sender.sent);
      const measured = pace.uplinkOctetsPerSecond!;
      expect(measured).toBeGreaterThan(5e6);
      const before = sender.sent;
      for (let nowMs = 31; nowMs < 200; nowMs++) sender.ask(nowMs, before, 100);
      sender.ask(8_000, sender.sent);
      expect(pace.uplinkOctetsPerSecond).toBe(measured);
    });

    test('few rows over a line that is slow: most is on its way still', () => {
      const pace = new CatchUpPace(idle, 0);
      const sender = sending(pace);
      sender.ask(0, 0, 10);
      for (let nowMs = 50; nowMs <= 2_000; nowMs += 50) sender.ask(nowMs, nowMs * 8, 0);
      sender.ask(2_000, 16_000);
      expect(pace.uplinkOctetsPerSecond).toBe(8_000);
    });
  });

  test('how many rows arrive a second, of the last half minute', () => {
    const { pace, proven } = run({ ...open, rowsPerSecondMax: 2_000 }, 1e9, 40_000);
    const arrived = (proven / messageOctets) * messageRows;
    expect(pace.rowsPerSecond(40_000, arrived)).toBeGreaterThan(1_900);
    expect(pace.rowsPerSecond(40_000, arrived)).toBeLessThan(2_100);
    expect(new CatchUpPace(open, 0).rowsPerSecond(5, 0)).toBe(0);
  });
});

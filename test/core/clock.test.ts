import { describe, expect, test } from 'vitest';
import { SimulatedClock, SystemClock, untilWholeSecond, withDeadline } from '../../src/core/clock.ts';

describe('simulated clock', () => {
  test('stands still until it is advanced, then runs what is due in order of time', async () => {
    const clock = new SimulatedClock();
    const ran: string[] = [];
    clock.after(200, () => ran.push('b'));
    clock.after(100, () => ran.push('a'));
    clock.after(100, () => ran.push('a2'));
    clock.after(301, () => ran.push('never'));
    await clock.advance(300);
    expect(ran).toEqual(['a', 'a2', 'b']);
  });

  test('a timer set by a timer runs in the same advance when it is due', async () => {
    const clock = new SimulatedClock();
    const at: number[] = [];
    const start = clock.monotonicMs();
    clock.every(
      100,
      () => void at.push(clock.monotonicMs() - start),
      () => {},
    );
    await clock.advance(350);
    expect(at).toEqual([100, 200, 300]);
  });

  test('a step of the wall clock does not move monotonic time', async () => {
    const clock = new SimulatedClock();
    const before = { mono: clock.monotonicNs(), wall: clock.wallMs() };
    clock.stepWall(-3_600_000);
    expect(clock.monotonicNs()).toBe(before.mono);
    expect(clock.wallMs()).toBe(before.wall - 3_600_000);
  });

  test('a failing run is reported and does not end the period', async () => {
    const clock = new SimulatedClock();
    const errors: unknown[] = [];
    let runs = 0;
    const timer = clock.every(
      10,
      () => {
        runs++;
        throw new Error('bad');
      },
      (error) => errors.push(error),
    );
    await clock.advance(30);
    timer.cancel();
    await clock.advance(30);
    expect(runs).toBe(3);
    expect(errors).toHaveLength(3);
  });

  test('sleep ends early with the reason of an abort', async () => {
    const clock = new SimulatedClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(1_000, controller.signal);
    controller.abort(new Error('stop'));
    await expect(sleeping).rejects.toThrow('stop');
    await expect(clock.sleep(1, controller.signal)).rejects.toThrow('stop');
  });
});

describe('deadline', () => {
  test('late work is an error that names it; work in time is its result', async () => {
    const clock = new SystemClock();
    await expect(withDeadline(clock, 10, 'saving', new Promise(() => {}))).rejects.toMatchObject({ code: 'deadlineExceeded' });
    await expect(withDeadline(clock, 1_000, 'saving', Promise.resolve(7))).resolves.toBe(7);
  });
});

describe('what runs every so many seconds', () => {
  test('falls due at whole seconds, never more than half a second from its period, and keeps it', () => {
    for (const periodMs of [1_000, 2_000, 10_000, 600_000]) {
      for (const startMs of [0, 1, 499.4, 500.6, 777.7, 999.9, 123_456.789]) {
        const firstMs = startMs + untilWholeSecond(startMs, periodMs);
        expect(firstMs % 1_000, `${periodMs} from ${startMs}`).toBeLessThan(1);
        expect(Math.abs(firstMs - startMs - periodMs)).toBeLessThanOrEqual(501);
        // A turn that comes a little early or late, or takes a while, is followed by the next one all the same.
        for (const lateMs of [-0.9, 0, 3, 400]) {
          const next = firstMs + lateMs + untilWholeSecond(firstMs + lateMs, periodMs);
          expect(Math.abs(next - firstMs - periodMs)).toBeLessThanOrEqual(1);
        }
      }
    }
  });

  test('runs together with all that has begun at other moments', async () => {
    const clock = new SystemClock();
    const turns: number[][] = [];
    const timers = [0, 170, 340].map(async (delayMs, i) => {
      turns[i] = [];
      await clock.sleep(delayMs);
      return clock.every(
        1_000,
        () => void turns[i]!.push(Math.round(clock.monotonicMs() / 1_000)),
        (error) => {
          throw error;
        },
      );
    });
    while (turns.some((of) => of.length < 3)) await clock.sleep(50);
    for (const timer of timers) (await timer).cancel();
    const [first, ...others] = turns.map((of) => of.slice(-1)[0]!);
    for (const other of others) expect(Math.abs(other - first!)).toBeLessThanOrEqual(1);
  });
});

/**
 * Time as an argument. This file and `random.ts` are the only ones that touch `Date`, `performance` and timers; a test
 * enforces it. Monotonic time orders and measures; wall time only labels.
 */
import { ApplianceError } from './errors.ts';

/** Nobody runs this program before it was written: 2026-01-01. Boards without a clock start in 1970 or at their image's date. */
export const plausibleFromMs = 1_767_225_600_000;

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds that never step back, from an arbitrary start. */
  monotonicMs(): number;
  /** Nanoseconds of CLOCK_MONOTONIC: the row clock of live metering. */
  monotonicNs(): bigint;
  /** Milliseconds since 1970, as far as the box knows. May step. */
  wallMs(): number;
  after(delayMs: number, run: () => void): Timer;
  /** Runs again and again, the next only after the last one settled. Errors go to `onError`, the timer goes on. */
  every(periodMs: number, run: () => void | Promise<void>, onError: (error: unknown) => void): Timer;
  /** Resolves after the delay; rejects with the signal's reason when it aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** What every clock has once it can tell the time and call back. */
export abstract class ClockBase implements Clock {
  abstract monotonicMs(): number;
  abstract monotonicNs(): bigint;
  abstract wallMs(): number;
  abstract after(delayMs: number, run: () => void): Timer;

  every(periodMs: number, run: () => void | Promise<void>, onError: (error: unknown) => void): Timer {
    let cancelled = false;
    let timer: Timer;
    const once = async (): Promise<void> => {
      try {
        await run();
      } catch (error) {
        onError(error);
      }
      if (!cancelled) timer = this.after(this.untilTurn(periodMs), once);
    };
    timer = this.after(this.untilTurn(periodMs), once);
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  /** How long until the next turn of what is to run at this period. */
  protected untilTurn(periodMs: number): number {
    return periodMs;
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      const timer = this.after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/**
 * How long ago, ms, something was labelled with this wall time. A clock that was set back makes nothing younger than now;
 * what was labelled before the box knew the time is of an age nobody knows, and counts as new.
 */
export function ageByLabelMs(labelMs: number, wallMs: number): number {
  if (labelMs < plausibleFromMs && wallMs >= plausibleFromMs) return 0;
  return Math.max(0, wallMs - labelMs);
}

/** The machine's own clocks. */
export class SystemClock extends ClockBase {
  override monotonicMs(): number {
    return performance.now();
  }
  override monotonicNs(): bigint {
    return process.hrtime.bigint();
  }
  override wallMs(): number {
    return Date.now();
  }
  override after(delayMs: number, run: () => void): Timer {
    const handle = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(handle) };
  }

  /**
   * What runs every so many seconds falls due together, at whole seconds of the monotonic clock (the nearest, so the first turn comes up
   * to half a second early or late): a dozen services wake the processor once a second, not a dozen times.
   */
  protected override untilTurn(periodMs: number): number {
    return periodMs % 1_000 === 0 ? untilWholeSecond(this.monotonicMs(), periodMs) : periodMs;
  }
}

/** From now to the whole second that is nearest to `delayMs` from now, in whole milliseconds: timers that fall due together have one length. */
export function untilWholeSecond(nowMs: number, delayMs: number): number {
  return Math.ceil(Math.round((nowMs + delayMs) / 1_000) * 1_000 - nowMs);
}

/** A clock that stands still until it is told: `advance` runs what falls due, in order. For tests and the simulation. */
export class SimulatedClock extends ClockBase {
  #nowMs: number;
  #wallOffsetMs: number;
  #sequence = 0;
  readonly #timers = new Map<number, { dueMs: number; run: () => void }>();

  constructor(startMs = 1_000, wallMs = 1_700_000_000_000) {
    super();
    this.#nowMs = startMs;
    this.#wallOffsetMs = wallMs - startMs;
  }

  override monotonicMs(): number {
    return this.#nowMs;
  }
  override monotonicNs(): bigint {
    return BigInt(Math.round(this.#nowMs * 1e6));
  }
  override wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }
  override after(delayMs: number, run: () => void): Timer {
    const id = this.#sequence++;
    this.#timers.set(id, { dueMs: this.#nowMs + Math.max(0, delayMs), run });
    return { cancel: () => this.#timers.delete(id) };
  }

  /** Moves the wall clock without moving time: a step as NTP makes it. */
  stepWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  /** Lets time pass; between two timers pending promises settle. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      await settle();
      const next = this.#nextDue();
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.delete(next.id);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = endMs;
    await settle();
  }

  #nextDue(): { id: number; dueMs: number; run: () => void } | undefined {
    let best: { id: number; dueMs: number; run: () => void } | undefined;
    for (const [id, timer] of this.#timers) {
      if (best === undefined || timer.dueMs < best.dueMs) best = { id, ...timer };
    }
    return best;
  }
}

/** Lets every pending promise and I/O callback run once. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Rejects with `deadlineExceeded` when the work takes longer. The work itself is not stopped: pass it a signal too. */
export async function withDeadline<T>(clock: Clock, deadlineMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = clock.after(deadlineMs, () =>
      reject(new ApplianceError('deadlineExceeded', `${what} took longer than ${deadlineMs} ms`)),
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer?.cancel();
  }
}

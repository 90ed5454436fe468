/**
 * Knows what happened: which flows the box handed over, when, in which run, and how the runs ended. Compares at the end what
 * arrived at a collector with what may be missing, and why.
 */
import type { Boot } from './box_clock.ts';
import type { Flow } from './traffic.ts';

export type RunEnd = 'stop' | 'kill' | 'powerCut';

export interface Run {
  readonly number: number;
  readonly boot: Boot;
  readonly startMs: number;
  /** Undefined while it lasts. */
  end: { readonly how: RunEnd; readonly atMs: number } | undefined;
  /** The clock of its boot was wrong for some of it. */
  clockWasWrong: boolean;
  /** Since when it has been right without a break; infinite while it is not. */
  clockRightSinceMs: number;
  /** Rows given up by destination, as the account had it last. */
  readonly dropped: Map<string, number>;
}

export interface HandedOver {
  readonly flow: Flow;
  readonly run: Run;
  readonly atMs: number;
  /** Place in the order of hand-over. */
  readonly place: number;
}

export interface ToldGap {
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined: of unknown size. */
  readonly records: number | undefined;
  readonly packets: number | undefined;
}

interface Trouble {
  readonly fromMs: number;
  toMs: number;
}

/** A store that ran into a full disk is tried again within a minute, and then writes what waits. */
const storeRetryMs = 70_000;

export class Witness {
  readonly flows = new Map<number, HandedOver>();
  readonly runs: Run[] = [];
  /** Spans in which the disk did not take writes. */
  readonly #diskTroubles: Trouble[] = [];
  #diskDelayMaxMs = 0;

  handOver(flow: Flow, atMs: number): void {
    const run = this.runs.at(-1)!;
    this.flows.set(flow.id, { flow, run, atMs, place: this.flows.size });
  }
  runStarts(atMs: number, boot: Boot): Run {
    const isWrong = Math.abs(boot.errorMs) > 1_000;
    const run = {
      ...{ number: this.runs.length, boot, startMs: atMs, end: undefined, dropped: new Map() },
      ...{ clockWasWrong: isWrong, clockRightSinceMs: isWrong ? Number.POSITIVE_INFINITY : atMs },
    };
    this.runs.push(run);
    return run;
  }
  diskFails(atMs: number): void {
    this.#diskTroubles.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
  }
  diskWorks(atMs: number): void {
    const last = this.#diskTroubles.at(-1);
    if (last !== undefined && last.toMs === Number.POSITIVE_INFINITY) last.toMs = atMs;
  }
  diskDelays(maxMs: number): void {
    this.#diskDelayMaxMs = Math.max(this.#diskDelayMaxMs, maxMs);
  }

  /** The disk may not have taken what was to be written between these times. */
  diskTroubled(fromMs: number, toMs: number): boolean {
    return this.#diskTroubles.some((one) => one.fromMs <= toMs && one.toMs + storeRetryMs >= fromMs);
  }
  /** What a write may take: of several pieces one after the other. */
  get writeMaxMs(): number {
    return 500 + 6 * this.#diskDelayMaxMs;
  }

  /**
   * The end of its run took it: a kill what was too young to be on disk, any end what the disk did not take. A disk that
   * takes nothing does not take the counts either: the next run only knows that something is missing.
   */
  diedWithItsRun({ atMs, run }: HandedOver, persistAfterMs: number): boolean {
    if (run.end === undefined) return false;
    const endMs = run.end.atMs;
    if (run.end.how === 'stop') return this.diskTroubled(endMs - this.writeMaxMs, endMs);
    return atMs > endMs - persistAfterMs - 1_000 - this.writeMaxMs || this.diskTroubled(atMs, endMs);
  }
  /** The box was killed between these times. */
  killedBetween(fromMs: number, toMs: number): boolean {
    return this.runs.some(({ end }) => end !== undefined && end.how !== 'stop' && end.atMs >= fromMs && end.atMs <= toMs);
  }
}

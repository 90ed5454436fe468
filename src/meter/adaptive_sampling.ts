/**
 * Decides how much to sample while the box cannot keep up: one packet of `interval`, a power of two. Up at once under
 * pressure; down one step after a dwell without pressure, and only when the lower interval would hold. Pure: called with what
 * was seen about once a second, keeps a few numbers.
 *
 * Why it does not flap: it goes down only when the processor time expected there stays below the bound by a margin. Of a
 * packet's work the part up to the selection is the same at every interval, the rest goes with 1/interval; how the two
 * compare is learned from the change in cost at each step, and taken for the worst (all goes with 1/interval) until then.
 * What was learned may be about other traffic: after `trialDwells` without pressure the lower interval is tried all the same.
 * A step down that proves wrong doubles the dwell before it is made again, up to `dwellFactorMax` times.
 *
 * Estimates stay unbiased although the rate follows the traffic: it never depends on which of the packets to come are drawn.
 */
export interface AdaptiveBounds {
  /** A power of two. */
  readonly intervalMax: number;
  /** Shares from 0 to 1. */
  readonly ringShareMax: number;
  readonly cpuShareMax: number;
  readonly dwellMs: number;
  /** After a change up the next looks still show what was before it: for this long, 1.5 s by itself. */
  readonly settleMs?: number;
  /** A full ring and busy threads are no pressure; they only keep it from going down. */
  readonly dropsOnly?: boolean;
}

/** What happened since the last look. */
export interface PressureLook {
  /** Monotonic. */
  readonly nowMs: number;
  readonly receivedPackets: number;
  readonly droppedPackets: number;
  /** Of the fullest ring, now; 0 where there is none. */
  readonly ringShare: number;
  /** Of the time the metering threads had, from 0 to 1; undefined when nobody tells. */
  readonly cpuShare: number | undefined;
}

export type SamplingCause = 'kernelDrops' | 'ringFilling' | 'cpuBusy' | 'pressureOver';

export interface IntervalChange {
  readonly from: number;
  readonly to: number;
  readonly why: SamplingCause;
}

/** After a step up the ring still holds what came before, and the first look sees drops of before. */
const settleByItselfMs = 1_500;
/** Expected shares must stay this far below the bound: what a look sees of a steady load varies by a few per cent. */
const headroom = 0.85;
const dwellFactorMax = 16;
const trialDwells = 15;
/** Fewer packets tell nothing about the cost of one. */
const packetsMin = 1_000;
/** The costs on both sides of a step are measured with about this error. */
const costError = 1.1;

export class AdaptiveSampling {
  #bounds: AdaptiveBounds;
  #step = 0;
  #changedMs = Number.NEGATIVE_INFINITY;
  #wentDown = false;
  /** By the step that is left: how much longer than a dwell it is kept, because leaving it proved wrong. */
  readonly #dwellFactors = new Map<number, number>();
  #lastMs: number | undefined;
  /** Since the last pressure or change; and since when the peaks are. */
  #calmSinceMs = 0;
  #watchedSinceMs = 0;
  #cpuPeak = 0;
  #ringPeak = 0;
  /** Share of processor time for one packet a second, at the last look; and just before the last change, at its step. */
  #cost = Number.NaN;
  #costBefore = Number.NaN;
  #stepBefore = 0;
  /** Cost of metering a packet over the cost of all that comes before the selection. */
  #meteringWeight = Number.POSITIVE_INFINITY;

  constructor(bounds: AdaptiveBounds) {
    this.#bounds = bounds;
  }

  get interval(): number {
    return 2 ** this.#step;
  }

  /** Takes up other bounds; an interval above the new maximum comes down with the next look. */
  configure(bounds: AdaptiveBounds): void {
    this.#bounds = bounds;
  }

  /** Sampling begins anew, with every packet. */
  restart(): void {
    this.#step = this.#stepBefore = 0;
    this.#changedMs = Number.NEGATIVE_INFINITY;
    this.#wentDown = false;
    this.#dwellFactors.clear();
    this.#lastMs = undefined;
    this.#cost = this.#costBefore = Number.NaN;
    this.#meteringWeight = Number.POSITIVE_INFINITY;
  }

  /** Somebody else decides now: a dwell begins when that is over. */
  hold(nowMs: number): void {
    this.#lastMs = this.#calmSinceMs = nowMs;
    this.#watchFrom(nowMs);
  }

  /** The change to make now, if any. */
  look(seen: PressureLook): IntervalChange | undefined {
    const { nowMs } = seen;
    const elapsedMs = nowMs - (this.#lastMs ?? nowMs);
    if (this.#lastMs === undefined) this.#calmSinceMs = this.#watchedSinceMs = nowMs;
    this.#lastMs = nowMs;
    const stepMax = Math.log2(this.#bounds.intervalMax);
    if (this.#step > stepMax) return this.#change(stepMax, 'pressureOver', nowMs);
    this.#learn(seen, elapsedMs);
    const cause = this.#causeOf(seen);
    return cause === undefined ? this.#calm(seen) : this.#pressed(seen, cause, stepMax);
  }

  #pressed(seen: PressureLook, cause: SamplingCause, stepMax: number): IntervalChange | undefined {
    const { nowMs } = seen;
    const sinceMs = nowMs - this.#changedMs;
    this.#calmSinceMs = nowMs;
    this.#watchFrom(nowMs);
    if (this.#step >= stepMax || (!this.#wentDown && sinceMs < this.#settleMs)) return undefined;
    if (this.#wentDown && sinceMs < this.#dwellMs) {
      this.#dwellFactors.set(this.#step + 1, Math.min(dwellFactorMax, this.#factorOf(this.#step + 1) * 2));
    }
    return this.#change(Math.min(stepMax, this.#step + stepsFor(seen)), cause, nowMs);
  }

  #calm(seen: PressureLook): IntervalChange | undefined {
    const { nowMs } = seen;
    this.#cpuPeak = Math.max(this.#cpuPeak, seen.cpuShare ?? 0);
    this.#ringPeak = Math.max(this.#ringPeak, seen.ringShare);
    if (nowMs - this.#watchedSinceMs < this.#dwellMs) return undefined;
    const isTrial = nowMs - this.#calmSinceMs >= trialDwells * this.#dwellMs;
    const goesDown = this.#step > 0 && (isTrial || this.#lowerHolds());
    if (this.#wentDown) this.#dwellFactors.delete(this.#step + 1); // the last step down has proved right
    if (goesDown) return this.#change(this.#step - 1, 'pressureOver', nowMs);
    this.#watchFrom(nowMs);
    return undefined;
  }

  #causeOf({ droppedPackets, ringShare, cpuShare }: PressureLook): SamplingCause | undefined {
    if (droppedPackets > 0) return 'kernelDrops';
    if (this.#bounds.dropsOnly === true) return undefined;
    if (ringShare >= this.#bounds.ringShareMax) return 'ringFilling';
    if (cpuShare !== undefined && cpuShare >= this.#bounds.cpuShareMax) return 'cpuBusy';
    return undefined;
  }

  get #dwellMs(): number {
    return this.#bounds.dwellMs * this.#factorOf(this.#step);
  }

  get #settleMs(): number {
    return this.#bounds.settleMs ?? settleByItselfMs;
  }

  #factorOf(step: number): number {
    return this.#dwellFactors.get(step) ?? 1;
  }

  #lowerHolds(): boolean {
    const { cpuShareMax, ringShareMax } = this.#bounds;
    const weight = this.#meteringWeight / this.interval;
    const growth = Number.isFinite(weight) ? (1 + 2 * weight) / (1 + weight) : 2;
    return growth * this.#cpuPeak <= headroom * cpuShareMax && 2 * this.#ringPeak <= ringShareMax;
  }

  /**
   * With a for the work up to the selection and b for metering, a packet costs a + b/2^k at step k. Of two steps, `coarse`
   * above `fine`, the ratio R of costs gives b/(a 2^coarse) = (R − 1)/(2^(coarse−fine) − R).
   */
  #learn({ nowMs, cpuShare, receivedPackets }: PressureLook, elapsedMs: number): void {
    // The look after a change is about both intervals.
    if (cpuShare === undefined || receivedPackets < packetsMin || elapsedMs <= 0 || nowMs - this.#changedMs < this.#settleMs)
      return;
    this.#cost = (cpuShare * elapsedMs) / receivedPackets;
    if (!Number.isFinite(this.#costBefore)) return;
    const isUp = this.#step > this.#stepBefore;
    const ratio = costError * (isUp ? this.#costBefore / this.#cost : this.#cost / this.#costBefore);
    const most = 2 ** Math.abs(this.#step - this.#stepBefore);
    const coarse = Math.max(this.#step, this.#stepBefore);
    this.#meteringWeight = ratio >= most ? Number.POSITIVE_INFINITY : (2 ** coarse * Math.max(0, ratio - 1)) / (most - ratio);
    this.#costBefore = Number.NaN;
  }

  #change(step: number, why: SamplingCause, nowMs: number): IntervalChange {
    const from = this.interval;
    this.#wentDown = step < this.#step;
    this.#stepBefore = this.#step;
    this.#costBefore = this.#cost;
    this.#cost = Number.NaN;
    this.#step = step;
    this.#changedMs = nowMs;
    this.#calmSinceMs = nowMs;
    this.#watchFrom(nowMs);
    return { from, to: this.interval, why };
  }

  #watchFrom(nowMs: number): void {
    this.#watchedSinceMs = nowMs;
    this.#cpuPeak = this.#ringPeak = 0;
  }
}

/** Where a share d of the packets was lost, at least 1/(1−d) times fewer must be metered. */
function stepsFor({ receivedPackets, droppedPackets }: PressureLook): number {
  const offered = receivedPackets + droppedPackets;
  if (droppedPackets === 0 || receivedPackets === 0) return 1;
  return Math.max(1, Math.ceil(Math.log2(offered / receivedPackets)));
}

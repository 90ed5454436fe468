/**
 * Adaptive sampling in its two stages: the meter's own first, and one in the kernel when packets are lost although the
 * meter samples, because what the meter must do for every packet is more than the box can. Pure; called as AdaptiveSampling is.
 *
 * The kernel knows no pools, so its stage comes last and goes first: while it is on, the meter's own interval stays. Both
 * stages rise and fall by the same rules; only lost packets make the kernel's rise.
 */
import type { MeterCounts } from '../flow/ledger.ts';
import { type AdaptiveBounds, AdaptiveSampling, type PressureLook, type SamplingCause } from './adaptive_sampling.ts';

export interface StagedBounds extends AdaptiveBounds {
  /** A power of two; 1 where the kernel has no such stage. */
  readonly kernelIntervalMax: number;
}

export interface StagedLook extends PressureLook {
  /** What the kernel's stage left out meanwhile: an estimate. */
  readonly sampledByKernelPackets: number;
}

export interface StagedChange {
  readonly stage: 'meter' | 'kernel';
  readonly why: SamplingCause | 'kernelDropsPersist';
}

/** Packets are lost this long, at every look, before the kernel's stage begins: the meter's own has then risen three times. */
const persistMs = 5_000;
/** A change takes a second to pass through the ring, and as long again until another is possible. */
const kernelSettleMs = 4_000;

export class StagedSampling {
  readonly #meter: AdaptiveSampling;
  readonly #kernel: AdaptiveSampling;
  #losingSinceMs: number | undefined;

  constructor(bounds: StagedBounds) {
    this.#meter = new AdaptiveSampling(bounds);
    this.#kernel = new AdaptiveSampling(kernelBounds(bounds));
  }

  /** What every interval of the settings is multiplied by. */
  get factor(): number {
    return this.#meter.interval;
  }

  get kernelInterval(): number {
    return this.#kernel.interval;
  }

  configure(bounds: StagedBounds): void {
    this.#meter.configure(bounds);
    this.#kernel.configure(kernelBounds(bounds));
  }

  /** Sampling begins anew, with every packet. */
  restart(): void {
    this.#meter.restart();
    this.#kernel.restart();
    this.#losingSinceMs = undefined;
  }

  /** The change to make now, if any. */
  look(seen: StagedLook): StagedChange | undefined {
    const { nowMs, droppedPackets } = seen;
    if (droppedPackets === 0) this.#losingSinceMs = undefined;
    else this.#losingSinceMs ??= nowMs;
    const persists = this.#losingSinceMs !== undefined && nowMs - this.#losingSinceMs >= persistMs && this.factor > 1;
    const stands = this.#kernel.interval;
    // In packets on the port: of what the stage lets through, each stands for `stands`.
    const change = this.#kernel.look({
      ...seen,
      receivedPackets: seen.receivedPackets + seen.sampledByKernelPackets,
      droppedPackets: persists || stands > 1 ? droppedPackets * stands : 0,
    });
    if (stands > 1) this.#meter.hold(nowMs);
    if (change !== undefined) return { stage: 'kernel', why: change.to > change.from ? 'kernelDropsPersist' : change.why };
    if (stands > 1) return undefined;
    const own = this.#meter.look(seen);
    return own === undefined ? undefined : { stage: 'meter', why: own.why };
  }
}

const kernelBounds = (bounds: StagedBounds): AdaptiveBounds => ({
  ...bounds,
  intervalMax: bounds.kernelIntervalMax,
  settleMs: kernelSettleMs,
  dropsOnly: true,
});

/**
 * From the meter's counters at two moments.
 * @param threads metering threads: what 100 % of their time is
 */
export function lookBetween(
  before: MeterCounts,
  now: MeterCounts,
  elapsedMs: number,
  nowMs: number,
  threads: number,
): StagedLook {
  // Counters begin again when the meter was opened anew.
  const grown = (name: keyof MeterCounts): number => Math.max(0, now[name] - before[name]);
  const hadNs = elapsedMs * 1e6 * threads;
  return {
    nowMs,
    receivedPackets: grown('receivedPackets'),
    droppedPackets: grown('droppedByKernelPackets'),
    sampledByKernelPackets: grown('sampledByKernelPackets'),
    ringShare: now.ringFilledPercent / 100,
    cpuShare: hadNs > 0 ? Math.min(1, grown('threadCpuNs') / hadNs) : undefined,
  };
}

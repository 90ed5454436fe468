/**
 * Meters one capture file to its end as fast as the machine can, on packet time: `flowspan meter FILE`, tests, benchmarks.
 * Blocks its thread while the native threads work, so it is for one-shot commands only.
 */
import type { MeterSettings } from '../config/schema.ts';
import type { ApplianceError } from '../core/errors.ts';
import type { Ledger } from '../flow/ledger.ts';
import { type RowBlock, WALL_BOOT_ID } from '../flow/row_block.ts';
import type { SelectorFact } from '../flow/selectors.ts';
import type { NativeAddon, NativeMeter, NativeOptions } from './addon.ts';
import { BlockReader } from './block_reader.ts';
import { figuresOf, ledgerOfFigures, type MeterFigures } from './figures.ts';
import { errorOfNative, errorOfSource } from './native_errors.ts';
import { cacheOptions } from './native_options.ts';
import { type SamplingPlan, samplingPlan } from './sampling_plan.ts';
import { SelectorRegister } from './selector_register.ts';
import { SelectorTotals, selectorFacts } from './selector_totals.ts';

export interface OfflineOptions {
  readonly path: string;
  /** Cache, time-outs, sampling, threads and filter; the source is the file. */
  readonly settings: MeterSettings;
  /** The same seed gives the same flows, also under random sampling. */
  readonly seed?: bigint;
}

/** Blocks small enough that a row is still in the processor's cache when it is read: measured, see native/README.md. */
const rowsPerBlock = 128;
const blocksPerThread = 8;
const waitMs = 1_000;

export class OfflineMeter {
  readonly #meter: NativeMeter;
  readonly #register = new SelectorRegister();
  readonly #plan: SamplingPlan;
  #started = false;

  /** Opens the capture. Throws ApplianceError: captureUnreadable, captureDamaged, linkTypeUnsupported, filterInvalid. */
  constructor(addon: NativeAddon, { path, settings, seed = 1n }: OfflineOptions) {
    // Nothing is pressed for time here, so adaptive sampling would never begin.
    this.#plan = samplingPlan(settings.sampling, 1, 1, (meaning) => this.#register.numberOf(meaning));
    const options: NativeOptions = {
      ...cacheOptions(settings, this.#plan.native, seed),
      source: { kind: 'file', path, pace: 'asFast', filter: settings.filter },
      rowsPerBlock,
      blocks: blocksPerThread * settings.threads,
    };
    try {
      this.#meter = addon.open(options);
    } catch (error) {
      throw errorOfNative(error);
    }
  }

  /** Every block of rows; each is valid until the next is asked for. */
  *blocks(): Generator<RowBlock, void, void> {
    const meter = this.#meter;
    const reader = new BlockReader(meter, WALL_BOOT_ID);
    meter.start();
    this.#started = true;
    while (!meter.drained()) {
      const index = meter.waitBlock(waitMs);
      if (index < 0) continue;
      yield reader.block(index);
      meter.release(index);
    }
  }

  figures(): MeterFigures {
    return figuresOf(this.#meter.stats());
  }

  /** What rows' selectorIds stand for, with what was counted so far. */
  selectors(): SelectorFact[] {
    const { others, pools } = this.#plan;
    const totals = new SelectorTotals();
    if (this.#started) totals.see(this.figures().selectors);
    return selectorFacts(this.#register, totals, new Set([others, ...pools].map(({ selectorId }) => selectorId)));
  }

  ledger(): Ledger {
    return ledgerOfFigures(this.figures());
  }

  /** Why reading ended before the end of the capture; what came before was metered. */
  trouble(): ApplianceError | undefined {
    return errorOfSource(this.figures().sourceError);
  }

  close(): void {
    this.#meter.close();
  }
}

/**
 * The register of selectors with what each has counted, and its place on disk. Started after the spool, whose rows may need it,
 * and before exporters, who tell it; the meter service numbers by it and calls `see` about once a second. A register that cannot be written is written again later: rows reach the disk
 * seconds after they were made, so what names them is there before.
 */
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import { type Sampling, type SelectorFact, type SelectorMeaning, samplingOfBoth } from '../flow/selectors.ts';
import type { NativeSelector } from './addon.ts';
import { SelectorRegister } from './selector_register.ts';
import { SelectorTotals, selectorFacts } from './selector_totals.ts';

/** Text that outlives the program, replaced as a whole. */
export interface SelectorStore {
  /** Undefined when there is none. */
  read(): Promise<string | undefined>;
  replace(text: string): Promise<void>;
  /** Rows of earlier runs may wait, whether or not their register is there. */
  mayHoldRows(): boolean;
}

export const keptSelectors = (file: Omit<SelectorStore, 'mayHoldRows'>, mayHoldRows: () => boolean): SelectorStore => ({
  read: () => file.read(),
  replace: (text) => file.replace(text),
  mayHoldRows,
});

export class SelectorsInUse implements Service {
  readonly name = 'selectors';
  readonly #world: World;
  readonly #store: SelectorStore | undefined;
  readonly #totals = new SelectorTotals();
  #register = new SelectorRegister();
  #written = 0;
  #writing: Promise<void> | undefined;
  #isTroubled = false;

  constructor(world: World, store?: SelectorStore) {
    this.#world = world;
    this.#store = store;
  }

  /** What earlier runs numbered. Where that is lost, numbers begin anywhere, so that old rows hardly meet a new meaning. */
  async start(): Promise<void> {
    if (this.#store === undefined) return;
    const { log, random } = this.#world;
    let text: string | undefined;
    let reason = 'its text is damaged';
    try {
      text = await this.#store.read();
      if (text === undefined && !this.#store.mayHoldRows()) return;
    } catch (error) {
      reason = messageOf(error);
    }
    const kept = text === undefined ? undefined : SelectorRegister.parse(text);
    this.#register = kept ?? new SelectorRegister(1 + random.below(65_535));
    if (kept === undefined && text !== undefined) log.warn('selectorsForgotten', { reason });
  }

  stop(): Promise<void> {
    return this.keep();
  }

  readonly numberOf = (meaning: SelectorMeaning): number => this.#register.numberOf(meaning);

  /** The meter was opened anew and counts from nothing. */
  begin(): void {
    this.#totals.begin();
  }

  see(selectors: readonly NativeSelector[]): void {
    this.#totals.see(selectors);
    void this.keep();
  }

  /** What a row's selectorId stands for; undefined for a number that nobody knows. */
  of(selectorId: number): Sampling | undefined {
    const meaning = this.#register.of(selectorId);
    return meaning && samplingOfBoth(meaning);
  }

  /** Every selector that rows may name, those in force last. `planned` ones are about to be, when they are not yet. */
  facts(planned: ReadonlySet<number>): SelectorFact[] {
    return selectorFacts(this.#register, this.#totals, planned);
  }

  /** Writes what is new; resolves when it lies on disk or could not be written. */
  keep(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#store !== undefined && this.#written !== this.#register.changes) {
      const { changes } = this.#register;
      try {
        await this.#store.replace(this.#register.text());
        this.#written = changes;
        this.#isTroubled = false;
      } catch (error) {
        // Tried again at the next look; said once.
        if (!this.#isTroubled) this.#world.log.warn('selectorsNotKept', { reason: messageOf(error) });
        this.#isTroubled = true;
        return;
      }
    }
  }
}

/** What is known of the slots and of earlier updates, and the way to have one installed. Owned by the update service. */
import type { World } from '../../core/world.ts';
import { outcomeWords, type UpdateRecord } from '../../flow/update_shapes.ts';
import { Handover, type InstallAnswer, type InstallRequest, type UpdateFolders } from './handover.ts';
import { parseSlots, parseUpdateLog, type SlotFacts } from './slot_facts.ts';

/** What failed less than this ago is told after a restart: by then nobody else has. */
const newsMs = 900_000;

export interface News {
  readonly level: 'info' | 'error';
  readonly event: 'updateKept' | 'updateWentBack';
  readonly text: string;
}

export class SlotBook {
  readonly #handover: Handover;
  readonly #world: World;
  readonly #version: string;
  #hasLooked = false;
  #facts: SlotFacts | undefined;
  #past: readonly UpdateRecord[] = [];

  constructor(world: World, folders: UpdateFolders, version: string) {
    this.#world = world;
    this.#handover = new Handover(world, folders);
    this.#version = version;
  }

  /** Undefined until the image's scripts have told. */
  get facts(): SlotFacts | undefined {
    return this.#facts;
  }

  /** Newest first. */
  get past(): readonly UpdateRecord[] {
    return this.#past;
  }

  ask(request: InstallRequest, deadlineMs: number, signal: AbortSignal): Promise<InstallAnswer> {
    return this.#handover.ask(request, deadlineMs, signal);
  }

  /** Reads anew; what has been judged since the last look, or just before the first. */
  async look(): Promise<News | undefined> {
    const told = await this.#handover.told();
    if (told === undefined) return undefined;
    const before = this.#past[0];
    this.#past = parseUpdateLog(told.log);
    this.#facts = parseSlots(told.slots, this.#past, this.#version);
    const isFirst = !this.#hasLooked;
    this.#hasLooked = true;
    const newest = this.#past[0];
    if (newest === undefined) return undefined;
    const words = `version ${newest.version}: ${outcomeWords[newest.outcome]}`;
    // Of a version that was left somebody hears from the one that runs now.
    const wasLeft = newest.outcome === 'wentBack' || newest.outcome === 'notJudged';
    if (isFirst && wasLeft && this.#world.clock.wallMs() - newest.atMs < newsMs)
      return { level: 'error', event: 'updateWentBack', text: `${words}: ${newest.reason}` };
    const isNew = !isFirst && (before?.atMs !== newest.atMs || before.outcome !== newest.outcome);
    return isNew && newest.outcome === 'good' ? { level: 'info', event: 'updateKept', text: words } : undefined;
  }
}

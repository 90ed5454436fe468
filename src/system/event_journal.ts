/**
 * What happened to the box, in words for a technician: a bounded list, newest last, with listeners. The same event with
 * the same text within a minute is one entry. Limit: `entriesMax`; the oldest is forgotten first.
 */
import type { World } from '../core/world.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';

export type EventListener = (event: BoxEvent) => void;

const entriesMax = 200;
const repeatMs = 60_000;

export class EventJournal {
  readonly #world: World;
  readonly #entries: BoxEvent[] = [];
  readonly #listeners: EventListener[] = [];
  readonly #lastSaid = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Newest last. */
  get entries(): readonly BoxEvent[] {
    return this.#entries;
  }

  onEvent(listener: EventListener): void {
    this.#listeners.push(listener);
  }

  /** The box has learned the time: what happened before it did was labelled wrong by so much, ms. */
  correct(changeMs: number): void {
    this.#entries.splice(0, Infinity, ...this.#entries.map((entry) => ({ ...entry, atMs: entry.atMs + changeMs })));
  }

  /**
   * @param event a stable name, `uplinkLost`
   * @param text what a technician should know, a sentence
   */
  add(level: BoxEvent['level'], event: string, text: string): void {
    const key = `${event}\n${text}`;
    const nowMs = this.#world.clock.monotonicMs();
    const saidMs = this.#lastSaid.get(key);
    if (saidMs !== undefined && nowMs - saidMs < repeatMs) return;
    this.#lastSaid.delete(key);
    this.#lastSaid.set(key, nowMs);
    if (this.#lastSaid.size > entriesMax) this.#lastSaid.delete(this.#lastSaid.keys().next().value as string);
    this.#world.log[level](event, { text });
    const entry: BoxEvent = { atMs: this.#world.clock.wallMs(), level, event, text };
    this.#entries.push(entry);
    if (this.#entries.length > entriesMax) this.#entries.shift();
    for (const listener of this.#listeners) listener(entry);
  }
}

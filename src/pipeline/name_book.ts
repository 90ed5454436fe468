/**
 * Keeps the dictionary of names on disk, so that a number means the same after a restart, for rows that still lie in the
 * spool. A file of names, read whole at start and replaced whole. An unreadable one is not believed: numbers go on far
 * above any that it can have held.
 */
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import { type DictionaryEntry, NameDictionary, type NameKind } from '../flow/dictionary.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';

export interface NameFile {
  /** Undefined when there is none. */
  read(): Promise<string | undefined>;
  /** Atomic and durable. */
  replace(text: string): Promise<void>;
}

export interface NameBookParts {
  readonly world: World;
  readonly file: NameFile;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** Numbers are unsigned32; a second start gives each lost dictionary a range of its own, for as long as a box may live. */
const secondsOfRange = 2 ** 31;

export class NameBook implements Service {
  readonly name = 'names';
  readonly #parts: NameBookParts;
  #dictionary = new NameDictionary();
  #saved = '';

  constructor(parts: NameBookParts) {
    this.#parts = parts;
  }

  async start(_signal: AbortSignal): Promise<void> {
    try {
      const text = await this.#parts.file.read();
      if (text === undefined) return;
      const found = NameDictionary.read(text);
      if (found === undefined) throw new Error('its text is damaged');
      this.#dictionary = found;
      this.#saved = text;
    } catch (error) {
      const { clock } = this.#parts.world;
      this.#dictionary = new NameDictionary([], secondsOfRange + (Math.floor(clock.wallMs() / 1_000) % secondsOfRange));
      this.#parts.onEvent(
        'warn',
        'namesUnreadable',
        `The names of labels cannot be read and are numbered anew: ${messageOf(error)}`,
      );
    }
  }

  async stop(_deadlineMs: number): Promise<void> {
    await this.save();
  }

  numberOf(kind: NameKind, name: string): number {
    return this.#dictionary.numberOf(kind, name);
  }

  nameOf(number: number): string | undefined {
    return this.#dictionary.entryOf(number)?.name;
  }

  entries(): DictionaryEntry[] {
    return this.#dictionary.entries();
  }

  /** Writes new names down. A disk that refuses costs names after a restart, nothing else: it is an event. */
  async save(): Promise<void> {
    const text = this.#dictionary.text();
    if (text === this.#saved || this.#dictionary.size === 0) return;
    try {
      await this.#parts.file.replace(text);
      this.#saved = text;
    } catch (error) {
      this.#parts.onEvent('error', 'namesUnwritable', `The names of labels cannot be written down: ${messageOf(error)}`);
    }
  }
}

/**
 * Names that rows carry as numbers: a number stands for one name of one kind for ever, since rows with it may lie on disk for
 * weeks. Numbers count from 1 (0 is none) and are never given twice. Pure; who keeps it writes `text()` down before a
 * new number is used, and reads it with `NameDictionary.read`.
 */
import type { LabelKind } from './labels.ts';

export type NameKind = `${LabelKind}Label`;

export interface DictionaryEntry {
  readonly number: number;
  readonly kind: NameKind;
  readonly name: string;
}

const version = 1;

export class NameDictionary {
  readonly #byNumber = new Map<number, DictionaryEntry>();
  readonly #byName = new Map<string, number>();
  #next: number;

  /** @param next the first number to give */
  constructor(entries: readonly DictionaryEntry[] = [], next = 1) {
    this.#next = next;
    for (const entry of entries) this.#add(entry);
  }

  /** What `text` wrote, or undefined for anything else. */
  static read(text: string): NameDictionary | undefined {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return undefined; // damage: the caller begins a new one above every number given before
    }
    if (!isWritten(parsed)) return undefined;
    return new NameDictionary(
      parsed.names.map(([number, kind, name]) => ({ number, kind: kind as NameKind, name })),
      parsed.next,
    );
  }

  text(): string {
    const names = [...this.#byNumber.values()].map(({ number, kind, name }) => [number, kind, name]);
    return `${JSON.stringify({ version, next: this.#next, names })}\n`;
  }

  /** The number of a name, a new one when it has none. */
  numberOf(kind: NameKind, name: string): number {
    const known = this.#byName.get(`${kind} ${name}`);
    if (known !== undefined) return known;
    const entry = { number: this.#next, kind, name };
    this.#add(entry);
    return entry.number;
  }

  entryOf(number: number): DictionaryEntry | undefined {
    return this.#byNumber.get(number);
  }

  entries(): DictionaryEntry[] {
    return [...this.#byNumber.values()];
  }

  get size(): number {
    return this.#byNumber.size;
  }

  #add(entry: DictionaryEntry): void {
    this.#byNumber.set(entry.number, entry);
    this.#byName.set(`${entry.kind} ${entry.name}`, entry.number);
    this.#next = Math.max(this.#next, entry.number + 1);
  }
}

function isWritten(value: unknown): value is { next: number; names: [number, string, string][] } {
  const { version: found, next, names } = (value ?? {}) as Record<string, unknown>;
  return (
    found === version &&
    Number.isSafeInteger(next) &&
    Array.isArray(names) &&
    names.every(
      (entry) =>
        Array.isArray(entry) && Number.isSafeInteger(entry[0]) && typeof entry[1] === 'string' && typeof entry[2] === 'string',
    )
  );
}

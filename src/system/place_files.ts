/**
 * The files of countries and autonomous systems (MMDB), read whole and read again when they change. An edge. A file that
 * cannot be read is an event, and the one of before goes on; rows then simply bear no place.
 *
 * Limits: a file has at most `octetsMax`; it lies in memory.
 */
import { readFile, stat } from 'node:fs/promises';
import { type AsnResponse, type CountryResponse, Reader, type Response } from 'mmdb-lib';
import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { Place, PlaceLookup } from '../flow/places.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';

const octetsMax = 256 * 1024 * 1024;
const lookEveryMs = 60_000;

export interface PlaceFilesParts {
  readonly world: World;
  /** Empty for none. */
  readonly countryFile: string;
  readonly asFile: string;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** One file, as it was last read. */
class PlaceFile<T extends Response> {
  readonly path: string;
  reader: Reader<T> | undefined;
  #seen = '';
  #trouble = '';

  constructor(path: string) {
    this.path = path;
  }

  /** @returns what went wrong, once; undefined when all is well or was said before */
  async look(): Promise<{ changed: boolean; trouble?: string }> {
    if (this.path === '') return { changed: false };
    try {
      const { mtimeMs, size } = await stat(this.path);
      const seen = `${mtimeMs} ${size}`;
      if (seen === this.#seen) return { changed: false };
      // Tried once for each state of the file: half of it, seen while it is being replaced, is another state later.
      this.#seen = seen;
      if (size > octetsMax) throw new Error(`it has ${size} octets; allowed: ${octetsMax} at most`);
      this.reader = new Reader<T>(await readFile(this.path));
      this.#trouble = '';
      return { changed: true };
    } catch (error) {
      const trouble = messageOf(error);
      const isNew = trouble !== this.#trouble;
      this.#trouble = trouble;
      return { changed: false, ...(isNew ? { trouble } : {}) };
    }
  }

  of(address: string): T | null {
    try {
      return this.reader?.get(address) ?? null;
    } catch {
      // Damage inside the file, met at this address only: as if the file did not know it.
      return null;
    }
  }
}

export class PlaceFiles implements Service, PlaceLookup {
  readonly name = 'places';
  readonly #parts: PlaceFilesParts;
  readonly #country: PlaceFile<CountryResponse>;
  readonly #as: PlaceFile<AsnResponse>;
  #timer: Timer | undefined;
  generation = 0;

  constructor(parts: PlaceFilesParts) {
    this.#parts = parts;
    this.#country = new PlaceFile(parts.countryFile);
    this.#as = new PlaceFile(parts.asFile);
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#country.path === '' && this.#as.path === '') return;
    await this.#look();
    this.#timer = this.#parts.world.clock.every(
      lookEveryMs,
      () => this.#look(),
      (error) => {
        throw error; // `look` keeps its troubles to itself
      },
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
  }

  of(address: string): Place {
    const country = this.#country.of(address)?.country?.iso_code;
    const found = this.#as.of(address);
    return {
      ...(country !== undefined && /^[A-Z]{2}$/.test(country) ? { country } : {}),
      ...(found?.autonomous_system_number === undefined
        ? {}
        : { as: { number: found.autonomous_system_number, organisation: found.autonomous_system_organization ?? '' } }),
    };
  }

  async #look(): Promise<void> {
    for (const file of [this.#country, this.#as]) {
      const { changed, trouble } = await file.look();
      if (changed) this.generation++;
      if (trouble === undefined) continue;
      const goesOn = file.reader === undefined ? 'rows bear no place from it' : 'what was read before stays';
      this.#parts.onEvent('warn', 'placesUnreadable', `${file.path} cannot be read: ${trouble}; ${goesOn}`);
    }
  }
}

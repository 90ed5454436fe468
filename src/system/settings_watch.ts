/**
 * Notices that the settings file was changed, and takes it up. An edge: looks at the file every `lookEveryMs`, and at once when
 * told (SIGHUP). A file that is still being written changes again: it is read once it has been the same for one look.
 */
import { stat } from 'node:fs/promises';
import type { Timer } from '../core/clock.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';

export interface SettingsWatchParts {
  readonly world: World;
  /** Empty for none. */
  readonly path: string;
  /** Reads the file and takes it up; keeps its troubles to itself. */
  readonly reload: () => void;
}

const lookEveryMs = 2_000;

export class SettingsWatch implements Service {
  readonly name = 'settingsWatch';
  readonly #parts: SettingsWatchParts;
  #taken = '';
  #last = '';
  #timer: Timer | undefined;

  constructor(parts: SettingsWatchParts) {
    this.#parts = parts;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#parts.path === '') return;
    this.#taken = this.#last = await this.#state();
    this.#timer = this.#parts.world.clock.every(
      lookEveryMs,
      () => this.#look(),
      (error) => {
        throw error; // `reload` keeps its troubles to itself
      },
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
  }

  /** Somebody says that it changed. */
  async now(): Promise<void> {
    this.#taken = this.#last = await this.#state();
    this.#parts.reload();
  }

  async #look(): Promise<void> {
    const state = await this.#state();
    const isSteady = state === this.#last;
    this.#last = state;
    // Gone for a moment, as editors that replace a file leave it: what was taken up stays.
    if (!isSteady || state === '' || state === this.#taken) return;
    this.#taken = state;
    this.#parts.reload();
  }

  async #state(): Promise<string> {
    try {
      const { ino, size, mtimeMs } = await stat(this.#parts.path);
      return `${ino} ${size} ${mtimeMs}`;
    } catch {
      return ''; // not there, or not readable now: looked at again
    }
  }
}

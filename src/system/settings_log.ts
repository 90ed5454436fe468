/**
 * Keeps the log of changes of settings, over restarts: at a start the settings are compared with those of the run before.
 * One file, replaced whole, with the settings as they may be shown and the newest `entriesMax` changes. Secrets are not in it:
 * that a password changed over a restart is not noticed.
 */
import { changesBetween, type SettingChange } from '../config/changes.ts';
import { redact, withoutAddresses } from '../config/redact.ts';
import type { Settings } from '../config/schema.ts';
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { LoggedSettingChange } from '../flow/setting_changes.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import type { TextStore } from './boot_file.ts';

export interface SettingsLogParts {
  readonly world: World;
  readonly file: TextStore;
  readonly settings: Settings;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

const entriesMax = 500;
const version = 1;

export class SettingsLog implements Service {
  readonly name = 'settings';
  readonly #parts: SettingsLogParts;
  #settings: Settings;
  #entries: LoggedSettingChange[] = [];
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: SettingsLogParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
  }

  /** Newest last. */
  get entries(): readonly LoggedSettingChange[] {
    return this.#entries;
  }

  async start(_signal: AbortSignal): Promise<void> {
    const kept = await this.#read();
    if (kept === undefined) return this.#save();
    this.#entries = kept.changes;
    // A setting that the run before did not know yet came with the program, not by anybody's hand.
    const changes = changesBetween(kept.settings, redact(this.#settings)).filter(({ before }) => before !== '');
    if (changes.length === 0) return kept.isOld ? this.#save() : undefined;
    this.#add(
      'restart',
      changes.map((change) => ({ ...change, restart: false })),
    );
    this.#parts.onEvent('info', 'settingsChanged', `settings changed since the last run: ${pathsOf(changes)}`);
    await this.#save();
  }

  async stop(_deadlineMs: number): Promise<void> {
    await this.#saving;
  }

  /** Other settings came while running; `inForce` are those that the box goes on with. */
  changed(changes: readonly SettingChange[], inForce: Settings): void {
    this.#settings = inForce;
    this.#add('reload', changes);
    void this.#save();
  }

  #add(by: LoggedSettingChange['by'], changes: readonly SettingChange[]): void {
    const atMs = Math.round(this.#parts.world.clock.wallMs());
    for (const { path, before, after, restart } of changes) {
      this.#entries.push({ atMs, by, path, before, after, inForce: !restart });
    }
    if (this.#entries.length > entriesMax) this.#entries = this.#entries.slice(-entriesMax);
  }

  async #read(): Promise<{ settings: Settings; changes: LoggedSettingChange[]; isOld: boolean } | undefined> {
    try {
      const text = await this.#parts.file.read();
      if (text === undefined) return undefined;
      const found = JSON.parse(text) as { version?: unknown; settings?: Settings; changes?: LoggedSettingChange[] };
      if (found.version !== version || found.settings === undefined || !Array.isArray(found.changes)) {
        throw new Error('it is not what this program writes');
      }
      // Versions before kept web addresses whole.
      const changes = found.changes.map((one) => ({
        ...one,
        before: withoutAddresses(one.before),
        after: withoutAddresses(one.after),
      }));
      const settings = redact(found.settings);
      return {
        settings,
        changes,
        isOld: JSON.stringify([found.settings, found.changes]) !== JSON.stringify([settings, changes]),
      };
    } catch (error) {
      this.#parts.onEvent(
        'warn',
        'settingsLogUnreadable',
        `The log of settings cannot be read and begins anew: ${messageOf(error)}`,
      );
      return undefined;
    }
  }

  /** One write after the other; the newest state wins. */
  #save(): Promise<void> {
    const text = (): string => `${JSON.stringify({ version, settings: redact(this.#settings), changes: this.#entries })}\n`;
    this.#saving = this.#saving.then(async () => {
      try {
        await this.#parts.file.replace(text());
      } catch (error) {
        this.#parts.onEvent('error', 'settingsLogUnwritable', `The log of settings cannot be written: ${messageOf(error)}`);
      }
    });
    return this.#saving;
  }
}

function pathsOf(changes: readonly SettingChange[]): string {
  return changes.map(({ path }) => path).join(', ');
}

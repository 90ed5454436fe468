/**
 * The settings that the box goes by, and those that it was last asked to: what can be taken up while running is, the rest
 * waits for a restart and is said to.
 */
import { changesBetween, type SettingChange, withValues } from '../config/changes.ts';
import type { Settings } from '../config/schema.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import type { SettingsLog } from './settings_log.ts';

export interface SettingsInForceParts {
  readonly settings: Settings;
  readonly log: Pick<SettingsLog, 'changed'>;
  /** Makes services go by these. */
  readonly apply: (settings: Settings) => void;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

export class SettingsInForce {
  readonly #parts: SettingsInForceParts;
  #inForce: Settings;
  #wanted: Settings;
  #refused = '';

  constructor(parts: SettingsInForceParts) {
    this.#parts = parts;
    this.#inForce = this.#wanted = parts.settings;
  }

  get current(): Settings {
    return this.#inForce;
  }

  /** Paths of what waits for a restart. */
  waiting(): string[] {
    return this.#inForce === this.#wanted ? [] : changesBetween(this.#inForce, this.#wanted).map(({ path }) => path);
  }

  /** Other settings, checked already. */
  take(wanted: Settings): readonly SettingChange[] {
    const changes = changesBetween(this.#wanted, wanted);
    this.#wanted = wanted;
    this.#refused = '';
    if (changes.length === 0) return changes;
    const live = changes.filter(({ restart }) => !restart);
    if (live.length > 0) {
      this.#inForce = withValues(
        this.#inForce,
        wanted,
        live.map(({ path }) => path),
      );
      this.#parts.apply(this.#inForce);
    }
    // Taken back what waited: nothing waits any more, and the two are one again.
    if (changesBetween(this.#inForce, wanted).length === 0) this.#inForce = wanted;
    this.#parts.log.changed(changes, this.#inForce);
    this.#say('settingsChanged', 'taken up', live);
    this.#say(
      'settingsNeedRestart',
      'changed, and in force after a restart',
      changes.filter(({ restart }) => restart),
    );
    return changes;
  }

  /** Settings that cannot be read or are not allowed: the box goes on with those it has. */
  refuse(why: string): void {
    if (why !== this.#refused) this.#parts.onEvent('error', 'settingsRefused', `changed settings are not taken up: ${why}`);
    this.#refused = why;
  }

  #say(event: string, what: string, changes: readonly SettingChange[]): void {
    if (changes.length === 0) return;
    this.#parts.onEvent('info', event, `settings ${what}: ${changes.map(({ path }) => path).join(', ')}`);
  }
}

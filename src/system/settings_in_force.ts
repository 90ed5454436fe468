/**
 * The settings that the box goes by, and those that it was last asked to: what can be taken up while running is, the rest
 * waits for a restart and is said to.
 */
import { changesBetween, isOfProvisioning, type SettingChange, type SettingsRefusal, withValues } from '../config/changes.ts';
import type { Settings } from '../config/schema.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import type { SettingsLog } from './settings_log.ts';

export interface SettingsInForceParts {
  readonly settings: Settings;
  readonly log: Pick<SettingsLog, 'changed'>;
  /** Makes services go by these, but for what it returns. */
  readonly apply: (settings: Settings) => readonly SettingsRefusal[];
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

export class SettingsInForce {
  readonly #parts: SettingsInForceParts;
  #inForce: Settings;
  #wanted: Settings;
  #refused = '';
  #remarked = '';

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
    // What was refused before is tried again: only all of it together is known to be allowed.
    const differing = changesBetween(this.#inForce, wanted);
    const tried = differing.filter(({ path, restart }) => !restart || isOfProvisioning(path));
    const refusals = tried.length === 0 ? [] : this.#parts.apply(withValues(this.#inForce, wanted, pathsOf(tried)));
    const isRefused = ({ path }: SettingChange): boolean => refusals.some((one) => isWithin(path, one.path));
    const taken = tried.filter((change) => !isRefused(change));
    this.#inForce = withValues(this.#inForce, wanted, pathsOf(taken));
    // Where nothing waits any more, the two are one again.
    if (changesBetween(this.#inForce, wanted).length === 0) this.#inForce = wanted;
    const differed = new Set(pathsOf(differing));
    const isBack = ({ path }: SettingChange): boolean => !differed.has(path);
    const waits = ({ path, restart }: SettingChange): boolean => restart && !isOfProvisioning(path);
    const known = new Set(pathsOf(changes));
    const told = [
      ...changes.map((change) => ({ ...change, restart: !isBack(change) && (isRefused(change) || waits(change)) })),
      ...taken.filter(({ path }) => !known.has(path)),
    ];
    this.#parts.log.changed(told, this.#inForce);
    this.#say(
      'settingsChanged',
      'taken up',
      told.filter((change) => !change.restart && !isBack(change) && !isOfProvisioning(change.path)),
    );
    this.#say(
      'settingsChanged',
      'changed for the box itself, by provisioning, at once when they come from the page or a stick, else as it starts',
      told.filter((change) => !change.restart && !isBack(change) && isOfProvisioning(change.path)),
    );
    this.#say('settingsChanged', 'taken back before they were in force', changes.filter(isBack));
    this.#say(
      'settingsNeedRestart',
      'changed, and in force after a restart',
      told.filter((change) => change.restart && !isRefused(change)),
    );
    for (const { path, why } of refusals) {
      const paths = pathsOf(tried).filter((one) => isWithin(one, path));
      this.#parts.onEvent('error', 'settingsRefused', `settings wait for a restart: ${paths.join(', ')}: ${why}`);
    }
    return told;
  }

  /** Settings that cannot be read or are not allowed: the box goes on with those it has. */
  refuse(why: string): void {
    if (why !== this.#refused) this.#parts.onEvent('error', 'settingsRefused', `changed settings are not taken up: ${why}`);
    this.#refused = why;
  }

  /** What is to be brought up to date in the file; said once. */
  remark(remarks: readonly string[]): void {
    const text = remarks.join('; ');
    if (text !== '' && text !== this.#remarked) this.#parts.onEvent('warn', 'settingsOutdated', text);
    this.#remarked = text;
  }

  #say(event: string, what: string, changes: readonly SettingChange[]): void {
    if (changes.length === 0) return;
    this.#parts.onEvent('info', event, `settings ${what}: ${pathsOf(changes).join(', ')}`);
  }
}

const pathsOf = (changes: readonly SettingChange[]): string[] => changes.map(({ path }) => path);

const isWithin = (path: string, section: string): boolean => path === section || path.startsWith(`${section}.`);

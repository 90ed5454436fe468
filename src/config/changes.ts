/**
 * What differs between two settings, path by path, as it may be shown; and which of it a running box takes up. Pure. Lists
 * are one value: what moved inside of one is not told apart.
 */
import { redact } from './redact.ts';
import { settingsList } from './reference.ts';
import type { Settings } from './schema.ts';

export interface SettingChange {
  /** `meter.idleTimeoutS` */
  readonly path: string;
  /** JSON, secrets replaced, cut to `shownMax` characters. */
  readonly before: string;
  readonly after: string;
  /** True when the service must restart to take it up. */
  readonly restart: boolean;
}

/** What a running service goes on without, and why. */
export interface SettingsRefusal {
  /** Of a setting or a section: all of it stays as it was. */
  readonly path: string;
  readonly why: string;
}

const shownMax = 400;

export function changesBetween(before: Settings, after: Settings): SettingChange[] {
  const restartOf = restartByPath();
  const shown = [redact(before), redact(after)] as const;
  return differing(before, after, '').map((path) => ({
    path,
    before: text(valueAt(shown[0], path)),
    after: text(valueAt(shown[1], path)),
    restart: restartOf.get(path) ?? true,
  }));
}

/**
 * What the box itself goes by and no service: provisioning brings it into force. The proxy is the way to updates too, which the service
 * takes.
 */
export const isOfProvisioning = (path: string): boolean => path.startsWith('device.') && path !== 'device.proxy';

/** `settings` with the values that `next` has at these paths. */
export function withValues(settings: Settings, next: Settings, paths: readonly string[]): Settings {
  const changed = structuredClone(settings);
  for (const path of paths) {
    const keys = path.split('.');
    const holder = valueAt(changed, keys.slice(0, -1).join('.')) as Record<string, unknown>;
    holder[keys.at(-1)!] = valueAt(next, path);
  }
  return changed;
}

function differing(a: unknown, b: unknown, path: string): string[] {
  if (isMap(a) && isMap(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) => differing(a[key], b[key], path === '' ? key : `${path}.${key}`));
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [path];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(settings: unknown, path: string): unknown {
  if (path === '') return settings;
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], settings);
}

function text(value: unknown): string {
  const whole = value === undefined ? '' : JSON.stringify(value);
  return whole.length > shownMax ? `${whole.slice(0, shownMax - 1)}…` : whole;
}

/** A list of maps is taken up while running when the list says so; its items are not asked. */
function restartByPath(): ReadonlyMap<string, boolean> {
  return new Map(settingsList().map(({ path, restart }) => [path, restart]));
}

/**
 * Files that settings name: every value under a key that ends in `File`. On a boot partition they lie below `certificates/`; in the box
 * below the folder of its settings. Pure.
 */

export interface NamedFile {
  /** `export.destinations[0].caFile`. */
  readonly path: readonly (string | number)[];
  readonly value: string;
}

/** Folder beside the settings, on the boot partition as in the box. */
export const filesFolder = 'certificates';

/** In the order of the settings. */
export function namedFiles(settings: unknown, path: readonly (string | number)[] = []): NamedFile[] {
  if (Array.isArray(settings)) return settings.flatMap((item, index) => namedFiles(item, [...path, index]));
  if (typeof settings !== 'object' || settings === null) return [];
  return Object.entries(settings).flatMap(([key, value]) => {
    const here = [...path, key];
    if (typeof value === 'string') return value !== '' && /File$/.test(key) ? [{ path: here, value }] : [];
    return namedFiles(value, here);
  });
}

/** The name below `certificates/`, for what is brought along; undefined for files that are in the box by other ways. */
export function broughtAlong(value: string): string | undefined {
  const name = /^(?:\.\/)?certificates\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/.exec(value)?.[1];
  return name;
}

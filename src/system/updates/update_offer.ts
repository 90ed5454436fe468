/** What stands to be installed, as the page shows it: what a person uploads goes before what the folder has. Pure. */
import type { OfferedUpdate } from '../../flow/update_shapes.ts';
import type { IndexedBundle } from './update_index.ts';

/** An upload from its first octet to the decision of a person. */
export interface Upload {
  readonly who: string;
  readonly octets: number;
  readonly sinceMs: number;
  /** Empty until all of it is there. */
  sha256: string;
  /** Empty until its signature was looked at. */
  version: string;
}

/** @param fetchedOctets of what was found */
export function offeredUpdate(
  upload: Upload | undefined,
  found: IndexedBundle | undefined,
  fetchedOctets: number,
): OfferedUpdate | null {
  if (upload !== undefined) {
    const { octets, sha256, version } = upload;
    return { version, octets, doneOctets: sha256 === '' ? 0 : octets, source: 'page', sha256 };
  }
  if (found === undefined) return null;
  const { octets, sha256, version } = found;
  return { version, octets, doneOctets: fetchedOctets, source: 'folder', sha256 };
}

/** What is known about where an address is: country and autonomous system. Shared by who reads the files and who enriches. */
export interface Place {
  /** ISO 3166-1 alpha-2, two capitals; undefined where the file does not say. */
  readonly country?: string;
  readonly as?: { readonly number: number; readonly organisation: string };
}

/** Asked for addresses outside the site; may be slow, callers remember. */
export interface PlaceLookup {
  /** Changes when other files were read, so that what is remembered is asked again. */
  readonly generation: number;
  of(address: string): Place;
}

/** Key of what has no country or AS: traffic that stays inside the site, and addresses that no file knows. */
export const nowhereKey = '(none)';

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

/** A country's two letters as rows have them: one octet each (ISO 3166-1 alpha-2). Undefined where it is none. */
export function countryCode(letters: string): number | undefined {
  return /^[a-z]{2}$/i.test(letters)
    ? (letters.toUpperCase().charCodeAt(0) << 8) | letters.toUpperCase().charCodeAt(1)
    : undefined;
}

export function countryLetters(code: number): string | undefined {
  const letters = String.fromCharCode(code >> 8, code & 0xff);
  return /^[A-Z]{2}$/.test(letters) ? letters : undefined;
}

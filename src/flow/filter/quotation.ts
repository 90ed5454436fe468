/** Texts with blanks or signs, as filters have them. On its own, since the page wants it before it wants the language. Pure. */

/** In quotation marks, those inside doubled. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * What passes for a host's name: letters, digits, hyphens, underscores and dots, as RFC 1123 2.1 has it (and underscores, which
 * exist). Names come from whoever sends packets and end on a page, so everything else is refused, not repaired. Pure.
 */
/** RFC 1035 2.3.4, without the root's dot. */
const nameLengthMax = 253;
/** What reads as an address would be taken for one. */
const likeAddress = /^\d+\.[\d.]*$/;
/** Labels of 1 to 63, none of which begins or ends with a hyphen. In one step: a name may have 126 of them, and a message a hundred names. */
const labels = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/;

/** In lower case, without a final dot; undefined when it is not one, or is an address. */
export function hostName(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > nameLengthMax || likeAddress.test(name)) return undefined;
  return labels.test(name) ? name : undefined;
}

/** ASCII only: any other octet makes it no name. */
export function asciiText(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}

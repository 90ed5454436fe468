/**
 * What passes for a host's name: letters, digits, hyphens, underscores and dots, as RFC 1123 2.1 has it (and underscores, which
 * exist). Names come from whoever sends packets and end on a page, so everything else is refused, not repaired. Pure.
 */
/** RFC 1035 2.3.4, without the root's dot. */
const nameLengthMax = 253;
/** What reads as an address, in whatever spelling, would be taken for one. */
const likeAddress = /^[\d.]*\.[\d.]*$/;
const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** In lower case, without a final dot; undefined when it is not one, or is an address. */
export function hostName(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > nameLengthMax || likeAddress.test(name)) return undefined;
  return name.split('.').every((part) => label.test(part)) ? name : undefined;
}

/** ASCII only: any other octet makes it no name. */
export function asciiText(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}

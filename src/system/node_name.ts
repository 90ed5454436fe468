/** The host name as far as names of nodes allow: what they do not becomes a dash. Pure. */
export function nodeNameOf(hostName: string): string {
  const name = hostName.replaceAll(/[^A-Za-z0-9_.-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name.slice(0, 63) || 'box';
}

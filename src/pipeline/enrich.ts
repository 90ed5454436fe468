/**
 * Enrichment: writes into a row, in place, what is known about its addresses: networkLocality (which ends are inside the
 * site) and flowDirection (61: 0 ingress, 1 egress, seen from the site). Pure; no allocation per row. Names, labels,
 * country and AS have their places in the row and come later.
 */
import type { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit } from '../flow/row_layout.ts';
import { PrefixSet } from './prefix_set.ts';

const addressesBit = presenceBit('addresses');
const localityBit = presenceBit('locality');
const directionBit = presenceBit('flowDirection');

export const localities = { sourceInside: 1, destinationInside: 2 } as const;
export const flowDirections = { ingress: 0, egress: 1 } as const;

/**
 * Addresses that never cross the uplink, whatever the settings say: "this host" and loopback (RFC 1122 3.2.1.3), link-local
 * and administratively scoped multicast (RFC 5771 4, RFC 2365 6), limited broadcast (RFC 919 7); for IPv6 unspecified and
 * loopback (RFC 4291 2.5) and multicast up to organisation scope (RFC 4291 2.7: scopes 1 to 8).
 */
const neverForwarded = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/24', '239.0.0.0/8', '255.255.255.255/32', '::/127'];
// ff0s::/16 to ff3s::/16: the flags differ, the scope is the last four bits of the second octet.
const scopedMulticast = [0, 1, 2, 3, 7].flatMap((flags) => [1, 2, 3, 4, 5, 8].map((scope) => `ff${flags}${scope}::/16`));

export class Enricher {
  readonly #inside: PrefixSet;

  /** @param siteNetworks prefixes inside the site, as in the settings */
  constructor(siteNetworks: readonly string[]) {
    this.#inside = new PrefixSet([...siteNetworks, ...neverForwarded, ...scopedMulticast]);
  }

  /** The row under the cursor; rows without addresses stay as they are. */
  enrich(row: RowCursor): void {
    if (!row.has(addressesBit)) return;
    const { view } = row;
    const source = row.sourceAddressOffset;
    const destination = row.destinationAddressOffset;
    const isV6 = row.ipVersion === 6;
    const sourceInside = isV6 ? this.#inside.hasV6(view, source) : this.#inside.hasV4(view.getUint32(source));
    const destinationInside = isV6 ? this.#inside.hasV6(view, destination) : this.#inside.hasV4(view.getUint32(destination));
    row.networkLocality = (sourceInside ? localities.sourceInside : 0) | (destinationInside ? localities.destinationInside : 0);
    row.setPresent(localityBit);
    // Between two inside addresses, or two outside ones, the site's boundary is not crossed: no direction.
    if (sourceInside === destinationInside) return;
    row.flowDirection = sourceInside ? flowDirections.egress : flowDirections.ingress;
    row.setPresent(directionBit);
  }
}

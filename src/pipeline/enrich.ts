/**
 * What is inside the site, whatever its networks are, and the stage that writes it into rows.
 */
import type { MarkLocality, RowLocality } from '../flow/row_locality.ts';
import { rangesOf } from './address_ranges.ts';

/**
 * Addresses that never cross the uplink, whatever the settings say: "this host" and loopback (RFC 1122 3.2.1.3), link-local
 * and administratively scoped multicast (RFC 5771 4, RFC 2365 6), limited broadcast (RFC 919 7); for IPv6 unspecified and
 * loopback (RFC 4291 2.5) and multicast up to organisation scope (RFC 4291 2.7: scopes 1 to 8).
 */
const neverForwarded = ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/24', '239.0.0.0/8', '255.255.255.255/32', '::/127'];
// ff0s::/16 to ff3s::/16: the flags differ, the scope is the last four bits of the second octet.
const scopedMulticast = [0, 1, 2, 3, 7].flatMap((flags) => [1, 2, 3, 4, 5, 8].map((scope) => `ff${flags}${scope}::/16`));

/** @param siteNetworks prefixes inside the site, as in the settings */
export function enricherOf(siteNetworks: readonly string[], markLocality: MarkLocality): RowLocality {
  return markLocality(rangesOf([...siteNetworks, ...neverForwarded, ...scopedMulticast]));
}

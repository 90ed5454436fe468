/** The section `names`: names of hosts, learned from mirrored traffic, and vendors of network cards. */
import { z } from 'zod';
import { type ObservationKind, observationKinds } from '../flow/decode_annotations.ts';
import { flag, integer, text } from './setting_kinds.ts';

export const names = z
  .strictObject({
    dns: flag(true, {
      reason: 'Learn the names of hosts from mirrored DNS answers; of packets only names and addresses are kept',
      restart: false,
    }),
    dhcp: flag(true, {
      reason: 'Learn the names that clients give themselves when they ask for an address (DHCP)',
      restart: false,
    }),
    mdns: flag(true, { reason: 'Learn the names that hosts announce on the local network (mDNS)', restart: false }),
    tls: flag(true, {
      reason: 'Learn the names of servers from what clients ask for when they connect (TLS server name); not from QUIC',
      restart: false,
    }),
    addressesMax: integer(100, 1_000_000, 16_384, {
      reason: 'Addresses whose names are kept; the one that was not used for longest makes room',
      unit: 'addresses',
      restart: false,
    }),
    keepForS: integer(60, 31_536_000, 604_800, {
      reason: 'A name that was not heard for this long is forgotten',
      unit: 's',
      restart: false,
    }),
    observationsPerSecondMax: integer(1, 100_000, 500, {
      reason: 'Packets of each kind that are looked into in a second; what comes beyond it teaches nothing, and is counted',
      restart: false,
    }),
    macVendorFile: text('/usr/share/ieee-data/oui.csv', {
      reason:
        'Registry of MAC vendors as IEEE publishes it (CSV), such as Debian’s ieee-data; without the file, vendors are not shown. Empty for none',
    }),
  })
  .prefault({});

/** What has to be observed. */
export function observedKinds(settings: Readonly<Record<ObservationKind, boolean>>): ObservationKind[] {
  return observationKinds.filter((kind) => settings[kind]);
}

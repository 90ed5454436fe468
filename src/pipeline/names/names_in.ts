/** Which reader an observation is for. Pure but for what waits for more: leases for their answer, hellos for their rest. */
import { formatIpv4, formatIpv6 } from '../../flow/addresses.ts';
import type { Observation } from '../../flow/observations.ts';
import { serverNameOf } from './client_hello.ts';
import type { DhcpLeases } from './dhcp_leases.ts';
import { parseDhcpMessage } from './dhcp_message.ts';
import { parseDnsMessage } from './dns_message.ts';
import type { HelloPieces } from './hello_pieces.ts';
import { isOneHost, type Learned, learnedFromDns, learnedFromMdns } from './learned.ts';

/** A hello has no time to live: the name is as good as that of a short-lived address. */
const serverNameTtlS = 3_600;

/** What names wait for. */
export interface Waiting {
  readonly leases: DhcpLeases;
  readonly hellos: HelloPieces;
}

/** What it teaches; undefined when it could not be read as far as a name. */
export function namesIn(observation: Observation, { leases, hellos }: Waiting, nowMs: number): readonly Learned[] | undefined {
  const { kind, payload, destination } = observation;
  switch (kind) {
    case 'dns':
    case 'mdns': {
      const message = parseDnsMessage(payload);
      if (message === undefined) return undefined;
      const learned = kind === 'dns' ? learnedFromDns(message) : learnedFromMdns(message);
      return learned.length === 0 && message.isCut ? undefined : learned;
    }
    case 'dhcp': {
      const message = parseDhcpMessage(payload);
      if (message === undefined) return undefined;
      const learned = leases.take(message, nowMs);
      return learned === undefined ? [] : [learned];
    }
    case 'tls': {
      const hello = hellos.joined(observation);
      if (hello === undefined) return [];
      const name = serverNameOf(hello);
      if (name === undefined) return hellos.keep(observation, hello) ? [] : undefined;
      if (name === null) return [];
      const address = destination.length === 4 ? formatIpv4(destination) : formatIpv6(destination);
      return isOneHost(address) ? [{ address, name, source: 'tls', ttlS: serverNameTtlS }] : [];
    }
  }
}

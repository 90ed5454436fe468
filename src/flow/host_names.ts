/** Names of hosts as the box learned them from mirrored traffic. They are hearsay: whoever sends packets can name anything. */

/**
 * Where a name is from, in the order in which it is believed to be the host's own: the lease it was given (DHCP), what it calls
 * itself (mDNS), what clients asked for when they reached it (TLS server name, DNS question), a reverse look-up.
 */
export const nameSources = ['dhcp', 'mdns', 'tls', 'dns', 'ptr'] as const;
export type NameSource = (typeof nameSources)[number];

export interface HostName {
  readonly name: string;
  readonly source: NameSource;
  /** Wall time at which it was last heard. */
  readonly learnedMs: number;
  /** When its time to live is over; it stays as long as nothing newer is heard. */
  readonly holdsUntilMs: number;
  /** Of the host itself, where DHCP told. */
  readonly mac?: string;
}

/** By address. */
export type HostNames = Readonly<Record<string, HostName>>;

/** What became of an address: its name now, or none any more. */
export interface HostNameChange {
  readonly address: string;
  readonly name: HostName | undefined;
}

/** Answers by address. */
export interface HostNameLookup {
  of(address: string): HostName | undefined;
}

/** The names of those of these addresses that have one. */
export function namesOf(addresses: Iterable<string>, lookup: HostNameLookup): HostNames {
  const found: Record<string, HostName> = {};
  for (const address of addresses) {
    const name = lookup.of(address);
    if (name !== undefined) found[address] = name;
  }
  return found;
}

/** What an answer says beside addresses; absent for askers from whom addresses are hidden, and where nobody knows names. */
export interface AnswerAboutHosts {
  /** Of the addresses in the answer that have a name. */
  readonly names?: HostNames;
  /** Vendors of the MAC addresses in the answer, where the registry of vendors is there. */
  readonly vendors?: Readonly<Record<string, string>>;
}

/** Every name that is known. */
export interface HostNameList extends HostNameLookup {
  entries(): Iterable<readonly [address: string, name: HostName]>;
}

/** In the data folder: what was known at the last stop, or an hour ago at most. */
export const hostNamesFile = 'host_names.json';

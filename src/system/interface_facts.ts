/** What `/sys/class/net` tells of a network interface, as text, read into facts. Pure. */

export interface InterfaceFacts {
  readonly name: string;
  readonly exists: boolean;
  /** Set up by somebody (IFF_UP). */
  readonly enabled: boolean;
  /** A cable with a living other end; null where the driver does not tell. */
  readonly carrier: boolean | null;
  /** `up`, `down`, `unknown` (loopback, some virtual ones), `lowerlayerdown`, … */
  readonly operstate: string;
  readonly speedMbps: number | null;
  readonly fullDuplex: boolean | null;
  readonly mtu: number;
  readonly promiscuous: boolean;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly receivedPackets: number;
  readonly receivedOctets: number;
  /** A mirror port should send none. */
  readonly sentPackets: number;
  /** Frames the hardware had no room for or could not read. */
  readonly droppedByNicPackets: number;
  /** Offloads that merge packets before they are seen; null where nobody tells (the kernel has no file for them). */
  readonly mergingOffloads: readonly string[] | null;
  /** It has ARP (IFF_NOARP is not set). */
  readonly answersArp: boolean;
  /** Null where the kernel has no IPv6 at all. */
  readonly hasIpv6: boolean | null;
  /** The bridge or bond it belongs to. */
  readonly master: string | null;
  /** The meter's early drop is on it; null where nobody can ask. */
  readonly earlyDrop: boolean | null;
}

/** The files of one interface, each undefined where it is not there or does not answer. */
export interface InterfaceFiles {
  readonly flags: string | undefined;
  readonly operstate: string | undefined;
  readonly carrier: string | undefined;
  readonly speed: string | undefined;
  readonly duplex: string | undefined;
  readonly mtu: string | undefined;
  readonly address: string | undefined;
  /** `master/uevent`: of a bridge or bond. */
  readonly master: string | undefined;
  /** Of `/proc/sys/net/ipv6/conf`. */
  readonly disableIpv6: string | undefined;
  readonly statistics: Readonly<Partial<Record<InterfaceCounter, string | undefined>>>;
}

/** Counters that make up what the port lost; see the kernel's `Documentation/networking/statistics.rst`. */
export const nicDropCounters = ['rx_missed_errors', 'rx_fifo_errors', 'rx_over_errors'] as const;
export const interfaceCounters = ['rx_packets', 'rx_bytes', 'tx_packets', ...nicDropCounters] as const;
export type InterfaceCounter = (typeof interfaceCounters)[number];

/** linux/if.h */
const IFF_UP = 0x1;
const IFF_NOARP = 0x80;
const IFF_PROMISC = 0x100;

export function interfaceFacts(
  name: string,
  files: InterfaceFiles,
  addresses: readonly string[],
  asked: Pick<InterfaceFacts, 'mergingOffloads' | 'earlyDrop'>,
): InterfaceFacts {
  const flags = Number(files.flags ?? 'NaN');
  const speed = count(files.speed);
  const duplex = files.duplex?.trim();
  return {
    name,
    exists: !Number.isNaN(flags),
    enabled: (flags & IFF_UP) !== 0,
    carrier: files.carrier === undefined ? null : files.carrier.trim() === '1',
    operstate: files.operstate?.trim() ?? 'missing',
    // Virtual interfaces answer −1, ports without a cable −1 or 4294967295 (the same, unsigned).
    speedMbps: speed === undefined || speed <= 0 || speed >= 0xffff_ffff ? null : speed,
    fullDuplex: duplex === 'full' ? true : duplex === 'half' ? false : null,
    mtu: count(files.mtu) ?? 0,
    promiscuous: (flags & IFF_PROMISC) !== 0,
    mac: files.address?.trim() ?? '',
    addresses,
    receivedPackets: count(files.statistics.rx_packets) ?? 0,
    receivedOctets: count(files.statistics.rx_bytes) ?? 0,
    sentPackets: count(files.statistics.tx_packets) ?? 0,
    droppedByNicPackets: nicDropCounters.reduce((sum, counter) => sum + (count(files.statistics[counter]) ?? 0), 0),
    answersArp: (flags & IFF_NOARP) === 0,
    hasIpv6: files.disableIpv6 === undefined ? null : files.disableIpv6.trim() === '0',
    master: /^INTERFACE=(.+)$/m.exec(files.master ?? '')?.[1] ?? null,
    ...asked,
  };
}

function count(text: string | undefined): number | undefined {
  const value = Number(text?.trim() || 'NaN');
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Why decoding stopped where it did, and which counters the meter publishes: the two closed lists that TypeScript and
 * the addon share. The order is the number on both sides; `scripts/generate.ts` writes it into the C++ header.
 */

/** `none` first; every other value is counted per packet and kept in the row's `decodeAnnotation`. */
export const decodeAnnotations = [
  'none',
  'truncatedLinkHeader',
  'truncatedVlanTag',
  'truncatedMpls',
  'truncatedPppoe',
  'truncatedIpHeader',
  'badIpVersion',
  'badIpHeaderLength',
  'badIpTotalLength',
  'truncatedExtensionHeader',
  'tooManyExtensionHeaders',
  'truncatedTransportHeader',
  'badTransportHeader',
  'laterFragmentWithoutFirst',
  'truncatedTunnelHeader',
  'tooManyTunnels',
  'tooManyTags',
  'unsupportedTunnelVersion',
  'encrypted',
  'superPacket',
] as const;
export type DecodeAnnotation = (typeof decodeAnnotations)[number];

/** RFC 5102 / IANA registry of flowEndReason (136). */
export const flowEndReasons = { idleTimeout: 1, activeTimeout: 2, endOfFlow: 3, forcedEnd: 4, lackOfResources: 5 } as const;

/** RFC 5103 section 6.3: biflowDirection (239). */
export const biflowDirections = { arbitrary: 0, initiator: 1, reverseInitiator: 2, perimeter: 3 } as const;

/** Values of `tunnelType`. */
export const tunnelTypes = [
  'none',
  'gre',
  'nvgre',
  'erspan2',
  'erspan3',
  'vxlan',
  'geneve',
  'gtpu',
  'ipInIp',
  'sixInFour',
  'teredo',
  'l2tpv3',
] as const;

/** Unsigned 64-bit counters and gauges that `stats()` returns, of each thread and over all of them, in this order. */
export const meterCounters = [
  'receivedPackets',
  'receivedOctets',
  'droppedByKernelPackets',
  'droppedByNicPackets',
  'sampledByKernelPackets', // by the first stage of sampling: an estimate
  'filteredPackets',
  'filteredOctets',
  'undecodablePackets',
  'undecodableOctets',
  'decodedPackets',
  'decodedOctets',
  'duplicatePackets', // removed: a term of the ledger
  'duplicateOctets',
  'duplicatesSeenPackets', // noticed, removed or not
  'duplicatesSeenOctets',
  'sampledOutPackets',
  'sampledOutOctets',
  'meteredPackets',
  'meteredOctets',
  'meteredIpOctets',
  'handedOverPackets',
  'handedOverOctets',
  'handedOverIpOctets',
  'handedOverRecords',
  'handedOverFlows',
  'cachedPackets',
  'cachedOctets',
  'cachedIpOctets',
  'cachedFlows',
  'cacheCapacityFlows',
  'flowsCreated',
  'flowsEndedIdle',
  'flowsEndedActive',
  'flowsEndedByProtocol',
  'flowsEndedForced',
  'flowsEndedForResources',
  'flowsAggregated',
  'aggregateRecords',
  'fragmentTableMisses',
  'blocksCapacity',
  'blocksFilled',
  'handOverStalls', // times a row waited for a free block
  'sourceStateUp', // interfaces that are up, live; 1 while a file is being read
  'sourceStateCount',
  'sourceFinished', // 1 when a file source has reached its end
  'lastPacketNs', // row clock
  'batches', // of packets that the source lent, none empty
  'threadCpuNs',
  'memoryBytes',
  'observedDns', // packets that name hosts, shown to TypeScript: by `observationKinds`
  'observedDhcp',
  'observedMdns',
  'observedTls',
  'observationsOverRate', // left out: more of their kind in a second than allowed
  'observationsQueueFull', // left out: not taken in time
  'ringFilledPercent', // live: share of the fullest ring's blocks that wait to be read, when asked
] as const;
export type MeterCounter = (typeof meterCounters)[number];

/** Packets that name hosts, whose first octets the meter shows: the order is that of `ObservationKind` in C++. */
export const observationKinds = ['dns', 'dhcp', 'mdns', 'tls'] as const;
export type ObservationKind = (typeof observationKinds)[number];

/** Layout of an observation in the addon's queue, host byte order. Offsets in octets; `native/core/observation.h` is its other side. */
export const observationHead = {
  bytes: 64,
  octets: 0, // u16, of the payload behind the head
  kind: 2, // u8
  ipVersion: 3, // u8
  wholeOctets: 4, // u32, what the packet carried
  ns: 8, // u64, row clock
  source: 16, // 16 octets, IPv4 in the first four
  destination: 32,
  sourcePort: 48, // u16
  destinationPort: 50,
  vlan: 52, // u16, 0x8000 | identifier of the outer tag, 0 without
  sourceMac: 54, // 6 octets, zero where there is none
  streamOffset: 60, // u32, octets of the stream before the payload: 0 but for the rest of a hello
} as const;

/** Layout of a block in the shared buffer: a header in host byte order, then rows. Offsets in octets. */
export const blockHeader = {
  bytes: 64,
  rowCount: 0, // u32
  thread: 4, // u32
  sequence: 8, // u64, counts blocks of that thread from 0
  closedAtNs: 16, // u64, row clock
  firstRowStartNs: 24, // u64, smallest flowStart in the block
  lastRowEndNs: 32, // u64, largest flowEnd in the block
} as const;

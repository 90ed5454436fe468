/**
 * Reads what a row tells about the mirror that showed it, and what the meter's counters tell each second. Constant work a
 * row, fixed memory; nothing is judged here (`mirror_rules.ts`). Pure.
 *
 * Rows that cannot bear witness are left out: sampled ones (what was not selected is missing too), aggregates, and for
 * conversations those inside tunnels, whose two directions may have keys of their own.
 */
import type { Random } from '../core/random.ts';
import { RowCursor } from '../flow/row_cursor.ts';
import { presenceBit, ROW_BYTES, rowFamilies } from '../flow/row_layout.ts';
import { localities } from './enrich.ts';
import { hashKey, hashWords } from './keyed_hash.ts';
import { Conversations, hopsMax, Stations } from './mirror_sightings.ts';
import { evidenceAt as at, type Evidence, type EvidenceKind, SlidingSums } from './mirror_sums.ts';

const bits = {
  reverse: presenceBit('reverse'),
  mac: presenceBit('mac'),
  vlan: presenceBit('vlan'),
  addresses: presenceBit('addresses'),
  ports: presenceBit('ports'),
  tcp: presenceBit('tcp'),
  ip: presenceBit('ip'),
  tunnelId: presenceBit('tunnelId'),
} as const;
/** IP and TCP without options: no segment carries more than its packet has beyond them. */
const [headersV4, headersV6] = [40, 60];
const aggregate = rowFamilies.indexOf('aggregate');

const ACK = 0x10;
/** A direction with fewer packets may be the straggler of a conversation that was cut at a time-out. */
const packetsJudged = 3;

/** Largest IP packet of an Ethernet frame without jumbo support, and with the largest that switches offer. */
const mtuOctets = 1_500;
const jumboOctets = 9_216;
/** Headers of IP and TCP (with and without timestamps), by IP version: what segments of one size are merged behind. */
const headerOctets: Readonly<Record<number, readonly number[]>> = { 4: [40, 52], 6: [60, 72] };

/**
 * Whether that is a packet no wire carries: longer than any jumbo frame, or a whole number of usual segments behind one
 * header, as merging (GRO, LRO) and late cutting (TSO) leave it. A jumbo line's packets are neither.
 */
export function isSuperPacket(ipVersion: number, octets: number): boolean {
  if (octets <= mtuOctets) return false;
  if (octets > jumboOctets) return true;
  return (headerOctets[ipVersion] ?? []).some((header) => (octets - header) % (mtuOctets - header) === 0);
}

/** Directed broadcasts told apart at once: two are a sign, eight leave no doubt. */
const subnetsMax = 8;

export class MirrorEvidence {
  readonly #sums: SlidingSums;
  readonly #conversations: Conversations;
  readonly #stations: Stations;
  readonly #macKey: Int32Array;
  readonly #mac = new Int32Array(2);
  readonly #windowMs: number;
  /** Addresses to which untagged frames for everybody were sent, with the last time. */
  readonly #subnets = new Map<number, number>();
  /** When a conversation of two unicast ends was last seen both ways, by the caller's clock. */
  answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(bucketMs: number, buckets: number, random: Random) {
    this.#sums = new SlidingSums(buckets);
    this.#windowMs = bucketMs * buckets;
    this.#conversations = new Conversations(random);
    this.#stations = new Stations(random);
    this.#macKey = hashKey(2, random);
  }

  /** @param nowMs of any clock that never steps; the same in every call */
  addRows(bytes: Uint8Array, firstRow: number, count: number, nowMs: number): void {
    const row = new RowCursor(bytes, firstRow);
    for (let i = 0; i < count; i++) {
      this.#addRow(row, nowMs);
      row.base += ROW_BYTES;
    }
  }

  add(kind: EvidenceKind, amount: number): void {
    this.#sums.add(at[kind], amount);
  }

  roll(): void {
    this.#sums.roll();
  }

  sums(): Evidence {
    return this.#sums.sums();
  }

  total(kind: EvidenceKind): number {
    return this.#sums.total(kind);
  }

  /** Different directed broadcast addresses in untagged frames within the window. */
  subnets(nowMs: number): number {
    let seen = 0;
    for (const atMs of this.#subnets.values()) if (nowMs - atMs < this.#windowMs) seen++;
    return seen;
  }

  #addRow(row: RowCursor, nowMs: number): void {
    if (row.family === aggregate || row.selectorId !== 0) return;
    const present = row.view.getUint32(row.base + 4);
    const twoWay = (present & bits.reverse) !== 0;
    const forward = row.packetDeltaCount;
    const packets = forward + (twoWay ? row.reversePacketDeltaCount : 0);
    const sums = this.#sums;
    sums.add(at.rowPackets, packets);
    const tagged = (present & bits.vlan) !== 0;
    sums.add(tagged ? at.taggedRows : at.untaggedRows, 1);
    const hasMac = (present & bits.mac) !== 0;
    const toGroup = hasMac ? (row.bytes[row.destinationMacAddressOffset]! & 1) === 1 : false;
    if (toGroup) sums.add(at.groupPackets, packets);
    else if (twoWay) this.answeredAtMs = nowMs;
    if ((present & bits.addresses) === 0) return;
    const mac = hasMac ? this.#sourceMac(row) : 0;
    if (hasMac && !tagged) this.#addUntagged(row, mac, toGroup, nowMs);
    if (toGroup) return;
    this.#addTtl(row, present, twoWay, forward);
    if ((present & bits.ports) === 0 || (present & bits.tunnelId) !== 0) return;
    const isTcp = (present & bits.tcp) !== 0;
    if (isTcp) this.#addTcp(row, twoWay, packets);
    const vlan = tagged ? row.dot1qVlanId : -1;
    switch (this.#conversations.meet(row, twoWay, vlan, mac, nowMs)) {
      case 'splitByTag':
        if (isTcp) sums.add(at.tcpSplitByTag, 1);
        break;
      case 'splitByVlan':
        if (isTcp) sums.add(at.tcpSplitByVlan, 1);
        break;
      case 'routedCopy':
        sums.add(at.routedPairs, 1);
        sums.add(at.routedPairPackets, this.#conversations.sharedPackets);
        break;
      case 'copy':
        sums.add(at.vlanPairs, 1);
        sums.add(at.vlanPairPackets, this.#conversations.sharedPackets);
        break;
    }
  }

  #addTcp(row: RowCursor, twoWay: boolean, packets: number): void {
    const sums = this.#sums;
    sums.add(at.tcpRows, 1);
    const longest = Math.max(row.maximumIpTotalLength, twoWay ? row.reverseMaximumIpTotalLength : 0);
    sums.longestTcp(longest);
    const version = row.ipVersion;
    const merged =
      isSuperPacket(version, row.maximumIpTotalLength) || (twoWay && isSuperPacket(version, row.reverseMaximumIpTotalLength));
    if (merged) sums.add(at.superRows, 1);
    if (!twoWay) {
      // An acknowledgement proves that the other side spoke: a scan or a refused connection is no one-way mirror.
      if (packets >= packetsJudged && (row.tcpControlBits & ACK) !== 0) sums.add(at.tcpOneWay, 1);
      return;
    }
    if (packets < packetsJudged) return;
    sums.add(at.tcpTwoWay, 1);
    sums.add(at.tcpSeenOctets, row.octetDeltaCount + row.reverseOctetDeltaCount);
    sums.add(at.tcpSeenPackets, packets);
    const [resent, resentBack] = [row.retransmittedPacketDeltaCount, row.reverseRetransmittedPacketDeltaCount];
    if (resent + resentBack > 0) {
      sums.add(at.tcpRetransmitted, resent + resentBack);
      // A segment that the line lost and that is sent again is taken for one that fills a hole: it hides as much as it carries at most.
      const header = version === 6 ? headersV6 : headersV4;
      const hidden = resent * Math.max(0, row.maximumIpTotalLength - header);
      sums.add(at.tcpHiddenOctetsMax, hidden + resentBack * Math.max(0, row.reverseMaximumIpTotalLength - header));
    }
    const unseen = row.unseenAcknowledgedOctetDeltaCount + row.reverseUnseenAcknowledgedOctetDeltaCount;
    if (unseen === 0) return;
    sums.add(at.tcpUnseenOctets, unseen);
    sums.add(at.tcpRowsWithUnseen, 1);
  }

  /** Copies before and after a router share a row when no VLAN tells them apart: its TTLs then span as many hops. */
  #addTtl(row: RowCursor, present: number, twoWay: boolean, forward: number): void {
    if ((present & bits.ip) === 0) return;
    let spread = 0;
    if (forward > packetsJudged && isHops(row.maximumTTL - row.minimumTTL)) spread += forward;
    const back = twoWay ? row.reversePacketDeltaCount : 0;
    if (back > packetsJudged && isHops(row.reverseMaximumTTL - row.reverseMinimumTTL)) spread += back;
    if (spread === 0) return;
    this.#sums.add(at.ttlSpreadRows, 1);
    this.#sums.add(at.ttlSpreadPackets, spread);
  }

  #addUntagged(row: RowCursor, mac: number, toGroup: boolean, nowMs: number): void {
    if (toGroup) {
      if (row.ipVersion === 4 && row.bytes[row.destinationMacAddressOffset] === 0xff) this.#addBroadcast(row, nowMs);
      return;
    }
    if ((row.networkLocality & localities.sourceInside) === 0) return;
    const sighting = this.#stations.see(row, mac, nowMs, this.#windowMs);
    if (sighting === 'first') return;
    this.#sums.add(at.macSightings, 1);
    if (sighting === 'same') return;
    this.#sums.add(at.macChanges, 1);
    if (sighting === 'changed') this.#sums.add(at.macChangedAddresses, 1);
  }

  /** RFC 919: the last address of a subnet; 255.255.255.255 belongs to none. */
  #addBroadcast(row: RowCursor, nowMs: number): void {
    const address = row.view.getInt32(row.destinationAddressOffset);
    if (address === -1) return;
    this.#subnets.delete(address);
    this.#subnets.set(address, nowMs);
    if (this.#subnets.size > subnetsMax) this.#subnets.delete(this.#subnets.keys().next().value as number);
  }

  #sourceMac(row: RowCursor): number {
    this.#mac[0] = row.view.getInt32(row.sourceMacAddressOffset);
    this.#mac[1] = row.view.getUint16(row.sourceMacAddressOffset + 4);
    return hashWords(this.#mac, this.#macKey);
  }
}

function isHops(ttls: number): boolean {
  return ttls >= 1 && ttls <= hopsMax;
}

/**
 * Two small memories of what was seen lately, for troubles that one row does not show: conversations (the same one in
 * another VLAN) and stations (the same address under another MAC). Direct-mapped over keyed hashes: a newcomer takes the
 * place of whoever is there, so evidence may be missed but memory and work are fixed (0.5 MB). Pure.
 */
import type { Random } from '../core/random.ts';
import type { RowCursor } from '../flow/row_cursor.ts';
import { hashKey, hashWords } from './keyed_hash.ts';

const slotsMax = 8_192;
/** Both records of a conversation come within one active time-out and one idle time-out of each other. */
const freshMs = 120_000;
const tupleWords = 10;

/** What the other record of the same conversation, met in another VLAN, says about this one. */
export type Encounter = 'none' | 'splitByTag' | 'splitByVlan' | 'routedCopy' | 'copy';

export class Conversations {
  readonly #key = new Int32Array(tupleWords);
  readonly #place: Int32Array;
  readonly #print: Int32Array;
  readonly #prints = new Int32Array(slotsMax);
  readonly #vlans = new Int32Array(slotsMax);
  readonly #macs = new Int32Array(slotsMax);
  /** Which end the MAC belongs to. */
  readonly #macEnd = new Uint8Array(slotsMax);
  readonly #atMs = new Float64Array(slotsMax);
  /** By slot and direction (from the lower end, from the higher end): packets, smallest TTL. */
  readonly #packets = new Float64Array(slotsMax * 2);
  readonly #ttls = new Uint8Array(slotsMax * 2);
  readonly #rowPackets = new Float64Array(2);
  readonly #rowTtls = new Uint8Array(2);
  /** Packets that both records of the last encounter show. */
  sharedPackets = 0;

  constructor(random: Random) {
    this.#place = hashKey(tupleWords, random);
    this.#print = hashKey(tupleWords, random);
  }

  /**
   * Remembers a row with addresses and ports. An encounter uses up what was remembered, so that a pair counts once.
   * @param vlan −1 for untagged
   */
  meet(row: RowCursor, twoWay: boolean, vlan: number, mac: number, nowMs: number): Encounter {
    const from = this.#readKey(row) ? 1 : 0;
    const to = 1 - from;
    const packets = this.#rowPackets;
    const ttls = this.#rowTtls;
    packets[from] = row.packetDeltaCount;
    ttls[from] = row.minimumTTL;
    packets[to] = twoWay ? row.reversePacketDeltaCount : 0;
    ttls[to] = twoWay ? row.reverseMinimumTTL : 0;
    const slot = hashWords(this.#key, this.#place) & (slotsMax - 1);
    const print = hashWords(this.#key, this.#print) || 1;
    const known = this.#prints[slot] === print && nowMs - this.#atMs[slot]! < freshMs;
    const encounter = known && this.#vlans[slot] !== vlan ? this.#compare(slot, vlan, mac, from) : 'none';
    this.#prints[slot] = encounter === 'none' ? print : 0;
    this.#vlans[slot] = vlan;
    this.#macs[slot] = mac;
    this.#macEnd[slot] = from;
    this.#atMs[slot] = nowMs;
    for (let direction = 0; direction < 2; direction++) {
      this.#packets[slot * 2 + direction] = packets[direction]!;
      this.#ttls[slot * 2 + direction] = ttls[direction]!;
    }
    return encounter;
  }

  #compare(slot: number, vlan: number, mac: number, macEnd: number): Encounter {
    this.sharedPackets = 0;
    let hops = 0;
    for (let direction = 0; direction < 2; direction++) {
      const shared = Math.min(this.#packets[slot * 2 + direction]!, this.#rowPackets[direction]!);
      if (shared === 0) continue;
      this.sharedPackets += shared;
      hops = Math.max(hops, Math.abs(this.#ttls[slot * 2 + direction]! - this.#rowTtls[direction]!));
    }
    if (this.sharedPackets === 0) return vlan < 0 || this.#vlans[slot]! < 0 ? 'splitByTag' : 'splitByVlan';
    if (hops === 0) return 'copy';
    // A router puts its own MAC in place; the same MAC with another TTL is another path's answer, not a copy.
    const sameMac = this.#macEnd[slot] === macEnd && this.#macs[slot] === mac;
    return hops <= hopsMax && !sameMac ? 'routedCopy' : 'none';
  }

  /** The lower end first. Returns whether that is the row's destination. */
  #readKey(row: RowCursor): boolean {
    const { view } = row;
    const key = this.#key;
    const words = row.ipVersion === 6 ? 4 : 1;
    key.fill(0);
    const source = row.sourceAddressOffset;
    const destination = row.destinationAddressOffset;
    const sourcePort = row.sourceTransportPort;
    const destinationPort = row.destinationTransportPort;
    let order = 0;
    for (let word = 0; word < words && order === 0; word++)
      order = view.getUint32(source + 4 * word) - view.getUint32(destination + 4 * word);
    const swapped = order > 0 || (order === 0 && sourcePort > destinationPort);
    const low = swapped ? destination : source;
    const high = swapped ? source : destination;
    for (let word = 0; word < words; word++) {
      key[word] = view.getInt32(low + 4 * word);
      key[word + 4] = view.getInt32(high + 4 * word);
    }
    key[8] = swapped ? (destinationPort << 16) | sourcePort : (sourcePort << 16) | destinationPort;
    key[9] = (row.ipVersion << 8) | row.protocolIdentifier;
    return swapped;
  }
}

/** Copies before and after so many routers are taken for copies. */
export const hopsMax = 2;

export type Sighting = 'first' | 'same' | 'changed' | 'changedAgain';

/** Addresses and the MAC under which they send. */
export class Stations {
  readonly #key = new Int32Array(5);
  readonly #place: Int32Array;
  readonly #print: Int32Array;
  readonly #prints = new Int32Array(slotsMax);
  readonly #macs = new Int32Array(slotsMax);
  readonly #atMs = new Float64Array(slotsMax);
  readonly #changedAtMs = new Float64Array(slotsMax).fill(Number.NEGATIVE_INFINITY);

  constructor(random: Random) {
    this.#place = hashKey(5, random);
    this.#print = hashKey(5, random);
  }

  /** The row's source under `mac`: new here, as before, under another MAC for the first time in `windowMs`, or once more. */
  see(row: RowCursor, mac: number, nowMs: number, windowMs: number): Sighting {
    const key = this.#key;
    const words = row.ipVersion === 6 ? 4 : 1;
    key.fill(0);
    for (let word = 0; word < words; word++) key[word] = row.view.getInt32(row.sourceAddressOffset + 4 * word);
    key[4] = row.ipVersion;
    const slot = hashWords(key, this.#place) & (slotsMax - 1);
    const print = hashWords(key, this.#print) || 1;
    const known = this.#prints[slot] === print && nowMs - this.#atMs[slot]! < windowMs;
    const changed = known && this.#macs[slot] !== mac;
    const again = changed && nowMs - this.#changedAtMs[slot]! < windowMs;
    this.#prints[slot] = print;
    this.#macs[slot] = mac;
    this.#atMs[slot] = nowMs;
    if (changed) this.#changedAtMs[slot] = nowMs;
    else if (!known) this.#changedAtMs[slot] = Number.NEGATIVE_INFINITY;
    if (!known) return 'first';
    return changed ? (again ? 'changedAgain' : 'changed') : 'same';
  }
}

/**
 * What is counted about the mirror, in a sliding window: buckets of `bucketMs` that are added up and forgotten one by one.
 * Memory is fixed: (buckets + 3) × one number a kind. Pure.
 */

export const evidenceKinds = [
  // From the meter's counters, once a second.
  'meteredMs',
  'busyMs', // the line ran near the port's rate
  'packets',
  'octets',
  'decodedPackets',
  'duplicatePackets',
  'lostInBoxPackets', // dropped by this box's network card or kernel
  'unsizedPackets', // IP length 0: left by segmentation offload
  // From rows: native/mirror/row_evidence.h has their names too.
  'rowPackets',
  'groupPackets', // sent to broadcast or multicast
  'taggedRows',
  'untaggedRows',
  'tcpOneWay',
  'tcpTwoWay',
  'tcpSplitByTag', // two one-way rows of one conversation, one tagged and one not
  'tcpSplitByVlan', // the same, in two VLANs
  'tcpSeenOctets',
  'tcpSeenPackets',
  'tcpUnseenOctets',
  'tcpRowsWithUnseen',
  'tcpRetransmitted',
  'tcpHiddenOctetsMax', // unseen ones that segments sent again may have hidden
  'ttlSpreadRows',
  'ttlSpreadPackets',
  'routedPairs',
  'routedPairPackets',
  'vlanPairs',
  'vlanPairPackets',
  'macSightings',
  'macChanges',
  'macChangedAddresses',
  'tcpRows',
  'superRows',
  'longestTcpOctets', // kept as a maximum, not as a sum
] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];
export type Evidence = Readonly<Record<EvidenceKind, number>>;

const longest = evidenceKinds.indexOf('longestTcpOctets');

export class SlidingSums {
  readonly #buckets: Float64Array[];
  readonly #totals = new Float64Array(evidenceKinds.length);
  #at = 0;

  /** @param buckets how many make up the window */
  constructor(buckets: number) {
    this.#buckets = Array.from({ length: buckets }, () => new Float64Array(evidenceKinds.length));
  }

  add(kind: EvidenceKind, amount: number): void {
    this.#addAt(evidenceKinds.indexOf(kind), amount);
  }

  /** @param amounts by kind, in the order of `evidenceKinds` */
  addAll(amounts: Float64Array): void {
    for (let at = 0; at < amounts.length; at++) this.#addAt(at, amounts[at]!);
  }

  #addAt(at: number, amount: number): void {
    const bucket = this.#buckets[this.#at]!;
    if (at === longest) bucket[at] = Math.max(bucket[at]!, amount);
    else {
      bucket[at]! += amount;
      this.#totals[at]! += amount;
    }
  }

  /** Begins a new bucket in place of the oldest. */
  roll(): void {
    this.#at = (this.#at + 1) % this.#buckets.length;
    this.#buckets[this.#at]!.fill(0);
  }

  /** Of the window. */
  sums(): Evidence {
    const sums = new Float64Array(evidenceKinds.length);
    for (const bucket of this.#buckets) {
      for (let i = 0; i < sums.length; i++) {
        sums[i] = i === longest ? Math.max(sums[i]!, bucket[i]!) : sums[i]! + bucket[i]!;
      }
    }
    return Object.fromEntries(evidenceKinds.map((kind, index) => [kind, sums[index]!])) as Evidence;
  }

  /** Since the start; of a maximum nothing. */
  total(kind: EvidenceKind): number {
    return this.#totals[evidenceKinds.indexOf(kind)]!;
  }
}

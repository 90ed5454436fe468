/**
 * What tells about the mirror, in a sliding window: what rows say, read by the addon, and what the meter's counters say each second. Nothing
 * is judged here (`mirror_rules.ts`). Pure.
 */
import type { Random } from '../core/random.ts';
import type { ReadEvidence, RowEvidence } from '../flow/row_evidence.ts';
import { type Evidence, type EvidenceKind, evidenceKinds, SlidingSums } from './mirror_sums.ts';

export class MirrorEvidence {
  readonly #sums: SlidingSums;
  readonly #rows: RowEvidence;
  /** Of rows, since they were last added to the window. */
  readonly #ofRows = new Float64Array(evidenceKinds.length);
  /** When a conversation of two unicast ends was last seen both ways, by the caller's clock. */
  answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(bucketMs: number, buckets: number, readEvidence: ReadEvidence, random: Random) {
    this.#sums = new SlidingSums(buckets);
    const seed = (BigInt(random.uint32()) << 32n) | BigInt(random.uint32());
    this.#rows = readEvidence({ windowMs: bucketMs * buckets, seed, kinds: evidenceKinds, sums: this.#ofRows });
  }

  /** @param nowMs of any clock that never steps; the same in every call */
  addRows(bytes: Uint8Array, firstRow: number, count: number, nowMs: number): void {
    if (this.#rows.add(bytes, firstRow, count, nowMs)) this.answeredAtMs = nowMs;
    this.#sums.addAll(this.#ofRows);
    this.#ofRows.fill(0);
  }

  add(kind: EvidenceKind, amount: number): void {
    this.#sums.add(kind, amount);
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
    return this.#rows.subnets(nowMs);
  }
}

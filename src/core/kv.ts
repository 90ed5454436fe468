/**
 * An ordered store of bytes, as LevelDB is one. Everything that is kept goes through this interface; `store/level_kv.ts`
 * is the real one, `MemoryKv` the one for the simulation. A contract suite runs against both.
 */

export interface KvPut {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface KvRange {
  /** Inclusive lower bound. */
  readonly gte?: Uint8Array;
  /** Exclusive lower bound. */
  readonly gt?: Uint8Array;
  /** Exclusive upper bound. */
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/**
 * Keys order by their octets. Failing calls throw ApplianceError: `storeClosed`, `storeFull`, `storeUnwritable` or
 * `storeDamaged`.
 */
export interface Kv {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** Written whole or not at all. `sync` waits for the device: survives a power cut. */
  batch(puts: readonly KvPut[], deletes?: readonly Uint8Array[], options?: { sync?: boolean }): Promise<void>;
  entries(range: KvRange): AsyncIterable<[Uint8Array, Uint8Array]>;
  /** Deletes a range; space comes back later. */
  clear(range: KvRange): Promise<void>;
  /** Octets on disk of a key range, roughly; of `{}` what the whole store takes. */
  approximateSize(range: KvRange): Promise<number>;
  /** Gives the space of what was deleted in the range back now: rewrites files, so rarely and in small ranges. */
  compact?(range: KvRange): Promise<void>;
  /** Octets that the store has written by itself since it was opened: what was handed over, sorted anew. Roughly. */
  rewrittenOctets?(): number;
  close(): Promise<void>;
}

export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

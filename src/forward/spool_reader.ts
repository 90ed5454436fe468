/**
 * Reads chunks back from disk: checked, decompressed, in this version's layout. Destinations at the same place share what
 * was read, and the next chunk is fetched while one is being sent. Limit: `heldMax` chunks.
 */
import type { Kv } from '../core/kv.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { RowCompression } from './row_compression.ts';
import { type RowTranslation, rowTranslation } from './row_translation.ts';
import type { SpoolChunk } from './spool_chunk.ts';
import { decodeRows, rowsKey } from './spool_record.ts';

const heldMax = 4;

export class SpoolReader {
  readonly #kv: Kv;
  readonly #layout: number;
  readonly #compression: RowCompression;
  #translations = new Map<number, RowTranslation>();
  readonly #held = new Map<SpoolChunk, Promise<Uint8Array | undefined>>();

  /** @param layout hash of this version's */
  constructor(kv: Kv, layout: number, compression: RowCompression) {
    this.#kv = kv;
    this.#compression = compression;
    this.#layout = layout;
  }

  /** Descriptions of layouts by hash, as found on disk. */
  learn(layouts: ReadonlyMap<number, string>): void {
    for (const [layout, description] of layouts) {
      const translation = rowTranslation(description);
      if (translation !== undefined) this.#translations.set(layout, translation);
    }
  }

  /**
   * The chunk's rows; undefined when they are damaged. Throws while the store does not answer.
   * @param ahead the chunk that will be wanted next
   */
  async read(chunk: SpoolChunk, ahead?: SpoolChunk): Promise<Uint8Array | undefined> {
    const rows = this.#fetch(chunk);
    // Nobody waits for it yet: its failure is met again when it is wanted.
    if (ahead !== undefined) this.#fetch(ahead).catch(() => {});
    return await rows;
  }

  #fetch(chunk: SpoolChunk): Promise<Uint8Array | undefined> {
    const held = this.#held.get(chunk);
    if (held !== undefined) return held;
    const rows = this.#load(chunk);
    this.#held.set(chunk, rows);
    if (this.#held.size > heldMax) this.#held.delete(this.#held.keys().next().value as SpoolChunk);
    rows.catch(() => this.#held.delete(chunk)); // the store may answer the next time
    return rows;
  }

  async #load(chunk: SpoolChunk): Promise<Uint8Array | undefined> {
    const value = await this.#kv.get(rowsKey(chunk.first));
    const rows = value === undefined ? undefined : await decodeRows(value, chunk.count, this.#compression);
    if (rows === undefined) return undefined;
    if (chunk.layout === this.#layout) return rows.length === chunk.count * ROW_BYTES ? rows : undefined;
    const translation = this.#translations.get(chunk.layout);
    if (translation === undefined || rows.length !== chunk.count * translation.rowOctets) return undefined;
    return translation.translate(rows, chunk.count);
  }
}

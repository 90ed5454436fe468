/**
 * Merges rows on disk when the spool nears its budget: reads the oldest, merges them piece by piece, and replaces them in one
 * write that waits for the device, with the places of the destinations. A kill leaves either the raw rows or the merged
 * ones. Owned by the spool, which calls `step` once a second; between two pieces everything else has its turn.
 */

import type { KvPut } from '../core/kv.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import type { RowCompression } from './row_compression.ts';
import { RowMerge } from './row_merge.ts';
import { chunkRowsMax, type SpoolChunk, sumRows } from './spool_chunk.ts';
import type { SpoolLog } from './spool_log.ts';
import type { SpoolReader } from './spool_reader.ts';
import { encodeIndex, encodeRows, indexKey, rowsKey } from './spool_record.ts';
import type { ThinPlan } from './spool_thinning.ts';

/** Steps a call at most: a call makes room for more than a second can bring. */
const stepsMax = 4;

export interface ThinnerParts {
  readonly log: SpoolLog;
  readonly reader: SpoolReader;
  readonly compression: RowCompression;
  readonly layout: number;
  /** Writes in the spool's turn. `begin` is called when the turn has come: false gives the write up. */
  readonly write: (begin: () => boolean, puts: readonly KvPut[], deletes: readonly Uint8Array[]) => Promise<boolean>;
}

interface Piece {
  readonly chunk: SpoolChunk;
  readonly rows: Uint8Array;
}

export class SpoolThinner {
  readonly #parts: ThinnerParts;
  #working: Promise<void> = Promise.resolve();

  constructor(parts: ThinnerParts) {
    this.#parts = parts;
  }

  /** Resolves when no rows are frozen. */
  settled(): Promise<void> {
    return this.#working;
  }

  /** Makes room if room is short. Returns the rows that are fewer now. Throws while the store does not answer. */
  async run(): Promise<number> {
    const { log, layout } = this.#parts;
    let fewer = 0;
    for (let steps = 0; steps < stepsMax; steps++) {
      const plan = log.thinPlan(layout);
      if (plan === undefined) break;
      const pieces = await this.#merged(plan);
      if (pieces === undefined) break;
      const done = this.#replace(plan, pieces);
      // Who waits for frozen rows tries again afterwards, whatever came of it.
      this.#working = done.then(
        () => {},
        () => {},
      );
      if (!(await done)) break;
      const count = (chunks: readonly SpoolChunk[]): number => chunks.reduce((sum, chunk) => sum + chunk.count, 0);
      fewer += count(plan.chunks) - count(pieces.flat().map(({ chunk }) => chunk));
    }
    return fewer;
  }

  /** By segment. Undefined when a piece is damaged: it is found and counted when its rows are to be sent, or dropped. */
  async #merged({ span, chunks, segments }: ThinPlan): Promise<Piece[][] | undefined> {
    const { reader, compression } = this.#parts;
    const offsetNs = chunks.at(-1)!.wallOffsetNs ?? 0n;
    const merges = segments.map(() => new RowMerge(span, offsetNs));
    for (const chunk of chunks) {
      const rows = chunk.rows ?? (await reader.read(chunk));
      if (rows === undefined) return undefined;
      segments.forEach(({ parts }, index) => {
        for (const part of parts) {
          const from = Math.max(part.from, chunk.first);
          const to = Math.min(part.to, chunk.first + chunk.count);
          if (from < to) merges[index]!.add(rows, (from - chunk.first) * ROW_BYTES, to - from);
        }
      });
    }
    return await Promise.all(
      merges.map(async (merge, index) => {
        const rows = merge.finish();
        const pieces: Piece[] = [];
        for (let done = 0; done < merge.count; done += chunkRowsMax) {
          const part = rows.subarray(done * ROW_BYTES, Math.min(done + chunkRowsMax, merge.count) * ROW_BYTES);
          const encoded = await encodeRows(part, compression);
          pieces.push({ chunk: pieceOf(chunks, span, segments[index]!.from + done, part, encoded.length), rows: encoded });
        }
        return pieces;
      }),
    );
  }

  async #replace(plan: ThinPlan, pieces: readonly (readonly Piece[])[]): Promise<boolean> {
    const { log, write } = this.#parts;
    const all = pieces.flat();
    const puts: KvPut[] = all.flatMap(({ chunk, rows }) => [
      { key: rowsKey(chunk.first), value: rows },
      { key: indexKey(chunk.first), value: encodeIndex(chunk, chunk.diskOctets) },
    ]);
    const kept = new Set(all.map(({ chunk }) => chunk.first));
    const gone = plan.chunks.map(({ first }) => first).filter((first) => !kept.has(first));
    let undo: (() => void) | undefined;
    const begin = (): boolean => {
      undo = log.beginThin(
        plan,
        pieces.map((one) => one.reduce((sum, { chunk }) => sum + chunk.count, 0)),
      );
      return undo !== undefined;
    };
    const written = await write(
      begin,
      puts,
      gone.flatMap((first) => [rowsKey(first), indexKey(first)]),
    );
    if (written)
      log.commitThin(
        plan,
        all.map(({ chunk }) => chunk),
      );
    else undo?.();
    return written;
  }
}

function pieceOf(
  chunks: readonly SpoolChunk[],
  merged: ThinPlan['span'],
  first: number,
  rows: Uint8Array,
  diskOctets: number,
): SpoolChunk {
  const count = rows.length / ROW_BYTES;
  const ascending = (values: bigint[]): bigint[] => values.sort((a, b) => Number(a - b));
  return {
    ...chunks[0]!,
    ...{ first, count, diskOctets, merged, rows: undefined, frozen: false, sealed: true, isSampled: true, groups: undefined },
    sums: sumRows(rows, 0, count),
    wallOffsetNs: chunks.at(-1)!.wallOffsetNs,
    firstStartNs: ascending(chunks.map(({ firstStartNs }) => firstStartNs))[0]!,
    grownMs: Math.max(...chunks.map(({ grownMs }) => grownMs)),
    lastEndNs: ascending(chunks.map(({ lastEndNs }) => lastEndNs)).at(-1)!,
  };
}

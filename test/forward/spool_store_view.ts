/** What a spool's store says at a moment, read as the next run will: the rows each destination waits for, gaps, the marker. */
import type { MemoryKv } from '../../src/core/memory_kv.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import type { Gap } from '../../src/forward/gaps.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import {
  decodeIndex,
  decodeLane,
  decodeRows,
  destinationOfKey,
  destinationRange,
  indexRange,
  openMarkerKey,
  positionOfKey,
} from '../../src/forward/spool_record.ts';
import { flowIdOf } from './rows.ts';

export interface StoreView {
  readonly marked: boolean;
  /** By destination, rows that are on disk and not done with there. */
  readonly waiting: ReadonlyMap<string, ReadonlySet<number>>;
  readonly gaps: ReadonlyMap<string, readonly Gap[]>;
  readonly pieces: readonly { readonly position: number; readonly ids: readonly number[] }[];
}

/** @param known rows of pieces by position: those in the store may be damaged */
export async function viewOf(kv: MemoryKv, known: ReadonlyMap<number, readonly number[]>): Promise<StoreView> {
  const pieces: { position: number; ids: readonly number[] }[] = [];
  for await (const [key, value] of kv.entries(indexRange)) {
    const position = positionOfKey(key)!;
    const ids = known.get(position);
    if (ids === undefined || ids.length !== decodeIndex(position, value, 0, 0)?.count)
      throw new Error(`no piece is at ${position}: ${ids?.length} ${ids?.[0]} but ${decodeIndex(position, value, 0, 0)?.count}`);
    pieces.push({ position, ids });
  }
  const waiting = new Map<string, Set<number>>();
  const gaps = new Map<string, readonly Gap[]>();
  for await (const [key, value] of kv.entries(destinationRange)) {
    const { pending, next, gaps: told } = decodeLane(value)!;
    gaps.set(destinationOfKey(key), told);
    const isWaited = (at: number): boolean => at >= next || pending.some(({ from, to }) => at >= from && at < to);
    const ids = pieces.flatMap((piece) => piece.ids.filter((_, i) => isWaited(piece.position + i)));
    waiting.set(destinationOfKey(key), new Set(ids));
  }
  return { marked: (await kv.get(openMarkerKey)) !== undefined, waiting, gaps, pieces };
}

/** The numbers of the rows that a piece holds. */
export async function rowsIn(value: Uint8Array, count: number): Promise<number[]> {
  const rows = await decodeRows(value, count, zstdInPlace);
  if (rows === undefined) throw new Error('a piece was written that cannot be read');
  return Array.from({ length: count }, (_, i) => flowIdOf(rows, i * ROW_BYTES));
}

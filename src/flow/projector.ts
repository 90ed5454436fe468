/**
 * Turning rows into data sets: the interface that exporters use. The addon's is the fast one; this one, in TypeScript, is
 * the reference and serves where there is no addon (the simulation).
 */
import { type ProjectionResult, type ProjectionTable, projectRows } from './projection.ts';

/** A compiled table; made once per session. */
export interface Projection {
  /**
   * Writes rows as data sets at `out[outOffset]` until `limit` octets would be exceeded; a row's records stay together.
   * The result object is the projection's own and is overwritten by the next call.
   */
  run(
    rows: Uint8Array,
    firstRow: number,
    count: number,
    out: Uint8Array,
    outOffset: number,
    limit: number,
    wallOffsetNs: bigint,
  ): ProjectionResult;
}

export interface Projector {
  compile(table: ProjectionTable): Projection;
}

export const referenceProjector: Projector = {
  compile: (table) => ({
    run: (rows, firstRow, count, out, outOffset, limit, wallOffsetNs) =>
      projectRows(table, rows, firstRow, count, out, outOffset, limit, wallOffsetNs),
  }),
};

/** When the flow of a row ended, in wall time: what the latency of its export counts from. Pure; no cursor for one field. */
import { rowField } from '../flow/row_layout.ts';

const flowEnd = rowField('flowEnd').offset;

/** @param wallOffsetNs from the row's clock to wall time */
export function flowEndWallMs(bytes: Uint8Array, row: number, wallOffsetNs: bigint): number {
  const endNs = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(row + flowEnd);
  return Number(endNs + wallOffsetNs) / 1e6;
}

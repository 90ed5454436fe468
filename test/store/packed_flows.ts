/** Recent flows as the page's thread has them, packed by the addon, for the tests of what is kept and searched. */
import type { RowRun } from '../../src/flow/flow_ring.ts';
import type { RowBlock } from '../../src/flow/row_block.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { SegmentMemory } from '../../src/store/flow_segment.ts';
import { RecentFlows, type SegmentTaker } from '../../src/store/recent_flows.ts';

export const { packFlows } = loadAddon();

/** What records in memory take before the first of them. */
export const openSegmentBytes = new SegmentMemory(packFlows).octets;

export function recentFlows(bytesMax: number, archive?: SegmentTaker): RecentFlows {
  return new RecentFlows(bytesMax, new SegmentMemory(packFlows), archive);
}

export const runOfBlock = ({ bytes, firstRow }: RowBlock, intervals?: readonly number[]): RowRun =>
  runOf(bytes.subarray(firstRow), 0, intervals);

/** Rows that all have the same offset; without intervals, nothing was sampled. */
export function runOf(rows: Uint8Array, offsetUs = 0, intervals?: readonly number[]): RowRun {
  const count = rows.length / ROW_BYTES;
  return {
    rows,
    offsetsUs: new Float64Array(count).fill(offsetUs),
    intervals: Float64Array.from({ length: count }, (_, i) => intervals?.[i] ?? 1),
  };
}

/** Keeps records as `recent_flows.ts` does, and prints what it tells of their memory beside what V8 tells of the process. Run with `--expose-gc`. */
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { writeRow } from '../pipeline/rows.ts';
import { recentFlows, runOf } from './packed_flows.ts';

const rows = 4_096;
const segments = 60;

const bytes = new Uint8Array(rows * ROW_BYTES);
const row = new RowCursor(bytes);
for (let i = 0; i < rows; i++) {
  // Numbers spread as of a branch, of a few digits each.
  const some = (bound: number): number => (Math.imul(i + 1, 0x9e37_79b1) >>> 0) % bound;
  writeRow(row.at(i), {
    source: [10, 0, 0, 0, some(2_000)],
    destination: [93, 184, 0, 0, some(19_997)],
    startNs: BigInt(i) * 1_000_000n,
    endNs: BigInt(i) * 1_000_000n + BigInt(some(999_999_937)),
    octets: 60 + some(999_983),
    packets: 1 + some(997),
    reverseOctets: some(4_999_999),
    reversePackets: 1 + some(3_989),
    sourcePort: 32_768 + some(28_001),
    destinationPort: 443,
    protocol: 6,
    vlan: some(4) * 10,
  });
}
const run = runOf(bytes);

function held(): number {
  const { gc } = globalThis as unknown as { gc: () => void };
  // What one collection finds is swept beside the program, and counted by the next.
  for (let i = 0; i < 4; i++) gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const warm = recentFlows(2 ** 30);
const flows = recentFlows(2 ** 30);
for (let i = 0; i < 3; i++) warm.add(run);
flows.add(run);
const toldBefore = flows.bytes;
const before = held();
for (let i = 0; i < segments; i++) flows.add(run);
const taken = held() - before;
// All that was there before is asked for once more, so that it was there until now.
const alive = warm.rows + bytes.length;
process.stdout.write(JSON.stringify({ told: flows.bytes - toldBefore, taken, alive }));

/**
 * What the search over recent flow records costs: taking rows in on the thread that meters, packing them, memory a row, and
 * scans in M rows/s. CPU time, least of several. `scripts/bench flow_search [ROWS]`
 */
import { SystemClock } from '../../src/core/clock.ts';
import { parseFilter } from '../../src/flow/filter/filter_parser.ts';
import { FlowRingReader, FlowRingWriter, flowRingMemory, ringRows } from '../../src/flow/flow_ring.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES } from '../../src/flow/row_layout.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { type RowFacts, writeRow } from '../pipeline/rows.ts';
import { recentFlows } from '../store/packed_flows.ts';

const clock = new SystemClock();
const total = Number(process.argv[2] ?? 500_000);
const blockRows = 512;

/** Flows of a branch: 2,000 hosts, a few servers, mostly TCP to 443, all directions and times. */
function branchFlow(i: number): RowFacts {
  const hash = Math.imul(i, 0x9e37_79b1) >>> 0;
  const isUdp = hash % 4 === 0;
  const startNs = 1_767_264_060_000_000_000n + BigInt(i) * 1_000_000n;
  return {
    source: [10, 20, (hash >> 8) & 7, hash & 0xff, 0],
    destination: hash % 3 === 0 ? [10, 20, 1, 10, 0] : [198, 51, 100 + ((hash >> 20) & 3), (hash >> 12) & 0xff, 0],
    sourceMac: [2, 0, 0x5e, 0x10, (hash >> 8) & 7, hash & 0xff],
    destinationMac: [2, 0, 0x5e, 0x20, 0, 1],
    protocol: isUdp ? 17 : 6,
    sourcePort: 32_768 + ((hash >> 10) & 0x3fff),
    destinationPort: isUdp ? 53 : [443, 443, 443, 80, 445, 22, 993, 5_060][(hash >> 4) & 7]!,
    startNs,
    endNs: startNs + BigInt(hash % 60_000) * 1_000_000n,
    octets: 60 + (hash % 100_000),
    packets: 1 + (hash % 90),
    reverseOctets: 60 + ((hash >> 3) % 1_000_000),
    reversePackets: 1 + ((hash >> 3) % 900),
    vlan: 10 + (hash % 4),
    flowEndReason: 1 + (hash % 3),
  };
}

const blocks = Array.from({ length: 32 }, (_, b) => {
  const bytes = new Uint8Array(blockRows * ROW_BYTES);
  const row = new RowCursor(bytes);
  for (let i = 0; i < blockRows; i++) {
    writeRow(row.at(i), branchFlow(b * blockRows + i));
    for (const group of ['ip', 'tcp', 'rtt', 'locality'] as const) row.setPresent(presenceBit(group));
    row.octetDeltaCount = row.layer2OctetDeltaCount - 18;
    row.reverseOctetDeltaCount = row.reverseLayer2OctetDeltaCount - 18;
    row.tcpSequenceNumber = Math.imul(b * blockRows + i, 0x85eb_ca6b) >>> 0;
    row.roundTripTimeMicroseconds = (i * 37) % 90_000;
    row.tcpControlBits = 0x1b;
  }
  return { bytes, firstRow: 0, count: blockRows, bootId: 'wall', closedAtNs: 0n, firstStartNs: 0n, lastEndNs: 0n };
});

const say = (what: string, value: string): boolean => process.stdout.write(`${what.padEnd(58)} ${value}\n`);
/** CPU time of this thread: what else the machine does is not counted. */
const cpuNs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return 1_000 * (user + system);
};
const nsSince = (from: number): number => cpuNs() - from;
const least = (runs: number, run: () => number): number => Math.min(...Array.from({ length: runs }, run));

const memory = flowRingMemory();
const writer = new FlowRingWriter(memory, () => 1);
const reader = new FlowRingReader(memory);
const copyNs = least(5, () => {
  const from = cpuNs();
  // The ring is emptied in between, which costs nothing beside the copy.
  for (let round = 0; round < 40; round++) {
    for (const block of blocks) writer.add(block, 0n);
    reader.drain(() => {});
  }
  return nsSince(from) / (40 * ringRows);
});
say('copy into the ring, on the metering thread', `${copyNs.toFixed(0)} ns/row`);

const flows = recentFlows(64 * 2 ** 20);
let packNs = Number.POSITIVE_INFINITY;
for (let done = 0; done < total; done += ringRows) {
  for (const block of blocks) writer.add(block, BigInt(done) * 1_000_000n);
  // Elapsed: a few milliseconds, which is less than the kernel tells CPU time apart by, and the least of many is of a thread that was left alone.
  const fromMs = performance.now();
  reader.drain((run) => flows.add(run));
  packNs = Math.min(packNs, (1e6 * (performance.now() - fromMs)) / ringRows);
}
say('pack, on the page’s thread', `${packNs.toFixed(0)} ns/row`);
say('rows kept in 64 MiB', `${flows.rows} (${(flows.bytes / flows.rows).toFixed(0)} octets a row)`);

const search = new FlowSearch({ flows, clock });
const everything = { fromMs: 0, toMs: 2 ** 48 };
for (const text of [
  'any',
  'port 5060',
  'src ip 10.20.3.0/24',
  'tcp and dst port 443 and bytes > 500k',
  'bps > 10M or rtt > 80ms',
  'not (udp or vlan 10) and flags S',
]) {
  const parsed = parseFilter(text);
  if (parsed.trouble !== undefined) throw new Error(parsed.trouble.message);
  let best = Number.POSITIVE_INFINITY;
  let records = 0;
  for (let run = 0; run < 5; run++) {
    const from = cpuNs();
    records = (await search.list({ filter: parsed.filter, ...everything, order: 'bytes', limit: 50, offset: 0 })).matched.records;
    best = Math.min(best, nsSince(from));
  }
  say(`list ${text}`, `${(best / 1e6).toFixed(1)} ms, ${(flows.rows / (best / 1e3)).toFixed(0)} M rows/s, ${records} found`);
}
for (const by of [['host'], ['application'], ['conversation', 'application']] as const) {
  let best = Number.POSITIVE_INFINITY;
  let found = 0;
  for (let run = 0; run < 3; run++) {
    const from = cpuNs();
    found = (await search.group({ filter: { kind: 'all' }, ...everything, by, order: 'bytes', limit: 20 })).groupsFound;
    best = Math.min(best, nsSince(from));
  }
  say(`sum by ${by.join(' and ')}`, `${(best / 1e6).toFixed(0)} ms, ${found} groups`);
}

/**
 * What flow records on disk cost: octets a record in the file and as the kernel writes them, CPU to pack and write one, how fast
 * a folder is opened, and how long searches take. One line of JSON a figure; nothing is asserted. Least of several.
 *
 *   scripts/bench flow_archive [--rows 4000000] [--folder DIR]
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SystemClock } from '../../src/core/clock.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { parseFilter } from '../../src/flow/filter/filter_parser.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES } from '../../src/flow/row_layout.ts';
import { openArchivedFiles } from '../../src/store/archived_files.ts';
import { FlowArchive } from '../../src/store/flow_archive.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { segmentRows } from '../../src/store/flow_segment.ts';
import { noRecentFlows } from '../../src/store/recent_flows.ts';
import { type RowFacts, writeRow } from '../pipeline/rows.ts';
import { recentFlows, runOf } from '../store/packed_flows.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '4000000' }, folder: { type: 'string' } } });
const total = Number(values.rows);
const random = new SeededRandom(1);
const clock = new SystemClock();
const startMs = 1_800_000_000_000;
/** A thousand a second. */
const rowUs = 1_000;
const print = (figure: object): void => void process.stdout.write(`${JSON.stringify({ bench: 'flow archive', ...figure })}\n`);
const skewed = (bound: number): number => Math.floor(random.float() ** 3 * bound);
const dotted = (address: number): number[] => [24, 16, 8, 0].map((bits) => (address >>> bits) & 0xff);

// 2,000 hosts, servers and peers of which few do most, and a long tail that is never the same.
function branchFlow(i: number): RowFacts {
  const host = skewed(2_000);
  const isUdp = random.below(4) === 0;
  const outside = random.below(10) === 0 ? random.uint32() : 0x5db8_0000 + skewed(50_000);
  const startNs = BigInt(startMs) * 1_000_000n + BigInt(i * rowUs) * 1_000n;
  const lastingUs = Math.floor(random.float() ** 4 * 60_000_000);
  const packets = 1 + Math.floor(random.float() ** 4 * 90);
  const packetsBack = 1 + Math.floor(random.float() ** 4 * 900);
  return {
    source: [10, 20, host >> 8, host & 0xff],
    destination: random.below(3) === 0 ? [10, 20, 1, random.below(20)] : dotted(outside),
    sourceMac: [2, 0, 0x5e, 0x10, host >> 8, host & 0xff],
    destinationMac: [2, 0, 0x5e, 0x20, 0, 1],
    protocol: isUdp ? 17 : 6,
    sourcePort: 32_768 + random.below(28_000),
    destinationPort: isUdp ? 53 : [443, 443, 443, 80, 445, 22, 993, 8_080][random.below(8)]!,
    startNs,
    endNs: startNs + BigInt(lastingUs) * 1_000n,
    octets: packets * (60 + random.below(600)),
    packets,
    reverseOctets: packetsBack * (60 + random.below(1_400)),
    reversePackets: packetsBack,
    vlan: 10 + (host % 4),
    flowEndReason: 1 + random.below(3),
  };
}

const bytes = new Uint8Array(ROW_BYTES);
const run = runOf(bytes);
const row = new RowCursor(bytes);
function makeRow(i: number): void {
  bytes.fill(0);
  writeRow(row.at(0), branchFlow(i));
  for (const group of ['ip', 'tcp', 'rtt', 'locality'] as const) row.setPresent(presenceBit(group));
  row.octetDeltaCount = row.layer2OctetDeltaCount - 18 * row.packetDeltaCount;
  row.reverseOctetDeltaCount = row.reverseLayer2OctetDeltaCount - 18 * row.reversePacketDeltaCount;
  row.tcpSequenceNumber = random.uint32();
  row.roundTripTimeMicroseconds = random.below(90_000);
  row.tcpControlBits = 0x1b;
  if (i % 1_000_000 === 500_000) bytes.set([203, 0, 113, 77], 152); // one that is looked for
}

const kernelOctets = (): number => Number(/write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const place = values.folder ?? (await mkdtemp(join(tmpdir(), 'flowspan-bench-')));
const folder = join(place, 'flows');
const options = { folder, bytesMax: 2 ** 40, forS: 1e9, writtenBytesPerDayMax: 2 ** 40 };
const archive = new FlowArchive(options, { clock, clockTrusted: () => true, onEvent: () => {} });
await archive.open();
let busyMs = 0;
const flows = recentFlows(0, archive);
const before = kernelOctets();
for (let i = 0; i < total; i++) {
  makeRow(i);
  const isLast = i % segmentRows === segmentRows - 1;
  const from = isLast ? cpuMs() : 0;
  flows.add(run);
  if (!isLast) continue;
  await archive.settled();
  busyMs += cpuMs() - from;
}
flows.seal();
await archive.stop();
const rows = archive.files.rowsBefore(Number.POSITIVE_INFINITY);
const perRow = (octets: number): number => Math.round((octets / rows) * 10) / 10;
print({ figure: 'octets a record', rows, inFiles: perRow(archive.files.octets), counted: perRow(archive.writtenOctets) });
print({ figure: 'written by the kernel a record', octets: perRow(kernelOctets() - before) });
const day = (archive.writtenOctets / rows) * 86_400 * 1_000;
print({ figure: 'written a day at 1,000 flows/s', gibibytes: Math.round((day / 2 ** 30) * 100) / 100 });
print({ figure: 'seal, pack and write', microsecondsARecord: Math.round((busyMs * 1_000 * 100) / rows) / 100 });

async function least<T>(runs: number, run: () => Promise<T>): Promise<{ ms: number; value: T }> {
  let best = Number.POSITIVE_INFINITY;
  let value: T | undefined;
  for (let i = 0; i < runs; i++) {
    const from = performance.now();
    value = await run();
    best = Math.min(best, performance.now() - from);
  }
  return { ms: Math.round(best * 10) / 10, value: value! };
}
const opened = await least(3, () => openArchivedFiles(folder));
print({ figure: 'open', files: opened.value.facts.length, ms: opened.ms });
const search = new FlowSearch({
  flows: noRecentFlows,
  clock,
  archive: { files: opened.value, coverage: () => ({ recordsSkipped: 0, trouble: '' }) },
});
const range = { fromMs: 0, toMs: 2 ** 48, withinMs: 600_000 };
for (const text of [
  'ip 203.0.113.77',
  'port 5060',
  'src ip 10.20.3.0/24 and port 22',
  'bytes > 100M',
  'tcp and bytes > 500k',
  'any',
]) {
  const parsed = parseFilter(text);
  if (parsed.trouble !== undefined) throw new Error(parsed.trouble.message);
  const { ms, value } = await least(3, () =>
    search.list({ filter: parsed.filter, ...range, order: 'arrival', limit: 100, offset: 0 }),
  );
  const { matched, coverage } = value;
  print({
    figure: `list ${text}`,
    ms,
    matched: matched.records,
    scanned: coverage.recordsScanned,
    millionRowsAS: Math.round(rows / ms) / 1_000,
  });
}
const later = await search.list({ filter: { kind: 'all' }, ...range, order: 'arrival', limit: 100, offset: 0 });
const next = await least(3, () =>
  search.list({ filter: { kind: 'all' }, ...range, order: 'arrival', limit: 5_000, offset: 0, before: later.nextBefore! }),
);
print({ figure: 'the next 5,000', ms: next.ms });
for (const by of [['application'], ['host']] as const) {
  const { ms, value } = await least(2, () => search.group({ filter: { kind: 'all' }, ...range, by, order: 'bytes', limit: 20 }));
  print({ figure: `sum by ${by.join()}`, ms, groups: value.groupsFound });
}
print({ figure: 'resident', mebibytes: Math.round(process.memoryUsage.rss() / 1024 / 1024) });
await rm(values.folder === undefined ? place : folder, { recursive: true });

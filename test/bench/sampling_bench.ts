/**
 * What sampling does to small flows: of flows with so many packets, how many are seen at all, by rate. Generated, through the
 * addon. Prints a table for `README.md` beside this file, with what chance alone gives, 1 − (1 − 1/N)^n, for flows of n packets.
 *
 *   node test/bench/sampling_bench.ts [--flows 20000] [--seed 1]
 */
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../src/core/random.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { udpFrame } from '../captures/frames.ts';
import { type CapturedPacket, captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder, meterFile } from '../meter/metering.ts';

const { values } = parseArgs({
  options: { flows: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const classes = [
  { name: '1', least: 1, most: 1 },
  { name: '2–5', least: 2, most: 5 },
  { name: '6–20', least: 6, most: 20 },
  { name: '> 20', least: 21, most: 100 },
];
const rates = [1, 2, 4, 8, 16, 32, 64];

const random = new SeededRandom(Number(values.seed));
const packetsOfFlow: number[] = [];
const packets: CapturedPacket[] = [];
const perClass = Math.floor(Number(values.flows) / classes.length);
for (const { least, most } of classes) {
  for (let i = 0; i < perClass; i++) {
    const flow = packetsOfFlow.length;
    const count = least + random.below(most - least + 1);
    packetsOfFlow.push(count);
    const frame = udpFrame({ source: `10.${flow >> 16}.${(flow >> 8) & 255}.${flow & 255}`, destination: '10.255.9.9' });
    const startUs = random.below(50_000_000);
    for (let n = 0; n < count; n++) packets.push({ ns: captureStartNs + BigInt(startUs + n * 1_000) * 1_000n, frame });
  }
}
packets.sort((a, b) => (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0));

using folder = new CaptureFolder();
const capture = folder.write('small_flows.pcap', pcapFile(packets));
const lines = [
  `| packets in the flow | ${rates.map((rate) => `1 in ${rate}`).join(' | ')} |`,
  `| --- |${' --- |'.repeat(rates.length)}`,
];
const seenByRate = rates.map((interval) => {
  const sampling = { kind: interval === 1 ? ('none' as const) : ('random' as const), interval };
  const { rows } = meterFile(capture, { sampling, seed: BigInt(values.seed), duplicates: 'off' });
  return new Set(
    rows.map((bytes) => {
      const row = new RowCursor(bytes);
      return row.view.getUint32(row.sourceAddressOffset) & 0xffffff;
    }),
  );
});
classes.forEach(({ name }, index) => {
  const flows = Array.from({ length: perClass }, (_, i) => index * perClass + i);
  const cells = rates.map((rate, r) => {
    const seen = flows.filter((flow) => seenByRate[r]!.has(flow)).length / perClass;
    const expected = flows.reduce((sum, flow) => sum + 1 - (1 - 1 / rate) ** packetsOfFlow[flow]!, 0) / perClass;
    return `${(100 * seen).toFixed(1)} % (${(100 * expected).toFixed(1)})`;
  });
  lines.push(`| ${name} | ${cells.join(' | ')} |`);
});
process.stdout.write(
  `${packets.length} packets, ${packetsOfFlow.length} flows; in brackets what chance gives\n\n${lines.join('\n')}\n`,
);

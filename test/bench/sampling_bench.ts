/**
 * What sampling does to small flows: of flows with so many packets, how many are seen at all, and how many whole, by method and
 * rate. Generated, through the addon. Prints tables for `README.md` beside this file. In brackets what chance alone gives: by
 * packets 1 − (1 − 1/N)^n are seen, of flows of n packets; by flows 1/N, and those are whole.
 *
 *   scripts/bench sampling [--flows 20000] [--seed 1]
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
const methods = [
  { kind: 'random', name: 'random: each packet with probability 1/N', chance: bySome },
  { kind: 'count', name: 'count: every N-th packet', chance: bySome },
  { kind: 'flowHash', name: 'flowHash: one flow in N', chance: (rate: number) => 1 / rate },
] as const;

function bySome(rate: number, packetsSeen: number): number {
  return 1 - (1 - 1 / rate) ** packetsSeen;
}

/** Packets by flow that came through. */
function seenBy(kind: (typeof methods)[number]['kind'], interval: number): Map<number, number> {
  const sampling = interval === 1 ? ({ kind: 'none', interval } as const) : { kind, interval };
  const { rows } = meterFile(capture, { sampling, seed: BigInt(values.seed), duplicates: 'off' });
  const seen = new Map<number, number>();
  for (const bytes of rows) {
    const row = new RowCursor(bytes);
    const flow = row.view.getUint32(row.sourceAddressOffset) & 0xffffff;
    seen.set(flow, (seen.get(flow) ?? 0) + row.packetDeltaCount);
  }
  return seen;
}

const percent = (share: number): string => (100 * share).toFixed(1);
let text = `${packets.length} packets, ${packetsOfFlow.length} flows; seen in %, in brackets what chance gives, behind the stroke those seen whole\n`;
for (const { kind, name, chance } of methods) {
  const seenByRate = rates.map((rate) => seenBy(kind, rate));
  text += `\n${name}\n\n| packets in the flow | ${rates.map((rate) => `1 in ${rate}`).join(' | ')} |\n| --- |${' --- |'.repeat(rates.length)}\n`;
  classes.forEach(({ name: size }, index) => {
    const flows = Array.from({ length: perClass }, (_, i) => index * perClass + i);
    const share = (holds: (flow: number) => boolean): number => flows.filter(holds).length / perClass;
    const cells = rates.map((rate, r) => {
      const seen = seenByRate[r]!;
      const expected = flows.reduce((sum, flow) => sum + chance(rate, packetsOfFlow[flow]!), 0) / perClass;
      const whole = share((flow) => seen.get(flow) === packetsOfFlow[flow]);
      return `${percent(share((flow) => seen.has(flow)))} (${percent(expected)}) / ${percent(whole)}`;
    });
    text += `| ${size} | ${cells.join(' | ')} |\n`;
  });
}
process.stdout.write(text);

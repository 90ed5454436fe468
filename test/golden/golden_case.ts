/**
 * Runs a family of golden cases. Each capture is written, metered by the offline meter that `flowspan meter` is, and its rows
 * are compared with (a) the flows written down in the case, every element of them, and (b) the sums that tshark makes of the
 * same packets. The ledger must balance, and tshark must find nothing wrong with a frame unless the case says so.
 */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSettings } from '../../src/config/load.ts';
import type { MeterSettings } from '../../src/config/schema.ts';
import type { Ledger } from '../../src/flow/ledger.ts';
import { ROW_BYTES, rowField } from '../../src/flow/row_layout.ts';
import { OfflineMeter } from '../../src/meter/offline.ts';
import { type CapturedPacket, captureStartNs, linkTypes, pcapFile } from '../captures/pcap_writer.ts';
import { PcapngWriter } from '../captures/pcapng_writer.ts';
import { addon, CaptureFolder } from '../meter/metering.ts';
import { addTo, type DissectedPacket, dissect, faultsOf, type Sums, sumsOf, type Which } from './dissection.ts';
import { flowOf, type GoldenFlow, writtenOut } from './golden_flow.ts';

export interface GoldenCase {
  /** What may go wrong, or what must come out. */
  readonly name: string;
  readonly packets: readonly CapturedPacket[];
  readonly flows: readonly GoldenFlow[];
  readonly linkType?: number;
  readonly settings?: Partial<MeterSettings>;
  readonly format?: 'pcap' | 'pcapng' | 'gz';
  /** Which IP header tshark's sums go by: the inner one where tunnels are opened. `none`: tshark does not speak it. */
  readonly dissection?: Which | 'none';
  /** Complaints of tshark that belong to the case. */
  readonly faults?: readonly string[];
  /** Packets of the ledger that are not decoded. */
  readonly undecodable?: number;
  /** Packets noticed as seen before; removed from the ledger's account where the settings say so. */
  readonly copies?: number;
  /** Annotated packets of the ledger; those of the flows when left out. */
  readonly annotations?: Record<string, number>;
}

/** A packet `ms` after the start of the capture, exact to the nanosecond; `wireOctets` when it was cut. */
export function at(ms: number, frame: Uint8Array, wireOctets = frame.length): CapturedPacket {
  return { ns: captureStartNs + BigInt(Math.round(ms * 1_000_000)), frame, wireOctets };
}

/** Packets one millisecond apart. */
export const sequence = (...frames: readonly Uint8Array[]): CapturedPacket[] => frames.map((frame, i) => at(i, frame));

export function goldenFamily(family: string, cases: readonly GoldenCase[], tsharkPreferences: readonly string[] = []): void {
  const folder = new CaptureFolder();
  const dissected: DissectedPacket[][] = [];
  beforeAll(() => {
    const writer = new PcapngWriter();
    cases.forEach(({ packets, linkType = linkTypes.ethernet }, i) => {
      writer.interface({ linkType, resolution: 9 });
      for (const packet of packets) writer.packet(packet, i, packet.ns);
    });
    const all = dissect(folder.write(`${family}.pcapng`, writer.octets()), tsharkPreferences);
    for (const { packets } of cases) dissected.push(all.splice(0, packets.length));
    expect(all).toEqual([]);
  });
  afterAll(() => folder[Symbol.dispose]());

  describe(family, () => {
    test.each(cases.map((golden, i) => [golden.name, golden, i] as const))('%s', (_, golden, i) => {
      const path = folder.write(`case-${i}.${golden.format ?? 'pcap'}`, captureOf(golden));
      const { rows, ledger, copies } = meter(path, golden.settings ?? {});
      const order = (flows: readonly object[]): string[] => flows.map((flow) => JSON.stringify(flow, sortedKeys, 1)).sort();
      expect(order(rows.map(flowOf))).toEqual(order(golden.flows.map(writtenOut)));
      // Each thread keeps its part of the packets: that both directions, all fragments and what a tunnel carries meet shows here.
      for (const threads of [2, 4]) {
        const spread = meter(path, { ...golden.settings, threads });
        expect(octetsOf(spread.rows), `${threads} threads`).toEqual(octetsOf(rows));
        expect(spread.ledger, `${threads} threads`).toEqual(ledger);
      }
      expect(ledger.balanced).toBe(true);
      expect(ledger.undecodable.packets).toBe(golden.undecodable ?? 0);
      if (golden.copies !== undefined) {
        expect(copies).toBe(golden.copies);
        expect(ledger.duplicates.packets).toBe(golden.settings?.duplicates === 'remove' ? golden.copies : 0);
      }
      if (golden.annotations) expect(ledger.annotations).toEqual(golden.annotations);
      expect([...new Set(dissected[i]!.flatMap(faultsOf))]).toEqual(golden.faults ?? []);
      const which = golden.dissection ?? (golden.settings?.tunnels === undefined ? 'outer' : 'inner');
      if (which !== 'none')
        expect(sumsOfFlows(rows.map((row) => flowOf(row) as GoldenFlow))).toEqual(sumsOf(dissected[i]!, which));
    });
  });
}

function captureOf({ packets, linkType = linkTypes.ethernet, format = 'pcap' }: GoldenCase): Uint8Array {
  if (format === 'pcapng') {
    const writer = new PcapngWriter(true).interface({ linkType, resolution: 9 });
    for (const packet of packets) writer.packet(packet, 0, packet.ns);
    return writer.octets();
  }
  const octets = pcapFile(packets, { linkType, nanoseconds: true });
  return format === 'gz' ? gzipSync(octets) : octets;
}

function meter(path: string, changes: Partial<MeterSettings>): { rows: Uint8Array[]; ledger: Ledger; copies: number } {
  const settings = { ...defaultSettings().meter, cacheFlows: 1_024, ...changes };
  const offline = new OfflineMeter(addon, { path, settings });
  try {
    const rows: Uint8Array[] = [];
    for (const { bytes, firstRow, count } of offline.blocks()) {
      for (let i = 0; i < count; i++) rows.push(bytes.slice(firstRow + i * ROW_BYTES, firstRow + (i + 1) * ROW_BYTES));
    }
    expect(offline.trouble()).toBeUndefined();
    return { rows, ledger: offline.ledger(), copies: offline.figures().counts.duplicatesSeenPackets };
  } finally {
    offline.close();
  }
}

/** What several threads need not agree on: ids, and errors that a router sends about a flow, which come by its own address. */
const byThread = ['flowId', 'icmpUnreachableDeltaCount', 'reverseIcmpUnreachableDeltaCount'].map(rowField);

/** The rows whole but for that, without their order. */
function octetsOf(rows: readonly Uint8Array[]): string[] {
  return rows
    .map((row) => {
      const compared = row.slice();
      for (const { offset, octets } of byThread) compared.fill(0, offset, offset + octets);
      return Buffer.from(compared).toString('hex');
    })
    .sort();
}

/** The program's records in the form of tshark's sums. */
function sumsOfFlows(flows: readonly GoldenFlow[]): Sums {
  const sums: Sums = {};
  for (const { from, to, protocol, etherType, out, back } of flows) {
    const name = protocol !== undefined ? protocol : etherType == null ? 'without EtherType' : `EtherType ${etherType}`;
    const end = (text: string): string => (protocol === undefined ? text : withSlash(text));
    if (out.packets > 0) addTo(sums, `${end(from)}>${end(to)} ${name}`, out);
    if (back) addTo(sums, `${end(to)}>${end(from)} ${name}`, back);
  }
  return sums;
}

/** 192.0.2.1:80 and [2001:db8::1]:80 with the port behind a slash, as tshark's sums have it. */
function withSlash(end: string): string {
  const six = /^\[(.*)\]:(\d+)$/.exec(end);
  if (six) return `${six[1]}/${six[2]}`;
  return end.split(':').length === 2 ? end.replace(':', '/') : end;
}

function sortedKeys(_: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

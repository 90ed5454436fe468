/** A mirror on the bench: captures go through the real meter and the enricher into `MirrorTruth`, on a simulated clock. */
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { decodeAnnotations, meterCounters } from '../../src/flow/decode_annotations.ts';
import type { MeterCounts } from '../../src/flow/ledger.ts';
import type { MirrorTrouble } from '../../src/flow/mirror_findings.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { loadAddon, type NativeOptions } from '../../src/meter/addon.ts';
import { enricherOf } from '../../src/pipeline/enrich.ts';
import { type MirrorFigures, MirrorTruth, type MirrorTruthParts } from '../../src/pipeline/mirror_truth.ts';
import { type CapturedPacket, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder, meterFile } from '../meter/metering.ts';
import { markLocality } from './count_rows.ts';

export const captures = new CaptureFolder();
const noCounts = Object.fromEntries(meterCounters.map((name) => [name, 0])) as MeterCounts;

export interface Said {
  readonly level: string;
  readonly event: string;
  readonly text: string;
}

export class MirrorBench {
  readonly clock = new SimulatedClock(5_000, 1_800_000_000_000);
  readonly said: Said[] = [];
  readonly truth: MirrorTruth;
  readonly metrics = createMetrics();
  figures: MirrorFigures = { metering: true, counts: noCounts, unsizedPackets: 0, capacityMbps: null };

  constructor(parts: Partial<MirrorTruthParts> = {}) {
    this.truth = new MirrorTruth({
      readEvidence: loadAddon().readEvidence,
      world: { clock: this.clock, random: new SeededRandom(3), log: silentLog, metrics: this.metrics },
      duplicates: 'report',
      filtered: false,
      figures: () => this.figures,
      onEvent: (level, event, text) => this.said.push({ level, event, text }),
      ...parts,
    });
  }

  async start(): Promise<this> {
    await this.truth.start(new AbortController().signal);
    await this.clock.advance(1_000);
    return this;
  }

  /** Meters packets and hands everything over within one second; judged at the end of the bucket. */
  async show(packets: readonly CapturedPacket[], options: Partial<NativeOptions> = {}): Promise<void> {
    await this.showFile(captures.write('mirror.pcap', pcapFile(packets, { nanoseconds: true })), options);
  }

  async showFile(path: string, options: Partial<NativeOptions> = {}): Promise<void> {
    const { rows, counts, stats } = meterFile(path, options);
    const bytes = new Uint8Array(rows.length * ROW_BYTES);
    for (const [i, row] of rows.entries()) bytes.set(row, i * ROW_BYTES);
    enricherOf(['10.0.0.0/8', '192.168.0.0/16'], markLocality).mark(bytes, 0, rows.length);
    const block = { bytes, firstRow: 0, count: rows.length, bootId: 'wall', closedAtNs: 0n, firstStartNs: 0n, lastEndNs: 0n };
    this.truth.add(block);
    const before = this.figures.counts;
    const sum = Object.fromEntries(meterCounters.map((name) => [name, before[name] + counts[name]])) as MeterCounts;
    const unsized = stats.annotations[decodeAnnotations.indexOf('superPacket')] ?? 0;
    this.figures = { ...this.figures, counts: sum, unsizedPackets: this.figures.unsizedPackets + unsized };
    await this.clock.advance(11_000);
  }

  get codes(): MirrorTrouble[] {
    return this.truth.status().findings.map(({ code }) => code);
  }
}

/** Drives the addon for tests: default options, metering a whole capture, rows as plain objects of what tests compare. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blockHeader, meterCounters } from '../../src/flow/decode_annotations.ts';
import { ledgerFaults, type MeterCounts } from '../../src/flow/ledger.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { loadAddon, type NativeMeter, type NativeOptions, type NativeSource, type NativeStats } from '../../src/meter/addon.ts';

export const addon = loadAddon();

export function optionsFor(source: NativeSource, changes: Partial<NativeOptions> = {}): NativeOptions {
  return {
    source,
    sampling: { kind: 'none', interval: 1 },
    threads: 1,
    cacheFlows: 65_536,
    activeTimeoutMs: 60_000,
    idleTimeoutMs: 15_000,
    lingerMs: 1_000,
    vlanInKey: true,
    duplicates: 'report',
    duplicateWindowMs: 50,
    tunnels: [],
    rowsPerBlock: 64,
    blocks: 8,
    blockMaxAgeMs: 100,
    seed: 1n,
    ...changes,
  };
}

export interface Metered {
  readonly rows: Uint8Array[];
  readonly counts: MeterCounts;
  readonly stats: NativeStats;
}

/** Meters a capture to its end; the meter is closed. */
export function meterFile(path: string, changes: Partial<NativeOptions> = {}, source: Partial<NativeSource> = {}): Metered {
  const meter = addon.open(optionsFor({ kind: 'file', path, ...source }, changes));
  try {
    meter.start();
    const rows: Uint8Array[] = [];
    while (!meter.drained()) rows.push(...takeRows(meter, meter.waitBlock(1_000)));
    const stats = meter.stats();
    return { rows, stats, counts: countsOf(stats) };
  } finally {
    meter.close();
  }
}

/** Copies the rows of a polled block and releases it; nothing for −1. */
export function takeRows(meter: NativeMeter, block: number): Uint8Array[] {
  if (block < 0) return [];
  const start = block * meter.blockBytes;
  const count = new DataView(meter.buffer, start).getUint32(blockHeader.rowCount, true);
  const rows = Array.from({ length: count }, (_, i) =>
    new Uint8Array(meter.buffer, start + blockHeader.bytes + i * ROW_BYTES, ROW_BYTES).slice(),
  );
  meter.release(block);
  return rows;
}

export function countsOf(stats: NativeStats): MeterCounts {
  return Object.fromEntries(meterCounters.map((name, index) => [name, stats.counters[index]])) as MeterCounts;
}

export function faultsOf(stats: NativeStats): ReturnType<typeof ledgerFaults> {
  return ledgerFaults(countsOf(stats));
}

/** Rows in a form that does not depend on their order or on ids the cache gives out. */
export function flowTexts(rows: readonly Uint8Array[], idOffset: number): string[] {
  return rows
    .map((row) => {
      const copy = Buffer.from(row);
      copy.fill(0, idOffset, idOffset + 8);
      return copy.toString('hex');
    })
    .sort();
}

/** A folder that is removed when the test file ends. */
export class CaptureFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'flowspan-captures-'));

  write(name: string, octets: Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, octets);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

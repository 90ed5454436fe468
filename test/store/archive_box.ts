/** Flow records on disk under test: an archive, the memory before it, and the search over both, in a folder that goes with the test. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { SystemClock } from '../../src/core/clock.ts';
import { everyFlow } from '../../src/flow/filter/filter_syntax.ts';
import type { FlowListQuestion } from '../../src/flow/flow_search_shapes.ts';
import { rowToJson } from '../../src/flow/row_json.ts';
import { FlowArchive, type FlowArchiveOptions, skipReasons } from '../../src/store/flow_archive.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import type { RecentFlows } from '../../src/store/recent_flows.ts';
import { labelNames } from '../flow/filter/arbitrary_filter.ts';
import { type ChanceRow, chanceRow } from './flow_rows.ts';
import { recentFlows, runOf } from './packed_flows.ts';

export const names = async () => labelNames;

class Now extends SystemClock {
  ms = 1_800_000_000_000;
  override wallMs(): number {
    return this.ms;
  }
}

export const always = { fromMs: 0, toMs: 2 ** 48 };
/** However slow the machine is, the disk is looked through. */
const withinMs = 3_600_000;
export const list = (question: Partial<FlowListQuestion> = {}): FlowListQuestion => ({
  ...{ filter: everyFlow, ...always, order: 'arrival', limit: 5_000, offset: 0, withinMs },
  ...question,
});

export interface Box {
  readonly flows: RecentFlows;
  readonly archive: FlowArchive;
  readonly search: FlowSearch;
}

/** Boxes that were killed never close their file: they are kept, so that nothing else closes it in the middle of a test. */
const opened: Box[] = [];

/** One folder, and the boxes that had it, one after the other. */
export class Boxes {
  readonly folder = join(mkdtempSync(join(tmpdir(), 'flowspan-archive-')), 'flows');
  readonly clock = new Now();
  events: string[] = [];
  clockTrusted = true;
  async open(options: Partial<FlowArchiveOptions> = {}, memory = 0): Promise<Box> {
    const { clock } = this;
    const archive = new FlowArchive(
      { folder: this.folder, bytesMax: 2 ** 30, forS: 1e9, writtenBytesPerDayMax: 2 ** 40, ...options },
      { clock, clockTrusted: () => this.clockTrusted, onEvent: (_level, event) => this.events.push(event) },
    );
    await archive.open();
    const flows = recentFlows(memory, archive);
    const coverage = () => ({
      recordsSkipped: skipReasons.reduce((sum, reason) => sum + archive.skippedRows[reason], 0),
      trouble: archive.trouble,
    });
    const box = { flows, archive, search: new FlowSearch({ flows, clock, names, archive: { files: archive.files, coverage } }) };
    opened.push(box);
    return box;
  }

  remove(): Promise<void> {
    return rm(join(this.folder, '..'), { recursive: true, force: true });
  }
}

/** Rows in segments of `each`, as a quiet box seals them. */
export async function add({ flows, archive }: Box, rows: readonly ChanceRow[], each = 10): Promise<void> {
  for (const [i, { bytes, interval }] of rows.entries()) {
    flows.add(runOf(bytes, 0, [interval]));
    if (i % each !== each - 1) continue;
    flows.seal();
    await archive.settled();
  }
  flows.seal();
  await archive.settled();
}

export const json = (rows: readonly ChanceRow[]): unknown[] => rows.map(({ bytes }) => rowToJson(bytes, 0)).reverse();
export const rowsOf = (count: number, seed: number): ChanceRow[] => fc.sample(chanceRow, { numRuns: count, seed });

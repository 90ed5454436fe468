/**
 * Takes flow records out of the ring as they come, keeps the newest in memory and, by setting, older ones on disk, and is what
 * is searched. What lies in memory for `sealAfterMs` goes to disk even where few records come, and what is too old goes from there
 * even where none come. Owned by the page's event loop.
 */
import type { HistorySettings } from '../config/schema.ts';
import type { Timer } from '../core/clock.ts';
import type { World } from '../core/world.ts';
import type { NameDictionary } from '../flow/dictionary.ts';
import type { PackFlows } from '../flow/flow_packing.ts';
import { FlowRingReader } from '../flow/flow_ring.ts';
import type {
  FlowGroupAnswer,
  FlowGroupQuestion,
  FlowListAnswer,
  FlowListQuestion,
  FlowSearcher,
} from '../flow/flow_search_shapes.ts';
import { FlowAllowance } from './flow_allowance.ts';
import { FlowArchive, type FlowArchiveParts, skipReasons } from './flow_archive.ts';
import { FlowSearch } from './flow_search.ts';
import { SegmentMemory } from './flow_segment.ts';
import { RecentFlows } from './recent_flows.ts';

/** The ring holds much more, and the main thread tells when it fills; whoever asks gets what lies in it too. */
const drainMs = 500;
const sealAfterMs = 15 * 60_000;
const memoryLookMs = 10_000;
/** Beside the open segment: some minutes of a busy branch, whatever else the memory is wanted for. */
const sealedBytesMin = 4 * 1_024 * 1_024;

export interface FlowKeeperParts extends Omit<FlowArchiveParts, 'clock'> {
  readonly world: World;
  readonly ring: SharedArrayBuffer;
  readonly folder: string;
  readonly packFlows: PackFlows;
  readonly names: () => Promise<NameDictionary>;
  /** What the whole program takes, octets, where that can be told, and may take. Without, only the setting bounds records in memory. */
  readonly program?: { readonly taken: () => Promise<number | undefined>; readonly octetsMax: number };
}

export class FlowKeeper implements FlowSearcher {
  readonly #world: World;
  readonly #ring: FlowRingReader;
  readonly #archive: FlowArchive | undefined;
  readonly #bytesMax: number;
  /** Of the segment that rows are written into. */
  readonly #memory: SegmentMemory;
  #flows: RecentFlows;
  #search: FlowSearch;
  #saidShort = false;
  readonly #names: () => Promise<NameDictionary>;
  readonly #allowance: FlowAllowance;
  readonly #parts: Pick<FlowKeeperParts, 'program' | 'onEvent'>;
  #timers: Timer[] = [];
  #hasBegun = false;

  constructor(settings: HistorySettings, { world, ring, folder, packFlows, names, program, ...parts }: FlowKeeperParts) {
    this.#world = world;
    this.#names = names;
    this.#ring = new FlowRingReader(ring);
    this.#bytesMax = settings.recentFlowsBytesMax;
    this.#memory = new SegmentMemory(packFlows);
    this.#allowance = new FlowAllowance(
      this.#bytesMax,
      this.#memory.octets + sealedBytesMin,
      program?.octetsMax ?? Number.POSITIVE_INFINITY,
    );
    this.#parts = { onEvent: parts.onEvent, ...(program === undefined ? {} : { program }) };
    const options = { folder, ...settings.flowArchive };
    if (options.bytesMax > 0) this.#archive = new FlowArchive(options, { clock: world.clock, ...parts });
    this.#flows = new RecentFlows(this.#bytesMax, this.#memory);
    this.#search = this.#searchOver(this.#flows);
  }

  list(question: FlowListQuestion): Promise<FlowListAnswer> {
    this.takeIn();
    return this.#search.list(question);
  }

  group(question: FlowGroupQuestion): Promise<FlowGroupAnswer> {
    this.takeIn();
    return this.#search.group(question);
  }

  /** Rows wait in the ring until the disk has been looked through. */
  async start(): Promise<void> {
    const { clock, metrics } = this.#world;
    const archive = this.#archive;
    if (archive !== undefined) {
      await archive.open();
      // Those of before have taken no rows, so the memory is free.
      this.#flows = new RecentFlows(this.#bytesMax, this.#memory, archive);
      this.#search = this.#searchOver(this.#flows);
    }
    const isBug = (error: unknown): never => {
      throw error; // rows that cannot be read are a bug
    };
    this.#hasBegun = true;
    this.#timers = [clock.every(drainMs, () => this.takeIn(), isBug)];
    if (archive !== undefined) {
      const tend = (): void => {
        this.#flows.seal();
        archive.tend();
      };
      this.#timers.push(clock.every(sealAfterMs, tend, isBug));
    }
    if (this.#parts.program !== undefined) this.#timers.push(clock.every(memoryLookMs, () => this.#lookAtMemory(), isBug));
    metrics.gauge('recent_flows_bytes_max', 'Memory they may take just now', () => this.#allowance.bytes);
    metrics.gauge('recent_flows', 'Flow records kept for searches', () => this.#flows.rows);
    metrics.gauge('recent_flows_bytes', 'Memory they take', () => this.#flows.bytes);
    metrics.gauge('recent_flows_dropped', 'Flow records that made room for newer ones', () => this.#flows.droppedRows);
    metrics.gauge(
      'recent_flows_missed',
      'Flow records that came faster than they could be taken in',
      () => this.#ring.missedRows,
    );
    if (archive !== undefined) this.#measure(archive);
  }

  /** Records make room while the program takes more than its share of the machine, and come again when it does not. */
  async #lookAtMemory(): Promise<void> {
    const { program, onEvent } = this.#parts;
    const taken = await program?.taken();
    if (program === undefined || taken === undefined) return;
    const wasShort = this.#allowance.isShort;
    this.#allowance.look(taken, this.#flows.bytes);
    this.#flows.resize(this.#allowance.bytes);
    if (wasShort || !this.#allowance.isShort || this.#saidShort) return;
    // Once a run: it comes and goes with the traffic, and the figures tell.
    this.#saidShort = true;
    const mib = (octets: number): string => `${Math.round(octets / 1_048_576)} MiB`;
    onEvent(
      'info',
      'flowMemoryShort',
      `the program takes ${mib(taken)} of the ${mib(program.octetsMax)} it may (history.memoryPercentMax): flow records in memory have ${mib(this.#allowance.bytes)} instead of ${mib(this.#bytesMax)}`,
    );
  }

  #searchOver(flows: RecentFlows): FlowSearch {
    const archive = this.#archive;
    const searched = archive && {
      files: archive.files,
      coverage: () => ({
        recordsSkipped: skipReasons.reduce((sum, reason) => sum + archive.skippedRows[reason], 0),
        trouble: archive.trouble,
      }),
    };
    return new FlowSearch({
      flows,
      clock: this.#world.clock,
      missedRows: () => this.#ring.missedRows,
      names: this.#names,
      ...(searched === undefined ? {} : { archive: searched }),
    });
  }

  /** What came until now goes to disk. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.takeIn();
    if (this.#archive === undefined) return;
    this.#flows.seal();
    await this.#archive.stop();
  }

  /** What lies in the ring, once the disk has been looked through. */
  takeIn(): void {
    if (this.#hasBegun) this.#ring.drain((run) => this.#flows.add(run));
  }

  #measure(archive: FlowArchive): void {
    const { metrics } = this.#world;
    const { files } = archive;
    metrics.gauge('flow_archive_records', 'Flow records on disk', () => files.rowsBefore(Number.POSITIVE_INFINITY));
    metrics.gauge('flow_archive_octets', 'Disk they take', () => files.octets);
    metrics.gauge('flow_archive_oldest_seconds', 'Start of the oldest of them, seconds since 1970; 0 for none', () =>
      Math.floor((files.oldestMs ?? 0) / 1_000),
    );
    metrics.gauge('flow_archive_written_octets', 'Octets written for them since start', () => archive.writtenOctets);
    metrics.gauge('flow_archive_written_octets_last_day', 'Octets written for them in 24 h', () => archive.writtenLastDay);
    metrics.gauge('flow_archive_writing', '1 while they are written, 0 while disk or budget do not allow it', () =>
      archive.trouble === '' ? 1 : 0,
    );
    metrics.gauge(
      'flow_archive_skipped_records',
      'Flow records that stayed in memory only',
      () => skipReasons.map((reason) => ({ labels: { reason }, value: archive.skippedRows[reason] })),
      ['reason'],
    );
    metrics.gauge('flow_archive_unreadable_blocks', 'Blocks that a search met and could not read', () => files.blocksUnreadable);
  }
}

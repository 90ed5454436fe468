/**
 * A branch for tests of time: what survives a boot (disks, the file of boots), a real collector, and boxes on simulated
 * clocks, composed as in production from the rows on: pipeline, history, spool, IPFIX, MQTT payloads.
 */
import { unpack } from 'msgpackr';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { HistoryWindow, Tier } from '../../src/flow/history_shapes.ts';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { exampleStatus } from '../../src/forward/mqtt/payload_examples.ts';
import { MqttReporter } from '../../src/forward/mqtt/reporter.ts';
import { PipelineService } from '../../src/pipeline/pipeline_service.ts';
import { History } from '../../src/store/history.ts';
import { ClockState, type MachineEvidence } from '../../src/system/clock_state.ts';
import { EventJournal } from '../../src/system/event_journal.ts';
import { TcpCollector } from '../forward/collector.ts';
import { type ExportBox, startBox } from '../forward/export_box.ts';
import { brokerSettings } from '../forward/mqtt/box.ts';
import { countRows, markLocality } from '../pipeline/count_rows.ts';
import { blockOf } from '../pipeline/rows.ts';

export const nothing: MachineEvidence = {
  timesyncMarker: false,
  timesyncRuns: false,
  hardwareClockS: undefined,
  kernelClock: undefined,
};
export const synced: MachineEvidence = { ...nothing, timesyncMarker: true, timesyncRuns: true };
export const waiting: MachineEvidence = { ...nothing, timesyncRuns: true };

const signal = new AbortController().signal;
const msNs = 1_000_000n;

export class Branch {
  readonly spoolKv = new MemoryKv();
  readonly historyKv = new MemoryKv();
  boots: string | undefined;
  readonly collector: TcpCollector;

  constructor(collector: TcpCollector) {
    this.collector = collector;
  }
  static async start(): Promise<Branch> {
    return new Branch(await TcpCollector.start());
  }
  /** Flows at the collector by their source port: start and end, ms, and the export time of their message. */
  get stamps(): Record<number, { startMs: number; endMs: number; exportS: number }> {
    const found: Record<number, { startMs: number; endMs: number; exportS: number }> = {};
    for (const { messages } of this.collector.sessions) {
      for (const { records, exportTimeMs } of messages) {
        for (const { values, scope } of records) {
          if (scope.length > 0) continue;
          found[Number(values.sourceTransportPort)] = {
            startMs: Number(values.flowStartMilliseconds),
            endMs: Number(values.flowEndMilliseconds),
            exportS: exportTimeMs / 1_000,
          };
        }
      }
    }
    return found;
  }
  get records(): DecodedRecord[] {
    return this.collector.sessions.flatMap(({ messages }) => messages.flatMap(({ records }) => [...records]));
  }
}

export interface BootOptions {
  readonly bootId: string;
  /** What the box's wall clock says at that moment. */
  readonly wallMs: number;
  readonly monotonicMs?: number;
  readonly evidence?: () => MachineEvidence;
}

export class TimedBox {
  readonly clock: SimulatedClock;
  readonly clockState: ClockState;
  readonly windows: HistoryWindow[] = [];
  readonly said: { topic: string; payload: Record<string, unknown> }[] = [];
  readonly journal: EventJournal;
  readonly #branch: Branch;
  readonly #pipeline: PipelineService;
  readonly #history: History;
  readonly #reporter: MqttReporter;
  #exports: ExportBox | undefined;

  constructor(branch: Branch, { bootId, wallMs, monotonicMs = 20_000, evidence = () => synced }: BootOptions) {
    this.#branch = branch;
    this.clock = new SimulatedClock(monotonicMs, wallMs);
    const world = { clock: this.clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
    this.journal = new EventJournal(world);
    const store = {
      read: async () => branch.boots,
      replace: async (text: string) => {
        branch.boots = text;
      },
    };
    this.clockState = new ClockState({
      world,
      bootId,
      store,
      onEvent: this.journal.add.bind(this.journal),
      onLearned: (changeMs) => this.journal.correct(changeMs),
      evidence: async () => evidence(),
    });
    this.#reporter = new MqttReporter({
      world,
      settings: brokerSettings(1883).mqtt,
      identity: { site: 's', node: 'n' },
      append: ({ topic, payload }) => this.said.push({ topic, payload: unpack(payload) as Record<string, unknown> }),
      status: () => ({ ...exampleStatus, nowMs: this.clock.wallMs() }),
      timeAwaited: () => this.clockState.awaited(),
    });
    this.journal.onEvent((event) => this.#reporter.event(event));
    this.#history = new History(
      { topK: 10, minutesForS: 172_800, hoursForS: 34_214_400, daysForS: 157_680_000, bytesMax: 2 ** 30 },
      { kv: branch.historyKv, clockTrusted: () => this.clockState.trusted() },
      world,
    );
    this.#pipeline = new PipelineService(
      { siteNetworks: ['10.0.0.0/8'], topK: 10, keysMax: 1_000, lateS: 75 },
      {
        clock: this.clockState,
        countRows,
        markLocality,
        keepRows: (block) => this.#exports!.spool.append(block),
        hourSoFar: (hourStartMs) => this.#history.hourSoFar(hourStartMs),
      },
      world,
    );
    this.#pipeline.onWindow((window) => {
      this.windows.push(window);
      this.#history.add(window);
      this.#reporter.windowClosed(window);
    });
  }

  async start(): Promise<this> {
    await this.clockState.start();
    await this.#history.start(signal);
    this.#exports = await startBox({
      destinations: [{ name: 'a', transport: 'tcp', port: this.#branch.collector.port, profile: 'lean', retryCapMs: 2_000 }],
      world: { clock: this.clock, random: new SeededRandom(2), log: silentLog, metrics: createMetrics() },
      kv: this.#branch.spoolKv,
      clock: this.clockState,
    });
    await this.#pipeline.start(signal);
    await this.#reporter.start();
    return this;
  }

  /** A one-way flow of 100 octets a second, from so long ago until so long ago, handed over now. */
  flow(sourcePort: number, fromAgoMs: number, toAgoMs = 0): void {
    const nowNs = this.clock.monotonicNs();
    const row = {
      ...{ source: '10.0.0.1', destination: '192.0.2.1', protocol: 17, destinationPort: 53, sourcePort, packets: 1 },
      octets: (fromAgoMs - toAgoMs) / 10,
      startNs: nowNs - BigInt(fromAgoMs) * msNs,
      endNs: nowNs - BigInt(toAgoMs) * msNs,
    };
    this.#pipeline.process(blockOf([row], this.clockState.bootId, nowNs));
  }

  /** Time passes; real sockets have their turn in each tenth of a second. */
  async pass(durationMs: number): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= 100) {
      await this.clock.advance(Math.min(100, leftMs));
      if (leftMs % 1_000 < 100) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Until everything has arrived at the collector. */
  async delivered(): Promise<void> {
    for (let tries = 0; !this.#exports!.arrived(); tries++) {
      if (tries === 2_000) throw new Error('records do not arrive');
      await this.clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  get dropped(): number {
    return this.#exports!.exporters.statuses()[0]!.droppedRecords;
  }

  /** As the appliance stops: the meter first, the clock last. */
  async stop(): Promise<void> {
    let done = false;
    const stopping = (async () => {
      await this.#reporter.stop(1_000);
      await this.#pipeline.stop(1_000);
      await this.#exports!.stop(2_000);
      await this.#history.stop(1_000);
      await this.clockState.stop(1_000);
      done = true;
    })();
    while (!done) {
      await this.clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await stopping;
  }

  /** Octets by window, of windows that have some; keys are wall time, ms. */
  octets(tier: Tier): Record<number, number> {
    const sums: Record<number, number> = {};
    for (const window of this.windows) {
      const { outOctets } = window.dimensions[0]!.top[0]!;
      if (window.tier === tier && outOctets > 0) sums[window.startMs] = (sums[window.startMs] ?? 0) + outOctets;
    }
    return sums;
  }
  payloads(topic: string): Record<string, unknown>[] {
    return this.said.filter((one) => one.topic.endsWith(topic)).map(({ payload }) => payload);
  }
}

/**
 * The main thread's hold on the page's thread: starts it, feeds it, starts it again when it dies or cannot listen. A page
 * that does not work is said, and touches nothing else. Owned by the main event loop.
 */
import { Worker } from 'node:worker_threads';
import type { Settings } from '../config/schema.ts';
import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { Alert, AlertAct } from '../flow/alert_shapes.ts';
import { FlowRingWriter, flowRingMemory } from '../flow/flow_ring.ts';
import type { HistoryWindow } from '../flow/history_shapes.ts';
import type { HostNameChange } from '../flow/host_names.ts';
import type { RowBlock } from '../flow/row_block.ts';
import type { SetUpPlace } from '../flow/set_up_shapes.ts';
import type { BoxEvent, BoxStatus, TrafficSecond } from '../flow/status_shapes.ts';
import type { UpdateAct } from '../flow/update_shapes.ts';
import { MainEnd } from './thread_link.ts';

export interface PageThreadParts {
  readonly world: World;
  readonly settings: Settings;
  /** The thread's program: its composition root. */
  readonly entry: URL;
  /** Folder of the history's store; empty when none is kept. */
  readonly historyFolder: string;
  /** Of one packet in how many a selector's rows tell. */
  readonly intervalOf: (selectorId: number) => number;
  readonly metrics: () => Promise<string>;
  /** The thread has begun anew and knows no names. */
  readonly onBegun?: () => void;
  /** @throws ApplianceError */
  readonly onAlertAct: (act: AlertAct) => readonly Alert[];
  /** Where uploaded bundles go; empty where none are taken. */
  readonly updateFolder?: string;
  /** Absent: nothing is set on the page. */
  readonly setUpPlace?: SetUpPlace;
  /** @throws ApplianceError */
  readonly onUpdateAct?: (act: UpdateAct) => void;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

/** What the thread is given at its start. */
export interface PageThreadData {
  readonly settings: Settings;
  readonly historyFolder: string;
  readonly updateFolder: string;
  readonly setUpPlace: SetUpPlace | undefined;
  /** Recent rows come through it; absent when none are kept. */
  readonly flowRing: SharedArrayBuffer | undefined;
}

/**
 * The thread makes small answers all day: a young generation of V8's own choice grows to tens of megabytes with the machine's memory, most
 * of them garbage. And a question that asks too much ends the thread, not the program.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };
const againMs = 10_000;
const listenDeadlineMs = 15_000;

export class PageThread implements Service {
  readonly name = 'page thread';
  readonly #parts: PageThreadParts;
  #worker: Worker | undefined;
  #link: MainEnd | undefined;
  #ended: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #stopping = false;
  #url = '';
  #reason = '';
  #fingerprint = '';
  #setUpCode = '';

  readonly #flowRing: SharedArrayBuffer | undefined;
  readonly #flows: FlowRingWriter | undefined;

  constructor(parts: PageThreadParts) {
    this.#parts = parts;
    const { status, history } = parts.settings;
    // Who searches recent flows is the page's thread: without it nobody could ask.
    if (!status.enabled || (history.recentFlowsBytesMax === 0 && history.flowArchive.bytesMax === 0)) return;
    this.#flowRing = flowRingMemory();
    this.#flows = new FlowRingWriter(this.#flowRing, parts.intervalOf);
  }

  /** Where the page is; empty while it does not work. */
  get url(): string {
    return this.#url;
  }

  /** Why it does not work, or empty. */
  get reason(): string {
    return this.#reason;
  }

  /** SHA-256 of the certificate that the box made for itself; empty for none. */
  get fingerprint(): string {
    return this.#fingerprint;
  }

  /** What makes the first admin, while nobody has a user; empty otherwise. For the console and the log only. */
  get setUpCode(): string {
    return this.#setUpCode;
  }

  /** Resolves when the page listens or has said why it cannot; then it is tried again from time to time. */
  async start(_signal: AbortSignal): Promise<void> {
    if (!this.#parts.settings.status.enabled) return;
    const first = Promise.withResolvers<void>();
    this.#launch(first.resolve);
    await this.#atMost(listenDeadlineMs, first.promise);
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#link?.requestStop(deadlineMs);
    await this.#atMost(deadlineMs * 0.8, this.#ended);
    await this.#worker?.terminate();
  }

  /** Copies the rows of a block for searches; what the thread has not taken in time is counted there as missed. */
  rows(block: RowBlock, wallOffsetNs: bigint): void {
    if (this.#flows?.add(block, wallOffsetNs) === true) this.#link?.rowsWait();
  }

  second(second: TrafficSecond): void {
    this.#link?.second(second);
  }

  status(status: BoxStatus): void {
    this.#link?.status(status);
  }

  /** Names of hosts that have changed; false when it cannot take them now. */
  names(changes: readonly HostNameChange[]): boolean {
    return this.#link?.names(changes) ?? false;
  }

  window(window: HistoryWindow): void {
    if (window.tier === '10s') this.#link?.window10s(window);
  }

  /** Waits no longer than that; leaves no timer behind that would keep the process alive. */
  async #atMost(ms: number, work: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#parts.world.clock.after(ms, late.resolve);
    await Promise.race([work, late.promise]);
    timer.cancel();
  }

  #launch(onFirst: () => void): void {
    const {
      entry,
      settings,
      historyFolder,
      updateFolder = '',
      setUpPlace,
      metrics,
      onAlertAct,
      onUpdateAct,
      onEvent,
    } = this.#parts;
    const workerData: PageThreadData = { settings, historyFolder, updateFolder, setUpPlace, flowRing: this.#flowRing };
    const worker = new Worker(entry, { workerData, name: 'page', resourceLimits });
    const failed = (error: unknown): void => {
      this.#reason = messageOf(error);
      onEvent('error', 'pageFailed', `the status page does not work: ${this.#reason}`);
      void worker.terminate();
      onFirst();
    };
    const link = new MainEnd(worker, {
      metrics,
      onAlertAct,
      ...(onUpdateAct === undefined ? {} : { onUpdateAct }),
      onListening: (url, fingerprint) => {
        this.#url = url;
        this.#fingerprint = fingerprint;
        this.#reason = '';
        onFirst();
      },
      onSetUpCode: (code) => {
        this.#setUpCode = code;
        if (code !== '') this.#parts.world.log.warn('setUpCode', { code });
      },
      onEvent,
      onFailed: failed,
      onStopped: () => void worker.terminate(),
    });
    link.open();
    worker.on('error', failed);
    this.#ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#link = undefined;
        this.#url = '';
        resolve();
        onFirst();
        if (!this.#stopping) this.#timer = this.#parts.world.clock.after(againMs, () => this.#launch(() => {}));
      });
    });
    this.#worker = worker;
    this.#link = link;
    this.#parts.onBegun?.();
  }
}

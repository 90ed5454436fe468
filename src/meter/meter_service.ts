/**
 * The native meter as a service: opens it as the settings say, carries blocks of rows to the pipeline, keeps figures for the
 * page, waits for interfaces that are not there yet. Hands over on the event loop; metering itself never waits for it.
 *
 * Hand-over policy when the pipeline is busy: `aggregate` (the meter merges short flows, DESIGN section 3 "Pressure").
 */
import type { SettingsRefusal } from '../config/changes.ts';
import type { MeterSettings, NameSettings } from '../config/schema.ts';
import type { Timer } from '../core/clock.ts';
import { ApplianceError, type ErrorCode, errorCodes, messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { Ledger } from '../flow/ledger.ts';
import type { ObservationReceiver } from '../flow/observations.ts';
import type { RowBlock } from '../flow/row_block.ts';
import type { Sampling, SelectorFact } from '../flow/selectors.ts';
import type { MeterStatus } from '../flow/status_shapes.ts';
import { loadAddon, type NativeAddon, type NativeMeter, type NativeObservations } from './addon.ts';
import { BlockReader, type BlockReceiver } from './block_reader.ts';
import { figuresOf, ledgerOfFigures, type MeterFigures, noFigures } from './figures.ts';
import { LibpcapSource } from './libpcap/libpcap_source.ts';
import { loadPcap, type PcapBinding } from './libpcap/pcap_package.ts';
import { registerMetrics } from './meter_metrics.ts';
import { errorOfNative, errorOfSource } from './native_errors.ts';
import { nativeObservations, nativeOptions } from './native_options.ts';
import { ObservationReader } from './observation_reader.ts';
import { type EventSink, SamplingInForce } from './sampling_in_force.ts';
import { SelectorsInUse } from './selectors_in_use.ts';
import { ThreadPaces, threadStatus } from './thread_status.ts';

export interface MeterParts {
  /** This boot, on whose monotonic clock rows are. */
  readonly bootId: string;
  readonly receive: BlockReceiver;
  /** Takes packets that name hosts, of the kinds that the settings want. */
  readonly observed?: { readonly settings: NameSettings; readonly receive: ObservationReceiver };
  /** Where the demo's capture lies; made when first asked for. Needed when `source` is `demo`. */
  readonly demoCapture?: (signal: AbortSignal) => Promise<string>;
  /** Where the meter keeps what it changed at ports, for after a kill; exists. Nowhere when left out. */
  readonly memoryFolder?: string;
  /** Told when the sampling rate changes; the log otherwise. */
  readonly onEvent?: EventSink;
  /** Started before; without it numbers of selectors are this run's own. */
  readonly selectors?: SelectorsInUse;
  /** For tests; otherwise the built addon is loaded at start. */
  readonly addon?: NativeAddon;
  /** For tests; otherwise loaded when `captureBy` is `libpcap`. */
  readonly loadPcap?: () => PcapBinding;
}

const turnBudgetMs = 8;
/**
 * How soon it is looked for blocks again, by what the last turn found. A block waits for rows much longer than for a look, and every look
 * wakes the processor: `quiet` where there was none, `pressed` where more were filled than a turn takes, or than a quarter of all.
 */
const pollMs = { pressed: 5, usual: 50, quiet: 100 } as const;
const watchMs = 1_000;
const reopenMs = 2_000;
/** Figures younger than this are not asked for again: several readers share one request to the meter's threads. */
const figuresFreshMs = 100;

export class MeterService implements Service {
  readonly name = 'meter';
  readonly #world: World;
  readonly #parts: MeterParts;
  #settings: MeterSettings;
  #names: NameSettings | undefined;
  readonly #observationReader = new ObservationReader();
  readonly #sampling: SamplingInForce;
  readonly #paces = new ThreadPaces();
  #addon: NativeAddon | undefined;
  #meter: NativeMeter | undefined;
  #reader: BlockReader | undefined;
  /** Feeds the meter when ports are read through libpcap. */
  #feeder: LibpcapSource | undefined;
  #answeredAtMs = 0;
  #state: MeterStatus['state'] = 'stopped';
  #reason = '';
  #code: ErrorCode | null = null;
  #capture = '';
  /** Records of the open meter that came to the receiver. */
  #receivedRecords = 0;
  #figures: MeterFigures = noFigures;
  #figuresAtMs = Number.NEGATIVE_INFINITY;
  #turn: Promise<void> = Promise.resolve();
  #openedAtMs = 0;
  #pollTimer: Timer | undefined;
  #watchTimer: Timer | undefined;
  #stopping = false;

  constructor(world: World, settings: MeterSettings, parts: MeterParts) {
    this.#world = world;
    this.#settings = settings;
    this.#parts = parts;
    this.#names = parts.observed?.settings;
    const log: EventSink = (level, event, text) => world.log[level](event, { text });
    this.#sampling = new SamplingInForce(world, settings, parts.onEvent ?? log, parts.selectors ?? new SelectorsInUse(world));
  }

  /**
   * Resolves when packets come in, and also when they cannot: a missing interface is waited for, anything else leaves the
   * state `failed` with its reason, and the rest of the appliance works on. Throws when the addon itself cannot be loaded.
   */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#settings.source === 'none') return;
    this.#addon = this.#parts.addon ?? loadAddon();
    this.#capture = this.#settings.capture;
    if (this.#settings.source === 'demo') this.#capture = (await this.#parts.demoCapture?.(signal)) ?? '';
    registerMetrics(this.#world.metrics, () => this.figures());
    this.#sampling.registerMetrics();
    this.#open();
    this.#watchTimer = this.#world.clock.every(watchMs, () => this.#watch(), this.#surface);
  }

  /** Ends capture and hands over the whole cache; what the deadline does not allow is said. */
  async stop(deadlineMs: number): Promise<void> {
    const { clock, log } = this.#world;
    this.#stopping = true;
    this.#watchTimer?.cancel();
    this.#pollTimer?.cancel();
    await this.#turn;
    if (this.#meter === undefined) return;
    // Ends by itself before the deadline does, so that what is left is counted and those downstream still get their turn.
    const endMs = clock.monotonicMs() + deadlineMs * 0.8;
    await this.#feeder?.stop();
    this.#meter.stop();
    while (!this.#meter.drained() && clock.monotonicMs() < endMs) {
      const { blocks } = await this.#reader!.drain(clock, turnBudgetMs, this.#receive);
      await clock.sleep(blocks > 0 ? 0 : 2);
    }
    this.#observe();
    const whole = this.#meter.drained();
    this.#close();
    const { counts } = this.#figures;
    const fields = {
      packets: counts.meteredPackets,
      records: counts.handedOverRecords,
      leftInCache: counts.cachedPackets,
      untakenRecords: this.untakenRecords(),
    };
    if (whole) log.info('meterStopped', fields);
    else log.warn('meterStoppedEarly', { ...fields, deadlineMs });
    this.#enter('stopped', '');
  }

  /** Counters, not older than a moment. After `stop` the last ones. */
  figures(): MeterFigures {
    const nowMs = this.#world.clock.monotonicMs();
    if (this.#meter !== undefined && nowMs - this.#figuresAtMs >= figuresFreshMs) {
      this.#figures = figuresOf(this.#meter.stats());
      this.#figuresAtMs = nowMs;
    }
    if (this.#figures.answering) this.#answeredAtMs = nowMs;
    return this.#figures;
  }

  /** When the metering threads last gave a sign of life, monotonic ms; undefined while there are none. */
  get answeredAtMs(): number | undefined {
    return this.#meter === undefined || this.#stopping ? undefined : this.#answeredAtMs;
  }

  /**
   * Records that the meter had handed over and nobody has taken: none after a stop in time. Those still in the cache are
   * `counts.cachedPackets`.
   */
  untakenRecords(): number {
    return this.figures().counts.handedOverRecords - this.#receivedRecords;
  }

  ledger(): Ledger {
    return ledgerOfFigures(this.figures());
  }

  status(): MeterStatus {
    const { counts, interfaces } = this.figures();
    this.#sampling.see(this.#figures);
    return {
      source: this.#settings.source,
      state: this.#state,
      reason: this.#reason,
      code: this.#code,
      interfaces: interfaces.map((one) => ({
        name: one.name,
        index: one.index,
        present: one.present,
        up: one.up,
        mtu: one.mtu,
        speedMbps: null,
        receivedPackets: one.receivedPackets,
        droppedByKernelPackets: one.droppedByKernelPackets,
        droppedByNicPackets: one.droppedByNicPackets,
        sampledByKernelPackets: one.sampledByKernelPackets,
        earlyDrop: one.earlyDrop,
      })),
      cachedFlows: counts.cachedFlows,
      cacheCapacityFlows: counts.cacheCapacityFlows,
      blocksFilled: counts.blocksFilled,
      blocksCapacity: counts.blocksCapacity,
      sampling: this.#sampling.status(),
      duplicatesSeenPackets: counts.duplicatesSeenPackets,
      ...threadStatus(this.#figures, this.#paces),
    };
  }

  /** What rows' selectorIds stand for, with the packets each was shown and took. Those in force last. */
  selectors(): readonly SelectorFact[] {
    this.#sampling.see(this.figures());
    return this.#sampling.facts();
  }

  /** What a row's selectorId stands for. */
  selectorOf(selectorId: number): Sampling | undefined {
    return this.#sampling.of(selectorId);
  }

  /** Rows of the largest flows now in the cache, on this boot's clock. */
  snapshot(count: number): Uint8Array {
    return this.#meter?.snapshot(count) ?? new Uint8Array();
  }

  /**
   * Takes up what can change without losing the cache: sampling and time-outs. Returns what the addon refuses: sampling then
   * stays as it was. Opened anew, with no numbers given yet, it may take it.
   */
  configure(settings: MeterSettings, names?: NameSettings): readonly SettingsRefusal[] {
    this.#settings = settings;
    this.#names = names ?? this.#names;
    const refused = this.#sampling.configure(settings, this.#meter);
    this.#meter?.configure({
      activeTimeoutMs: settings.activeTimeoutS * 1_000,
      idleTimeoutMs: settings.idleTimeoutS * 1_000,
      ...this.#observations(),
    });
    return refused === undefined ? [] : [{ path: 'meter.sampling', why: refused }];
  }

  #open(): void {
    const { random, log, clock } = this.#world;
    const seed = new DataView(random.bytes(8).buffer).getBigUint64(0);
    this.#openedAtMs = this.#answeredAtMs = clock.monotonicMs();
    try {
      const options = nativeOptions(this.#settings, this.#sampling.begin(), this.#capture, seed, this.#parts.memoryFolder);
      const binding = options.source.kind === 'feed' ? (this.#parts.loadPcap ?? loadPcap)() : undefined;
      this.#meter = this.#addon!.open({ ...options, ...this.#observations() });
      this.#meter.start();
      if (binding !== undefined) this.#feedBy(binding, this.#meter);
    } catch (thrown) {
      this.#meter?.close();
      this.#meter = undefined;
      const error = errorOfNative(thrown);
      if (!(error instanceof ApplianceError)) throw error;
      this.#enter(errorCodes[error.code].retryable ? 'waiting' : 'failed', error.message, error.code);
      log.error('meterNotOpened', { code: error.code, reason: error.message });
      return;
    }
    this.#reader = new BlockReader(this.#meter, this.#parts.bootId);
    this.#receivedRecords = 0;
    this.#figuresAtMs = Number.NEGATIVE_INFINITY;
    this.#sampling.opened(this.figures());
    this.#enter('metering', '');
    log.info('meterStarted', { source: this.#settings.source, interfaces: this.#settings.interfaces });
    this.#pollTimer = clock.after(pollMs.usual, () => this.#poll());
  }

  #observations(): { observations?: NativeObservations } {
    return this.#names === undefined ? {} : { observations: nativeObservations(this.#names) };
  }

  #observe(): void {
    const { observed } = this.#parts;
    if (observed !== undefined) this.#observationReader.drain(this.#meter!, observed.receive);
  }

  #feedBy(binding: PcapBinding, meter: NativeMeter): void {
    const { clock } = this.#world;
    this.#feeder = new LibpcapSource({ clock, settings: this.#settings, binding, meter, onBug: this.#surface });
    this.#feeder.start();
  }

  #close(): void {
    this.#feeder?.close();
    this.#feeder = undefined;
    this.#figures = figuresOf(this.#meter!.stats());
    this.#sampling.see(this.#figures);
    this.#meter!.close();
    this.#meter = undefined;
    this.#reader = undefined;
  }

  readonly #receive = (block: RowBlock): void | Promise<void> => {
    this.#receivedRecords += block.count;
    return this.#parts.receive(block);
  };

  // One turn at a time; the next comes sooner when blocks pile up.
  #poll(): void {
    const { clock } = this.#world;
    this.#observe();
    this.#turn = this.#reader!.drain(clock, turnBudgetMs, this.#receive).then(({ blocks, emptied }) => {
      if (this.#stopping || this.#meter === undefined) return;
      const capacity = this.#figures.counts.blocksCapacity || this.#settings.blocks;
      const isPressed = !emptied || blocks * 4 >= capacity;
      const pace = isPressed ? 'pressed' : blocks > 0 ? 'usual' : 'quiet';
      if (this.#meter.drained()) this.#ended();
      else this.#pollTimer = clock.after(pollMs[pace], () => this.#poll());
    });
    this.#turn.catch(this.#surface);
  }

  // The capture was replayed to its end, or the source has given up.
  #ended(): void {
    this.#observe();
    this.#close();
    const error = errorOfSource(this.#figures.sourceError);
    this.#enter(error === undefined ? 'stopped' : 'failed', error?.message ?? 'the capture has ended', error?.code);
    this.#world.log.warn('meterEnded', { reason: this.#reason });
  }

  #watch(): void {
    if (this.#stopping) return;
    if (this.#meter === undefined) {
      const sinceMs = this.#world.clock.monotonicMs() - this.#openedAtMs;
      if (this.#state === 'waiting' && sinceMs >= reopenMs) this.#open();
      return;
    }
    const figures = this.figures();
    this.#sampling.watch(this.#meter, figures);
    this.#paces.see(this.#world.clock.monotonicMs(), figures.threads);
    const error = errorOfSource(figures.sourceError) ?? this.#feeder?.trouble();
    this.#enter(error === undefined ? 'metering' : 'waiting', error?.message ?? '', error?.code);
  }

  #enter(state: MeterStatus['state'], reason: string, code: ErrorCode | null = null): void {
    this.#code = code;
    if (state === this.#state && reason === this.#reason) return;
    const before = this.#state;
    this.#state = state;
    this.#reason = reason;
    if (state === 'waiting') this.#world.log.warn('meterWaits', { reason });
    else if (state === 'metering' && before === 'waiting') this.#world.log.info('meterGoesOn');
  }

  // An error on a timer is a bug (operating errors were handled): it must not vanish.
  readonly #surface = (error: unknown): void => {
    this.#world.log.error('meterBug', { reason: messageOf(error) });
    throw error;
  };
}

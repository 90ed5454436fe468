/**
 * Which sampling the meter applies now: the settings', or what adaptive sampling decides. Numbers, tells and counts every
 * change: an event, a selector of its own, figures. Owned by the meter service, which calls `watch` once a second.
 */
import type { MeterSettings } from '../config/schema.ts';
import type { World } from '../core/world.ts';
import type { MeterCounts } from '../flow/ledger.ts';
import { type Sampling, type SelectorFact, SelectorLog } from '../flow/selectors.ts';
import type { BoxEvent, SamplingStatus } from '../flow/status_shapes.ts';
import { type AdaptiveBounds, AdaptiveSampling, type IntervalChange, lookBetween } from './adaptive_sampling.ts';
import type { NativeMeter } from './addon.ts';
import type { MeterFigures } from './figures.ts';
import { samplingOf } from './native_options.ts';

export type EventSink = (level: BoxEvent['level'], event: string, text: string) => void;

/** The meter's numbers are 16 bits wide and each means one thing; the last ones are kept for changes of the settings. */
const adaptiveSelectorMax = 60_000;

export class SamplingInForce {
  readonly #world: World;
  readonly #onEvent: EventSink;
  readonly #selectors = new SelectorLog();
  readonly #adaptive: AdaptiveSampling;
  #settings: MeterSettings;
  #sampling: Sampling;
  #selectorId = 0;
  #sinceMs = 0;
  #why = '';
  #before: { readonly counts: MeterCounts; readonly atMs: number } | undefined;
  #changes: ReturnType<World['metrics']['counter']> | undefined;

  constructor(world: World, settings: MeterSettings, onEvent: EventSink) {
    this.#world = world;
    this.#settings = settings;
    this.#onEvent = onEvent;
    this.#adaptive = new AdaptiveSampling(boundsOf(settings));
    this.#sampling = samplingOf(settings);
  }

  registerMetrics(): void {
    const { metrics } = this.#world;
    this.#changes = metrics.counter('meter_sampling_changes_total', 'Changes of the sampling rate, by cause', ['why']);
    metrics.gauge('meter_sampling_interval', 'One packet of this many is selected', () => this.#sampling.interval);
  }

  /** The meter was opened with the settings' sampling. */
  opened(figures: MeterFigures): void {
    this.#sampling = samplingOf(this.#settings);
    this.#selectorId = figures.selectorId;
    this.#sinceMs = this.#world.clock.wallMs();
    this.#selectors.enter(figures.selectorId, this.#sampling, figures.counts);
    this.#before = undefined;
  }

  /** Other settings. The same sampling again would get a new selectorId, which collectors would take for a change. */
  configure(settings: MeterSettings, meter: NativeMeter | undefined, figures: MeterFigures): void {
    const wasAdaptive = this.#settings.sampling.adaptive.enabled;
    this.#settings = settings;
    this.#adaptive.configure(boundsOf(settings));
    const { adaptive } = settings.sampling;
    if (adaptive.enabled && wasAdaptive) return;
    this.#adaptive.restart();
    const wanted = samplingOf(settings);
    const { kind, interval } = this.#sampling;
    if (meter !== undefined && (wanted.kind !== kind || wanted.interval !== interval)) {
      this.#apply(meter, wanted, figures.counts, 'settings', 'by the settings');
    }
  }

  /** About once a second while packets are metered. */
  watch(meter: NativeMeter, { counts }: MeterFigures): void {
    const nowMs = this.#world.clock.monotonicMs();
    const before = this.#before;
    this.#before = { counts, atMs: nowMs };
    const { sampling, threads } = this.#settings;
    if (!sampling.adaptive.enabled || before === undefined || this.#selectorId >= adaptiveSelectorMax) return;
    const look = lookBetween(before.counts, counts, nowMs - before.atMs, nowMs, threads);
    const change = this.#adaptive.look(look);
    if (change === undefined) return;
    const to: Sampling = change.to === 1 ? { kind: 'none', interval: 1 } : { kind: 'random', interval: change.to };
    this.#apply(meter, to, counts, change.why, wordsFor(change, look.droppedPackets, look.ringShare, look.cpuShare));
  }

  status(): SamplingStatus {
    const { kind, interval } = this.#sampling;
    const { enabled } = this.#settings.sampling.adaptive;
    return {
      kind,
      interval,
      selectorId: this.#selectorId,
      adaptive: enabled,
      sinceMs: Math.round(this.#sinceMs),
      why: this.#why,
    };
  }

  /** Every selector that rows may name, the newest last. */
  selectors(counts: MeterCounts): readonly SelectorFact[] {
    return this.#selectors.facts(counts);
  }

  /** What a row's selectorId stands for. */
  of(selectorId: number): Sampling | undefined {
    return this.#selectors.of(selectorId);
  }

  #apply(meter: NativeMeter, to: Sampling, counts: MeterCounts, cause: string, words: string): void {
    const from = this.#sampling;
    this.#selectorId = meter.configure({ sampling: { kind: to.kind, interval: to.interval } });
    this.#selectors.enter(this.#selectorId, to, counts);
    this.#sampling = to;
    this.#sinceMs = this.#world.clock.wallMs();
    this.#why = words;
    this.#changes?.add(1, { why: cause });
    const level = to.interval > from.interval && cause !== 'settings' ? 'warn' : 'info';
    this.#onEvent(level, 'samplingChanged', `sampling changed from ${ratioOf(from)} to ${ratioOf(to)}: ${words}`);
  }
}

function boundsOf({ sampling: { adaptive } }: MeterSettings): AdaptiveBounds {
  return {
    intervalMax: adaptive.intervalMax,
    ringShareMax: adaptive.ringPercentMax / 100,
    cpuShareMax: adaptive.cpuPercentMax / 100,
    dwellMs: adaptive.dwellS * 1_000,
  };
}

function ratioOf({ kind, interval }: Sampling): string {
  return kind === 'none' ? 'every packet' : `1 packet in ${interval}${kind === 'count' ? ' by count' : ''}`;
}

function wordsFor({ why }: IntervalChange, dropped: number, ringShare: number, cpuShare = 0): string {
  switch (why) {
    case 'kernelDrops':
      return `the kernel dropped ${dropped} packets that the meter was too slow for`;
    case 'ringFilling':
      return `the capture ring is ${Math.round(ringShare * 100)} % full`;
    case 'cpuBusy':
      return `the metering threads are ${Math.round(cpuShare * 100)} % busy`;
    case 'pressureOver':
      return 'the box keeps up again';
  }
}

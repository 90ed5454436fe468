/**
 * Which sampling the meter applies now: the settings', or what adaptive sampling makes of it. Numbers, tells and counts every
 * change: an event, selectors of its own, figures. Owned by the meter service, which calls `watch` once a second.
 */
import type { MeterSettings } from '../config/schema.ts';
import { ApplianceError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { intervals95, packetsError } from '../flow/estimates.ts';
import type { MeterCounts } from '../flow/ledger.ts';
import { type Sampling, type SelectorFact, type SelectorMeaning, samplingOfBoth } from '../flow/selectors.ts';
import type { BoxEvent, SamplingStatus, SelectorStatus } from '../flow/status_shapes.ts';
import type { NativeMeter } from './addon.ts';
import type { MeterFigures } from './figures.ts';
import { errorOfNative } from './native_errors.ts';
import { type SamplingPlan, samplingPlan } from './sampling_plan.ts';
import type { SelectorsInUse } from './selectors_in_use.ts';
import { lookBetween, type StagedBounds, type StagedChange, type StagedLook, StagedSampling } from './staged_sampling.ts';

export type EventSink = (level: BoxEvent['level'], event: string, text: string) => void;

export class SamplingInForce {
  readonly #world: World;
  readonly #onEvent: EventSink;
  readonly #selectors: SelectorsInUse;
  readonly #adaptive: StagedSampling;
  #settings: MeterSettings;
  #plan: SamplingPlan;
  #sinceMs = 0;
  #why = '';
  #before: { readonly counts: MeterCounts; readonly atMs: number } | undefined;
  #changes: ReturnType<World['metrics']['counter']> | undefined;

  constructor(world: World, settings: MeterSettings, onEvent: EventSink, selectors: SelectorsInUse) {
    this.#world = world;
    this.#settings = settings;
    this.#onEvent = onEvent;
    this.#selectors = selectors;
    this.#adaptive = new StagedSampling(boundsOf(settings));
    // Numbered when it comes into force.
    this.#plan = samplingPlan(settings.sampling, 1, 1, () => 0);
  }

  registerMetrics(): void {
    const { metrics } = this.#world;
    this.#changes = metrics.counter('meter_sampling_changes_total', 'Changes of the sampling rate, by cause', ['why']);
    metrics.gauge(
      'meter_sampling_interval',
      'One packet of this many is selected, outside of pools',
      () => this.#plan.others.interval,
    );
    metrics.gauge(
      'meter_sampling_kernel_interval',
      'Before that, the kernel lets one packet of this many through',
      () => this.#plan.others.kernelInterval,
    );
    metrics.gauge(
      'meter_pool_interval',
      'One packet of this many is selected, one flow with flowHash, by pool',
      () => this.#plan.pools.map(({ pool, kind, interval }) => ({ labels: { pool, kind }, value: interval })),
      ['pool', 'kind'],
    );
    metrics.gauge(
      'meter_selector_packets',
      'Packets that came to a selector in force and that it took',
      () =>
        this.facts()
          .filter(({ inForce }) => inForce)
          .flatMap(({ selectorId, pool = '', observedPackets = 0, selectedPackets = 0 }) => [
            { labels: { selector: String(selectorId), pool, stage: 'observed' }, value: observedPackets },
            { labels: { selector: String(selectorId), pool, stage: 'selected' }, value: selectedPackets },
          ]),
      ['selector', 'pool', 'stage'],
    );
  }

  /** For a meter that is about to be opened: adaptive sampling begins with the settings' rates. */
  begin(): SamplingPlan['native'] {
    this.#adaptive.restart();
    this.#plan = this.#planned();
    this.#sinceMs = this.#world.clock.wallMs();
    this.#before = undefined;
    void this.#selectors.keep();
    return this.#plan.native;
  }

  /** It was opened. */
  opened(figures: MeterFigures): void {
    this.#selectors.begin();
    this.see(figures);
  }

  /**
   * Other settings. What means the same keeps its number, and nothing is said about it. Returns why the meter refuses them:
   * then all is as before.
   */
  configure(wantedSettings: MeterSettings, meter: NativeMeter | undefined): string | undefined {
    const settings = this.#applicable(wantedSettings);
    const goesOn = settings.sampling.adaptive.enabled && this.#settings.sampling.adaptive.enabled;
    const wanted = this.#planned(settings, goesOn ? this.#adaptive : { factor: 1, kernelInterval: 1 });
    if (meter !== undefined && !isSame(wanted, this.#plan)) {
      const refused = this.#apply(meter, wanted, 'settings', 'by the settings');
      if (refused !== undefined) return refused;
    }
    this.#settings = settings;
    this.#adaptive.configure(boundsOf(settings));
    if (!goesOn) this.#adaptive.restart();
    return undefined;
  }

  /** Changed together, pools are taken up at once and the key with the next start: VLANs it does not have cannot be asked for. */
  #applicable(wanted: MeterSettings): MeterSettings {
    if (wanted.vlanInKey || wanted.sampling.pools.every(({ vlans }) => vlans.length === 0)) return wanted;
    this.#onEvent(
      'warn',
      'samplingWaits',
      'meter.sampling.pools name VLANs, which meter.vlanInKey puts into the key with the next start: sampling stays as it is until then',
    );
    return { ...wanted, sampling: this.#settings.sampling };
  }

  /** About once a second while packets are metered. */
  watch(meter: NativeMeter, { counts, selectors }: MeterFigures): void {
    this.#selectors.see(selectors);
    const nowMs = this.#world.clock.monotonicMs();
    const before = this.#before;
    this.#before = { counts, atMs: nowMs };
    const { sampling, threads } = this.#settings;
    if (!sampling.adaptive.enabled || before === undefined) return;
    const look = lookBetween(before.counts, counts, nowMs - before.atMs, nowMs, threads);
    const change = this.#adaptive.look(look);
    if (change === undefined) return;
    const refused = this.#apply(meter, this.#planned(), change.why, wordsFor(change, look));
    if (refused !== undefined) {
      const stands = ratioOf(this.#plan.others);
      this.#onEvent('error', 'samplingRefused', `sampling stays at ${stands} until its next change: ${refused}`);
    }
  }

  #planned(
    { sampling }: MeterSettings = this.#settings,
    { factor, kernelInterval }: Pick<StagedSampling, 'factor' | 'kernelInterval'> = this.#adaptive,
  ): SamplingPlan {
    return samplingPlan(sampling, factor, kernelInterval, this.#selectors.numberOf);
  }

  see({ selectors }: MeterFigures): void {
    this.#selectors.see(selectors);
  }

  status(): SamplingStatus {
    const { kind, interval, kernelInterval, selectorId } = this.#plan.others;
    return {
      kind,
      interval,
      kernelInterval,
      selectorId,
      adaptive: this.#settings.sampling.adaptive.enabled,
      factor: this.#adaptive.factor,
      sinceMs: Math.round(this.#sinceMs),
      why: this.#why,
      selectors: this.#selectorStatuses(),
    };
  }

  /** Every selector that rows may name, those in force last. */
  facts(): SelectorFact[] {
    return this.#selectors.facts(new Set([this.#plan.others, ...this.#plan.pools].map(({ selectorId }) => selectorId)));
  }

  /** What a row's selectorId stands for. */
  of(selectorId: number): Sampling | undefined {
    return this.#selectors.of(selectorId);
  }

  /** Those in force in the order in which they are asked, then others that rows of this run name. */
  #selectorStatuses(): SelectorStatus[] {
    const order = [...this.#plan.pools, this.#plan.others].map(({ selectorId }) => selectorId);
    const place = ({ selectorId, inForce }: SelectorFact): number => (inForce ? order.indexOf(selectorId) : order.length);
    return this.facts()
      .filter(({ observedPackets }) => observedPackets !== undefined)
      .sort((a, b) => place(a) - place(b))
      .slice(0, selectorsShownMax)
      .map(statusOf);
  }

  /** Returns why the meter refuses it: then nothing has changed. */
  #apply(meter: NativeMeter, to: SamplingPlan, cause: string, words: string): string | undefined {
    const from = this.#plan;
    try {
      meter.configure({ sampling: to.native });
    } catch (thrown) {
      const error = errorOfNative(thrown);
      if (!(error instanceof ApplianceError)) throw error;
      return error.message;
    }
    this.#plan = to;
    this.#sinceMs = this.#world.clock.wallMs();
    this.#why = words;
    this.#changes?.add(1, { why: cause });
    void this.#selectors.keep();
    const level = intervalOf(to) > intervalOf(from) && cause !== 'settings' ? 'warn' : 'info';
    const pools = to.pools.length > 0 ? `; pools: ${to.pools.map((one) => `${one.pool} ${ratioOf(one)}`).join(', ')}` : '';
    this.#onEvent(
      level,
      'samplingChanged',
      `sampling changed from ${ratioOf(from.others)} to ${ratioOf(to.others)}: ${words}${pools}`,
    );
    return undefined;
  }
}

/** Of a status, which goes to every browser each second. */
const selectorsShownMax = 32;

function statusOf(fact: SelectorFact): SelectorStatus {
  const { selectorId, kind, interval, pool = '', inForce = false, observedPackets = 0, selectedPackets = 0 } = fact;
  const both = samplingOfBoth(fact);
  const error = packetsError(selectedPackets, both.kind, both.interval);
  return {
    selectorId,
    pool,
    kind,
    interval,
    kernelInterval: fact.kernelInterval ?? 1,
    inForce,
    observedPackets,
    selectedPackets,
    estimatedPackets: selectedPackets * both.interval,
    within95Packets: error === undefined ? null : Math.round(intervals95 * error),
  };
}

function isSame(a: SamplingPlan, b: SamplingPlan): boolean {
  const numbers = ({ others, pools }: SamplingPlan): string => [others, ...pools].map(({ selectorId }) => selectorId).join();
  return numbers(a) === numbers(b);
}

const intervalOf = ({ others }: SamplingPlan): number => samplingOfBoth(others).interval;

function boundsOf({ sampling: { adaptive }, source, captureBy }: MeterSettings): StagedBounds {
  return {
    intervalMax: adaptive.intervalMax,
    // Only a ring of our own has a stage before it.
    kernelIntervalMax: source === 'interface' && captureBy === 'ring' ? adaptive.kernelIntervalMax : 1,
    ringShareMax: adaptive.ringPercentMax / 100,
    cpuShareMax: adaptive.cpuPercentMax / 100,
    dwellMs: adaptive.dwellS * 1_000,
  };
}

function ratioOf({ kind, interval, kernelInterval }: SelectorMeaning): string {
  const before = kernelInterval === 1 ? '' : ` of those that the kernel lets through, 1 in ${kernelInterval}`;
  if (kind === 'none' || interval === 1) return `every packet${before}`;
  return (
    (kind === 'flowHash' ? `1 flow in ${interval}` : `1 packet in ${interval}${kind === 'count' ? ' by count' : ''}`) + before
  );
}

function wordsFor({ why }: StagedChange, { droppedPackets: dropped, ringShare, cpuShare = 0 }: StagedLook): string {
  switch (why) {
    case 'kernelDrops':
      return `the kernel dropped ${dropped} packets that the meter was too slow for`;
    case 'kernelDropsPersist':
      return `the kernel goes on dropping packets (${dropped} in the last second) although the meter takes few of them`;
    case 'ringFilling':
      return `the capture ring is ${Math.round(ringShare * 100)} % full`;
    case 'cpuBusy':
      return `the metering threads are ${Math.round(cpuShare * 100)} % busy`;
    case 'pressureOver':
      return 'the box keeps up again';
  }
}

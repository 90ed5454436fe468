/**
 * Keeps the figures that the box has about itself: a look every ten seconds, their history over a day, whether targets are
 * met. Owned by the main event loop. Its file is written once an hour and at the end.
 */
import type { TargetSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import type { World } from '../../core/world.ts';
import { type Figure, type FigureName, type FigureUnit, figureFacts } from '../../flow/figure_shapes.ts';
import type { HistoryWindow } from '../../flow/history_shapes.ts';
import type { MissedTarget } from '../alerts/alert_rules.ts';
import type { TextStore } from '../boot_file.ts';
import type { DaySum } from '../day_sum.ts';
import { DiskGrowth } from './disk_growth.ts';
import { FigureHours } from './figure_hours.ts';
import { FigureCounts, type FigureInputs } from './figure_values.ts';
import { TopTalkers } from './top_talkers.ts';

const periodMs = 10_000;
const writeEveryMs = 3_600_000;

export interface FigureSources extends Omit<FigureInputs, 'topTalkersPercent'> {
  /** Sums of a day that others count; they are kept with the figures, by name. */
  readonly written: Readonly<Record<string, DaySum>>;
}

export class FigureService implements Service {
  readonly name = 'figures';
  readonly #world: World;
  readonly #targets: TargetSettings;
  readonly #store: TextStore;
  readonly #inputs: () => FigureSources;
  readonly #growth = new DiskGrowth();
  readonly #counts = new FigureCounts(this.#growth);
  readonly #hours = new FigureHours();
  readonly #talkers = new TopTalkers();
  #timers: Timer[] = [];
  #figures: readonly Figure[] = [];

  /** @param inputs what the figures are made of, as of now */
  constructor(world: World, targets: TargetSettings, store: TextStore, inputs: () => FigureSources) {
    this.#world = world;
    this.#targets = targets;
    this.#store = store;
    this.#inputs = inputs;
  }

  /** As of the last look; the same list until the next. */
  get figures(): readonly Figure[] {
    return this.#figures;
  }

  async start(): Promise<void> {
    const world = this.#world;
    await this.#restore();
    const onError = (error: unknown): void => world.log.error('figuresFailed', { reason: messageOf(error) });
    this.#timers = [
      world.clock.every(periodMs, () => this.look(), onError),
      world.clock.every(writeEveryMs, () => this.#write(), onError),
    ];
    this.#declareMetrics();
  }

  async stop(_deadlineMs: number): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    if (this.#timers.length > 0) await this.#write();
  }

  windowClosed(window: HistoryWindow): void {
    this.#talkers.add(window);
  }

  /** One look. Public for tests. */
  look(): void {
    const [world, targets] = [this.#world, this.#targets];
    const wallMs = world.clock.wallMs();
    const values = this.#counts.values(
      { ...this.#inputs(), topTalkersPercent: this.#talkers.percent },
      world.clock.monotonicMs(),
    );
    this.#hours.add(values, targets, wallMs);
    this.#figures = this.#hours.figures(values, targets, wallMs);
  }

  /** For alerts: each figure that has a target and can be told. */
  targets(): MissedTarget[] {
    return this.#figures.flatMap(({ name, value, target, met }) =>
      met === null
        ? []
        : [
            {
              name,
              met,
              title: `${figureFacts[name].title}: target missed`,
              text: missedText(name, value!, target!),
              runbook: runbooks[name],
            },
          ],
    );
  }

  async #restore(): Promise<void> {
    try {
      const text = await this.#store.read();
      if (text === undefined) return;
      const { hours, talkers, growth, written } = JSON.parse(text) as Record<string, unknown>;
      this.#hours.restore(hours);
      this.#talkers.restore(talkers);
      this.#growth.restore(growth);
      for (const [name, sum] of Object.entries(this.#inputs().written)) sum.restore((written as Record<string, unknown>)?.[name]);
    } catch (error) {
      this.#world.log.warn('figuresUnread', { reason: messageOf(error) }); // their history begins anew
    }
  }

  async #write(): Promise<void> {
    const { written } = this.#inputs();
    const kept = { hours: this.#hours, talkers: this.#talkers, growth: this.#growth, written };
    try {
      await this.#store.replace(JSON.stringify(kept));
    } catch (error) {
      this.#world.log.warn('figuresUnwritten', { reason: messageOf(error) });
    }
  }

  #declareMetrics(): void {
    const { metrics } = this.#world;
    const of = (read: (figure: Figure) => number | null) => () =>
      this.#figures.flatMap((figure) => {
        const value = read(figure);
        return value === null ? [] : [{ labels: { figure: figure.name }, value }];
      });
    metrics.gauge(
      'figure',
      'Figures that the box keeps about itself, in the unit of their name',
      of(({ value }) => value),
      ['figure'],
    );
    metrics.gauge(
      'figure_target',
      'What they should be',
      of(({ target }) => target),
      ['figure'],
    );
    metrics.gauge(
      'figure_met',
      '1 while the target is met',
      of(({ met }) => (met === null ? null : Number(met))),
      ['figure'],
    );
    metrics.gauge(
      'figure_met_percent_last_day',
      'Share of the last day in which it was met',
      of(({ metPercentLastDay }) => metPercentLastDay),
      ['figure'],
    );
  }
}

function missedText(name: FigureName, value: number, target: number): string {
  const { title, good, unit } = figureFacts[name];
  const least = good === 'above' ? 'at least' : 'at most';
  return `${title}: ${inUnit(value, unit)}, where ${least} ${inUnit(target, unit)} is wanted (targets.${name}).`;
}

/** As somebody who is woken reads it; targets are set in the same units. */
function inUnit(value: number, unit: FigureUnit): string {
  const plain = String(Number(value.toFixed(2)));
  switch (unit) {
    case 'percent':
      return `${plain} %`;
    case 'celsius':
      return `${plain} °C`;
    case 'octets':
      return `${Math.round(value)} octets`;
    case 'octetsPerDay':
      return `${Math.round(value)} octets a day`;
    case 'count':
      return plain;
    default:
      return `${plain} ${unit}`;
  }
}

const runbooks: Readonly<Record<FigureName, string>> = {
  exportSuccessPercent:
    'Records were given up: On call shows at which uplink and why. Raise spool.diskBytesMax or spool.ageMaxS for long outages; see to messages too large or refused.',
  decodeErrorsPpm:
    'Debug shows the reasons. Truncated headers: raise meter.snapLength. Bad headers: a faulty link or a tunnel that is not what it seems.',
  latencyP50Ms:
    'The idle time-out is most of it: lower meter.idleTimeoutS if fresher records matter more than fewer. Else see whether an uplink is slow.',
  latencyP99Ms: 'Some records wait: an uplink that comes and goes, a collector that reads slowly, or a box that is too busy.',
  smallFlowRecallPercent:
    'Sampling hides small flows: add threads or ring, mirror less, or set pools so that what matters stays whole.',
  topTalkersPercent:
    'Has the mirror moved to another port or VLAN? Has the network been renumbered? Compare Overview with last week.',
  completenessPercent: 'Set siteNetworks, labels and places so that every address and port belongs somewhere.',
  alertsPerEntity: 'Too many wake somebody for nothing: mend what flaps, or raise thresholds under alerts.',
  cpuPercent: 'See which threads are busy under Debug. Stop other programs, add meter.threads, or sample.',
  memoryPercent: 'Lower meter.cacheFlows, meter.ringBytes or history.recentFlowsBytesMax, or stop other programs.',
  temperatureC: 'Give the box air.',
  throttledPercent: 'Use the board’s own power supply and a short cable; see to cooling.',
  queueRecords: 'See the uplinks: what waits goes out once they take it.',
  queueOctets: 'See the uplinks: what waits goes out once they take it.',
  queueS: 'See the uplinks: which one is down or slow, and since when.',
  queuePercent: 'Bring the uplink back, or raise spool.diskBytesMax or mqtt.outboxBytesMax.',
  storageGrowthOctets: 'Lower history.topK or the ages of the history’s tiers.',
  daysToFull: 'Lower history.bytesMax and spool.diskBytesMax, or remove what is not flowspan’s.',
  writtenOctets: 'An uplink that is down makes the spool write. Otherwise lower history.topK or raise spool.persistAfterS.',
};

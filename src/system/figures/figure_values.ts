/**
 * What the figures are now, from what the box says about itself: shares over the last hour, growth over the last day.
 * Pure, with the time handed in. Limits: a sample a minute for an hour, one an hour for a day.
 */
import type { FigureName } from '../../flow/figure_shapes.ts';
import type { BoxStatus } from '../../flow/status_shapes.ts';

export interface FigureInputs {
  readonly status: Omit<BoxStatus, 'alerts' | 'figures'>;
  /** Of records sent while they were live. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
  readonly completenessPercent: number | null;
  readonly topTalkersPercent: number | null;
  readonly alertsLastDay: number;
}

export type FigureValues = Readonly<Record<FigureName, number | null>>;

/** Counters as of one moment. */
interface Sample {
  readonly atMs: number;
  readonly acknowledged: number;
  readonly dropped: number;
  readonly received: number;
  readonly damaged: number;
  readonly looks: number;
  readonly complaining: number;
}
interface DiskSample {
  readonly atMs: number;
  readonly kept: number;
  readonly free: number;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Growth is told once it was watched for this long: a start fills caches and stores. */
const growthFromMs = 6 * hourMs;
const smallFlowPackets = 10;
/** Packets that came damaged; what is merely encrypted or a later fragment is no error. */
const damage = /^(truncated|bad|tooMany)/;
/** Further ahead nothing is known. */
const daysMax = 3_650;

export class FigureCounts {
  readonly #hour: Sample[] = [];
  readonly #day: DiskSample[] = [];
  #looks = 0;
  #complaining = 0;

  values(inputs: FigureInputs, nowMs: number): FigureValues {
    const { status, latencyMs, completenessPercent, topTalkersPercent, alertsLastDay } = inputs;
    const { host, uplinks, stores, meter } = status;
    this.#looks++;
    if ((host.complaints ?? []).length > 0) this.#complaining++;
    const now = this.#take(status, nowMs);
    const since = this.#hour[0]!;
    const [acknowledged, dropped] = [now.acknowledged - since.acknowledged, now.dropped - since.dropped];
    const [received, damaged] = [now.received - since.received, now.damaged - since.damaged];
    const looks = now.looks - since.looks;
    const logs = stores.filter(({ name }) => name !== 'history');
    const entities = 1 + uplinks.length + meter.interfaces.length + stores.length;
    return {
      exportSuccessPercent: percent(acknowledged, acknowledged + dropped),
      decodeErrorsPpm: received <= 0 ? null : (damaged / received) * 1e6,
      latencyP50Ms: latencyMs.p50,
      latencyP99Ms: latencyMs.p99,
      smallFlowRecallPercent: recallPercent(meter.sampling.interval),
      topTalkersPercent,
      completenessPercent,
      alertsPerEntity: alertsLastDay / entities,
      cpuPercent: host.cpuPercent,
      memoryPercent: percent(host.memoryTotalOctets - host.memoryAvailableOctets, host.memoryTotalOctets),
      temperatureC: host.temperatureC,
      throttledPercent: host.complaints === undefined ? null : percent(now.complaining - since.complaining, looks),
      queueRecords: uplinks.reduce((sum, { backlogRecords }) => sum + backlogRecords, 0),
      queueOctets: uplinks.reduce((sum, { backlogOctets }) => sum + backlogOctets, 0),
      queueS: Math.max(0, ...uplinks.map(({ backlogAgeMs }) => backlogAgeMs / 1_000)),
      queuePercent:
        logs.length === 0 ? null : Math.max(...logs.map(({ octetsOnDisk, octetsMax }) => percent(octetsOnDisk, octetsMax) ?? 0)),
      ...this.#growth(status, nowMs),
      writtenOctets: host.writtenOctetsPerDay,
    };
  }

  #take({ uplinks, ledger }: FigureInputs['status'], nowMs: number): Sample {
    const sum = (read: (uplink: (typeof uplinks)[number]) => number): number =>
      uplinks.reduce((all, uplink) => all + read(uplink), 0);
    const damaged = Object.entries(ledger.annotations).reduce(
      (all, [name, packets]) => all + (damage.test(name) ? packets : 0),
      0,
    );
    const sample: Sample = {
      atMs: nowMs,
      acknowledged: sum(({ acknowledgedRecords }) => acknowledgedRecords),
      dropped: sum(({ droppedRecords }) => droppedRecords),
      received: ledger.received.packets,
      damaged: damaged + ledger.undecodable.packets,
      looks: this.#looks,
      complaining: this.#complaining,
    };
    const last = this.#hour.at(-1);
    // Counters that went back began anew: the meter was opened again.
    if (last !== undefined && (sample.received < last.received || sample.acknowledged < last.acknowledged)) this.#hour.length = 0;
    if (this.#hour.length === 0 || nowMs - this.#hour.at(-1)!.atMs >= minuteMs) this.#hour.push(sample);
    while (this.#hour.length > 1 && this.#hour[1]!.atMs <= nowMs - hourMs) this.#hour.shift();
    return sample;
  }

  #growth({ stores, host }: FigureInputs['status'], nowMs: number): Pick<FigureValues, 'storageGrowthOctets' | 'daysToFull'> {
    const now = { atMs: nowMs, kept: stores.reduce((sum, { octetsOnDisk }) => sum + octetsOnDisk, 0), free: host.diskFreeOctets };
    if (this.#day.length === 0 || nowMs - this.#day.at(-1)!.atMs >= hourMs) this.#day.push(now);
    while (this.#day.length > 1 && this.#day[1]!.atMs <= nowMs - 24 * hourMs) this.#day.shift();
    const first = this.#day[0]!;
    const days = (nowMs - first.atMs) / (24 * hourMs);
    if (nowMs - first.atMs < growthFromMs || host.diskTotalOctets === 0) return { storageGrowthOctets: null, daysToFull: null };
    const shrinks = (first.free - now.free) / days;
    return {
      storageGrowthOctets: (now.kept - first.kept) / days,
      daysToFull: shrinks <= 0 ? daysMax : Math.min(daysMax, now.free / shrinks),
    };
  }
}

/** Chance that at least one of ten packets is drawn at 1 in n (RFC 5475 5.2.2). */
function recallPercent(interval: number): number {
  return interval <= 1 ? 100 : (1 - (1 - 1 / interval) ** smallFlowPackets) * 100;
}

const percent = (part: number, of: number): number | null => (of <= 0 ? null : (part / of) * 100);

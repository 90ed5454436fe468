/**
 * What the figures are now, from what the box says about itself: shares over the last hour, the rest as it is.
 * Pure, with the time handed in. Limits: a sample a minute for an hour.
 */
import type { FigureName } from '../../flow/figure_shapes.ts';
import { type BoxStatus, wornOctetsPerDay } from '../../flow/status_shapes.ts';
import { pastComplaints } from '../proc_text.ts';
import type { DiskGrowth } from './disk_growth.ts';

export interface FigureInputs {
  readonly status: Omit<BoxStatus, 'alerts' | 'figures'>;
  /** Of records sent while they were live. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null };
  readonly completenessPercent: number | null;
  readonly topTalkersPercent: number | null;
  /** Null where the box raises none (`alerts.enabled`). */
  readonly alertsLastDay: number | null;
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

const minuteMs = 60_000;
const hourMs = 3_600_000;
const smallFlowPackets = 10;
/** Packets that came damaged; what is merely encrypted or a later fragment is no error. */
const damage = /^(truncated|bad|tooMany)/;

export class FigureCounts {
  readonly #hour: Sample[] = [];
  readonly #growth: DiskGrowth;
  #looks = 0;
  #complaining = 0;

  constructor(growth: DiskGrowth) {
    this.#growth = growth;
  }

  values(inputs: FigureInputs, nowMs: number): FigureValues {
    const { status, latencyMs, completenessPercent, topTalkersPercent, alertsLastDay } = inputs;
    const { host, uplinks, stores, meter } = status;
    this.#looks++;
    if (host.complaints?.some((complaint) => !pastComplaints.has(complaint)) === true) this.#complaining++;
    const kept = stores.reduce((sum, { octetsOnDisk }) => sum + octetsOnDisk, 0);
    this.#growth.add({ kept, free: host.diskFreeOctets, total: host.diskTotalOctets }, nowMs);
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
      smallFlowRecallPercent: recallPercent(meter.sampling),
      topTalkersPercent,
      completenessPercent,
      alertsPerEntity: alertsLastDay === null ? null : alertsLastDay / entities,
      cpuPercent: host.cpuPercent,
      memoryPercent: percent(host.memoryTotalOctets - host.memoryAvailableOctets, host.memoryTotalOctets),
      temperatureC: host.temperatureC,
      throttledPercent: host.complaints === undefined ? null : percent(now.complaining - since.complaining, looks),
      queueRecords: uplinks.reduce((sum, { backlogRecords }) => sum + backlogRecords, 0),
      queueOctets: uplinks.reduce((sum, { backlogOctets }) => sum + backlogOctets, 0),
      queueS: Math.max(0, ...uplinks.map(({ backlogAgeMs }) => backlogAgeMs / 1_000)),
      queuePercent:
        logs.length === 0 ? null : Math.max(...logs.map(({ octetsOnDisk, octetsMax }) => percent(octetsOnDisk, octetsMax) ?? 0)),
      ...this.#growth.growth(),
      writtenOctets: wornOctetsPerDay(host),
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
}

/**
 * Chance that a flow of ten packets is seen: that at least one is drawn at 1 in n (RFC 5475 5.2.2); where whole flows are chosen
 * (RFC 7014), that this one is. What the kernel leaves out before comes on top of either.
 */
function recallPercent({ kind, interval, kernelInterval }: BoxStatus['meter']['sampling']): number {
  const anyOf = (n: number): number => (n <= 1 ? 1 : 1 - (1 - 1 / n) ** smallFlowPackets);
  if (kind === 'flowHash') return (anyOf(kernelInterval) / Math.max(1, interval)) * 100;
  return anyOf(interval * kernelInterval) * 100;
}

const percent = (part: number, of: number): number | null => (of <= 0 ? null : (part / of) * 100);

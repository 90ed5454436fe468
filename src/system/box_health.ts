/**
 * Judges whether the data plane works, from signs of life and from what its services say. Pure. What does not depend on the program is
 * no fault of it: a line without packets, a link that is down, an uplink that is lost, a clock that nobody has set.
 */
import type { DataPlaneHealth, HealthPart } from '../flow/health_shapes.ts';
import type { MeterStatus, StoreStatus } from '../flow/status_shapes.ts';
import { deadAfterMs, type Pulse } from './supervisor_link.ts';

/** A pulse that belongs to a part. */
export interface PartPulse extends Pulse {
  readonly part: HealthPart['part'];
  /** Dead without a sign for this long; `deadAfterMs` where it is not said. */
  readonly deadMs?: number;
}

/** When each last gave a sign of life, on the monotonic clock, ms. */
export type LastSigns = Readonly<Record<'meter' | 'pipeline' | 'spool', PartPulse['lastMs']>>;

export function dataPlanePulses({ meter, pipeline, spool }: LastSigns): readonly PartPulse[] {
  return [
    { part: 'meter', name: 'the metering threads', lastMs: meter },
    { part: 'pipeline', name: 'the pipeline', lastMs: pipeline },
    // A card may take its time; the box is not started again for that.
    { part: 'spool', name: 'the spool', lastMs: spool, deadMs: 60_000 },
  ];
}

export interface DataPlaneFacts {
  readonly nowMs: number;
  readonly meter: Pick<MeterStatus, 'source' | 'state' | 'reason' | 'interfaces'>;
  readonly pulses: readonly PartPulse[];
  /** Those that are in use. */
  readonly stores: readonly Pick<StoreStatus, 'name' | 'state' | 'reason'>[];
}

export function dataPlaneHealth({ nowMs, meter, pulses, stores }: DataPlaneFacts): DataPlaneHealth {
  const parts = [captureHealth(meter), ...pulses.map((pulse) => pulseHealth(pulse, nowMs)), ...stores.map(storeHealth)];
  const byPart = new Map<string, HealthPart>();
  // The worst of a part is what counts of it.
  for (const one of parts) if (byPart.get(one.part)?.healthy !== false) byPart.set(one.part, one);
  const all = [...byPart.values()];
  return { healthy: all.every(({ healthy }) => healthy), parts: all };
}

function captureHealth({ source, state, reason, interfaces }: DataPlaneFacts['meter']): HealthPart {
  const part = 'capture';
  // A box that has not been set up yet is as it should be.
  if (source === 'none') return { part, healthy: true, found: 'nothing is to be metered (meter.source is none)' };
  if (state === 'metering') {
    const quiet = interfaces.filter(({ up }) => !up).map(({ name }) => name);
    const down = quiet.length === 0 ? '' : `; no link on ${quiet.join(', ')}`;
    return { part, healthy: true, found: `metering ${interfaces.map(({ name }) => name).join(', ') || source}${down}` };
  }
  return { part, healthy: false, found: `not metering: ${reason || state}` };
}

function pulseHealth({ part, name, lastMs, deadMs = deadAfterMs }: PartPulse, nowMs: number): HealthPart {
  const last = lastMs();
  if (last === undefined) return { part, healthy: true, found: `nothing is expected of ${name} now` };
  const ageMs = Math.max(0, nowMs - last);
  const healthy = ageMs <= deadMs;
  const age = `${(ageMs / 1_000).toFixed(1)} s ago`;
  return {
    part,
    healthy,
    found: healthy ? `${name}: last sign of life ${age}` : `no sign of life from ${name}: the last came ${age}`,
  };
}

function storeHealth({ name, state, reason }: DataPlaneFacts['stores'][number]): HealthPart {
  if (state === 'stopped') return { part: name, healthy: false, found: reason };
  return { part: name, healthy: true, found: state === 'repaired' ? `open again: ${reason}` : 'open' };
}

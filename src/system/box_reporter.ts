/**
 * Once a second: how much traffic there was, and how the box is. Gathers from what services report, notices what changed
 * and writes it into the journal. Decides nothing about metering. Owned by the main event loop.
 */
import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import { type MeterCounts, portVolumeBetween } from '../flow/ledger.ts';
import type { BoxStatus, InterfaceStatus, MeterStatus, StoreStatus, TrafficSecond } from '../flow/status_shapes.ts';
import type { EventJournal } from './event_journal.ts';
import { interfaceChanges } from './interface_changes.ts';

export interface BoxReporterParts {
  readonly world: World;
  readonly journal: EventJournal;
  readonly counts: () => MeterCounts;
  readonly status: () => BoxStatus;
  /** `elapsedMs`: what the second really was, up to 1.8 s. */
  readonly onSecond: (second: TrafficSecond, elapsedMs: number) => void;
  readonly onStatus: (status: BoxStatus) => void;
  /** Nothing was metered between these wall times. */
  readonly onUnmetered: (fromMs: number, toMs: number) => void;
}

const periodMs = 1_000;
/** A second that came later than this after the one before is not a second's worth of traffic: it is left out. */
const lateMs = 1_800;

export class BoxReporter implements Service {
  readonly name = 'box reporter';
  readonly #parts: BoxReporterParts;
  #timer: Timer | undefined;
  #before: { counts: MeterCounts; atMs: number; wallMs: number } | undefined;
  #meter: MeterStatus['state'] | undefined;
  #interfaces: readonly InterfaceStatus[] = [];
  readonly #stores = new Map<string, StoreStatus['state']>();

  constructor(parts: BoxReporterParts) {
    this.#parts = parts;
  }

  async start(_signal: AbortSignal): Promise<void> {
    const { world } = this.#parts;
    this.#look();
    this.#timer = world.clock.every(
      periodMs,
      () => this.#look(),
      (error) => world.log.error('reportFailed', { reason: messageOf(error) }),
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
  }

  #look(): void {
    const { world, counts: read, status: readStatus, onSecond, onStatus, onUnmetered } = this.#parts;
    const now = { counts: read(), atMs: world.clock.monotonicMs(), wallMs: world.clock.wallMs() };
    const before = this.#before;
    this.#before = now;
    const status = readStatus();
    const elapsedMs = now.atMs - (before?.atMs ?? now.atMs);
    if (before !== undefined && elapsedMs > 0 && elapsedMs < lateMs)
      onSecond(secondBetween(before.counts, now.counts, now.wallMs), elapsedMs);
    const { meter } = status;
    if (before !== undefined && meter.source !== 'none' && meter.state !== 'metering') onUnmetered(before.wallMs, now.wallMs);
    this.#noteMeter(meter);
    this.#noteInterfaces(meter.interfaces);
    for (const store of status.stores) this.#noteStore(store);
    onStatus(status);
  }

  #noteMeter({ state, reason, source }: MeterStatus): void {
    if (state === this.#meter) return;
    const { journal } = this.#parts;
    if (state === 'metering')
      journal.add('info', this.#meter === undefined ? 'meterStarted' : 'meterResumed', `metering: ${source}`);
    else if (state === 'waiting') journal.add('warn', 'meterWaits', `nothing is metered: ${reason}`);
    else if (state === 'failed') journal.add('error', 'meterFailed', `nothing is metered: ${reason}`);
    this.#meter = state;
  }

  #noteInterfaces(interfaces: readonly InterfaceStatus[]): void {
    for (const { level, event, text } of interfaceChanges(this.#interfaces, interfaces)) {
      this.#parts.journal.add(level, event, text);
    }
    this.#interfaces = interfaces;
  }

  #noteStore({ name, state, reason }: StoreStatus): void {
    const before = this.#stores.get(name);
    if (state === before) return;
    this.#stores.set(name, state);
    const { journal } = this.#parts;
    if (state === 'stopped') journal.add('error', `${name}Stopped`, `${name}: ${reason}`);
    else if (state === 'repaired') journal.add('warn', `${name}Repaired`, `${name}: ${reason}`);
    else if (before === 'stopped') journal.add('info', `${name}Resumed`, `${name}: works again`);
  }
}

function secondBetween(before: MeterCounts, now: MeterCounts, atMs: number): TrafficSecond {
  // Counters begin again when the meter was opened anew.
  const grown = (name: keyof MeterCounts): number => Math.max(0, now[name] - before[name]);
  return {
    atMs,
    ...portVolumeBetween(before, now),
    droppedPackets: grown('droppedByKernelPackets') + grown('droppedByNicPackets'),
    newFlows: grown('flowsCreated'),
  };
}

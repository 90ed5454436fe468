/**
 * How the box itself is, from `/proc`, `/sys` and statfs every two seconds (0.1–0.5 ms, no process started). The page and
 * MQTT read the last answer; a dying disk therefore delays nobody. Owned by the main event loop.
 */
import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { BoxEvent, HostHealth } from '../flow/status_shapes.ts';
import { DaySum } from './day_sum.ts';
import { HeatThrottle, throttleCountFile } from './heat_throttle.ts';
import { type HostFiles, hostFiles } from './host_files.ts';
import { type Inventory, type SlowFigures, slowFigures, takeInventory } from './inventory.ts';
import {
  type CpuTimes,
  cpuPercent,
  deviceNumbers,
  parseCpuTimes,
  parseDeviceWrittenOctets,
  parseLoad1,
  parseMemory,
  parseMillidegrees,
  parseThrottled,
  parseUptimeS,
  parseWrittenOctets,
} from './proc_text.ts';
import { findVoltageAlarm, isVoltageLow, SupplyVoltage } from './supply_voltage.ts';

export interface HostMonitorParts {
  readonly world: World;
  /** Whose file system is watched. */
  readonly dataFolder: string;
  /** From `ClockState`. */
  readonly clockSynchronised: () => boolean | null;
  readonly files?: HostFiles;
  readonly slow?: SlowFigures;
  /** Nobody else writes to the disk of the data folder: what wears it is what it counts itself. */
  readonly isOwnDisk?: boolean;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
  /** What waits in memory, and is put on disk when the voltage is low: the power may go any moment. */
  readonly inMemory?: () => readonly { putOnDisk(): void }[];
}

const periodMs = 2_000;
/** What no file tells is asked when the start is over: it takes processes, and nothing waits for it. */
const slowFirstMs = 60_000;
const slowPeriodMs = 600_000;
/** A poor supply sags again and again, and a card wears. */
const lowVoltageEveryMs = 60_000;
/** Raspberry Pi with a kernel of its maker only. */
export const throttledFile = '/sys/devices/platform/soc/soc:firmware/get_throttled';

/** On a box of our image: what the check of the data partition did at this start (image/system); not there when there was nothing to do. */
export const dataPartitionFile = '/run/flowspan/data_partition';
const dataPartitionFindings: Readonly<Record<string, Pick<BoxEvent, 'level' | 'event' | 'text'>>> = {
  repaired: {
    level: 'warn',
    event: 'dataPartitionRepaired',
    text: 'the file system of the data partition was damaged and has been repaired: something of the history may be missing; is the card or disk at its end?',
  },
  'made anew': {
    level: 'error',
    event: 'dataPartitionMadeAnew',
    text: 'the data partition could not be repaired and was made anew: history, waiting records, users and certificates of before are gone; is the card or disk at its end?',
  },
  'in memory': {
    level: 'error',
    event: 'dataPartitionUnused',
    text: 'the data partition takes nothing: settings, users, history and waiting records lie in memory and are gone at the next start; is it full, or the card or disk at its end?',
  },
};

type Figures = Omit<HostHealth, 'clockSynchronised'>;

export class HostMonitor implements Service {
  readonly name = 'host health';
  readonly #parts: HostMonitorParts;
  readonly #files: HostFiles;
  readonly #slow: SlowFigures;
  /** Octets written in a day, by this program and by all; kept over restarts by whoever keeps the figures. */
  readonly written = { own: new DaySum(), device: new DaySum() };
  readonly #heat = new HeatThrottle();
  readonly #voltage = new SupplyVoltage();
  #voltageFile: string | undefined;
  #lowKeptMs = Number.NEGATIVE_INFINITY;
  #timers: Timer[] = [];
  #inventory: Inventory = { model: undefined, os: undefined, kernel: 'unknown', temperatureFile: undefined };
  #cpu: CpuTimes | undefined;
  #device: { major: number; minor: number } | undefined;
  #hasDeviceCount = false;
  #slowTemperatureC: number | null = null;
  #figures: Figures = emptyFigures;

  constructor(parts: HostMonitorParts) {
    this.#parts = parts;
    this.#files = parts.files ?? hostFiles;
    this.#slow = parts.slow ?? slowFigures;
  }

  async start(): Promise<void> {
    const { clock, log, metrics } = this.#parts.world;
    const onError = (error: unknown): void => log.warn('hostHealthFailed', { reason: messageOf(error) });
    this.#inventory = await takeInventory(this.#files);
    this.#voltageFile = await findVoltageAlarm(this.#files);
    const finding = dataPartitionFindings[(await this.#files.read(dataPartitionFile))?.trim() ?? ''];
    if (finding !== undefined) this.#parts.onEvent?.(finding.level, finding.event, finding.text);
    await this.refresh();
    this.#timers = [clock.every(periodMs, () => this.refresh(), onError)];
    const { model, os, temperatureFile } = this.#inventory;
    if (model === undefined || os === undefined || temperatureFile === undefined) {
      this.#timers.push(clock.after(slowFirstMs, () => void this.#askSlowly().catch(onError)));
      this.#timers.push(clock.every(slowPeriodMs, () => this.#askSlowly(), onError));
    }
    metrics.gauge(
      'host_written_octets_last_day',
      'Octets this program wrote to storage in the last 24 hours',
      () => this.written.own.lastDay,
    );
    metrics.gauge(
      'host_device_written_octets_last_day',
      'Octets written to the disk of the data folder in the last 24 hours, by all programs',
      () => this.written.device.lastDay,
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
  }

  /** As of the last look, at most two seconds ago. */
  health(): HostHealth {
    return { ...this.#figures, clockSynchronised: this.#parts.clockSynchronised() };
  }

  /** Octets that all programs wrote to the data folder's disk in the last 24 hours. */
  get deviceWrittenLastDay(): number {
    return this.written.device.lastDay;
  }

  get #deviceWritten(): number | null {
    return this.#hasDeviceCount ? this.written.device.lastDay : null;
  }

  /** One look. Public for tests and the CLI. */
  async refresh(): Promise<void> {
    const { world, dataFolder } = this.#parts;
    const files = this.#files;
    const { temperatureFile } = this.#inventory;
    const [stat, load, uptime, meminfo, io, diskstats, room, temperature, throttled, voltage, throttleCount] = await Promise.all([
      files.read('/proc/stat'),
      files.read('/proc/loadavg'),
      files.read('/proc/uptime'),
      files.read('/proc/meminfo'),
      files.read('/proc/self/io'),
      files.read('/proc/diskstats'),
      files.room(dataFolder),
      temperatureFile === undefined ? undefined : files.read(temperatureFile),
      files.read(throttledFile),
      this.#voltageFile === undefined ? undefined : files.read(this.#voltageFile),
      files.read(throttleCountFile),
    ]);
    const cpu = parseCpuTimes(stat ?? '');
    const memory = parseMemory(meminfo ?? '');
    await this.#countWrites(world.clock.monotonicMs(), io ?? '', diskstats ?? '');
    const { model, os, kernel } = this.#inventory;
    // Silence of a board that cannot complain is no good news: then there is no list, not an empty one.
    const nowMs = world.clock.monotonicMs();
    const complaints =
      parseThrottled(throttled ?? '') ?? this.#voltage.complaints(voltage, nowMs) ?? this.#heat.complaints(throttleCount, nowMs);
    this.#keepOnLowVoltage(complaints, nowMs);
    this.#figures = {
      model: model ?? 'unknown',
      os: os ?? 'unknown',
      kernel,
      uptimeS: Math.floor(parseUptimeS(uptime ?? '') ?? 0),
      cpuPercent: cpu === undefined ? 0 : cpuPercent(this.#cpu ?? { busy: 0, total: 0, cores: 0 }, cpu),
      cpuCores: cpu?.cores ?? 1,
      load1: parseLoad1(load ?? '') ?? 0,
      memoryTotalOctets: memory?.totalOctets ?? 0,
      memoryAvailableOctets: memory?.availableOctets ?? 0,
      processOctets: files.processOctets(),
      temperatureC: parseMillidegrees(temperature ?? '') ?? this.#slowTemperatureC,
      diskTotalOctets: room?.totalOctets ?? 0,
      diskFreeOctets: room?.freeOctets ?? 0,
      writtenOctetsPerDay: this.written.own.lastDay,
      diskWrittenOctetsPerDay: this.#deviceWritten,
      wearBy: this.#parts.isOwnDisk === true && this.#deviceWritten !== null ? 'disk' : 'program',
      ...(complaints === undefined ? {} : { complaints }),
    };
    this.#cpu = cpu;
  }

  #keepOnLowVoltage(complaints: readonly string[] | undefined, nowMs: number): void {
    if (!isVoltageLow(complaints) || nowMs - this.#lowKeptMs < lowVoltageEveryMs) return;
    this.#lowKeptMs = nowMs;
    for (const one of this.#parts.inMemory?.() ?? []) one.putOnDisk();
  }

  async #countWrites(nowMs: number, io: string, diskstats: string): Promise<void> {
    const own = parseWrittenOctets(io);
    if (own !== undefined) this.written.own.add(nowMs, own);
    if (this.#device === undefined) {
      const number = await this.#files.device(this.#parts.dataFolder);
      if (number !== undefined) this.#device = deviceNumbers(number);
    }
    if (this.#device === undefined) return;
    const written = parseDeviceWrittenOctets(diskstats, this.#device.major, this.#device.minor);
    if (written === undefined) return;
    this.written.device.add(nowMs, written);
    this.#hasDeviceCount = true;
  }

  async #askSlowly(): Promise<void> {
    const { model, os, kernel, temperatureFile } = this.#inventory;
    // What the machine is does not change: asked once. How warm it is does.
    this.#inventory = {
      model: model ?? (await this.#slow.model()),
      os: os ?? (await this.#slow.os()),
      kernel,
      temperatureFile,
    };
    if (temperatureFile === undefined) this.#slowTemperatureC = await this.#slow.temperatureC();
  }
}

const emptyFigures: Figures = {
  model: 'unknown',
  os: 'unknown',
  kernel: 'unknown',
  uptimeS: 0,
  cpuPercent: 0,
  cpuCores: 1,
  load1: 0,
  memoryTotalOctets: 0,
  memoryAvailableOctets: 0,
  processOctets: 0,
  temperatureC: null,
  diskTotalOctets: 0,
  diskFreeOctets: 0,
  writtenOctetsPerDay: 0,
  diskWrittenOctetsPerDay: null,
  wearBy: 'program',
};

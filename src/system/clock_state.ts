/**
 * Relates the row clock (monotonic) to wall time: for this boot, measured every ten seconds; for earlier boots, from a
 * small file. Notices steps of the clock, at the latest when somebody asks, and says so. The file is written at start and stop, on a step, when trust changes,
 * and else once an hour (wear). Owned by the main event loop.
 */
import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { RowClock } from '../flow/row_block.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import type { TextStore } from './boot_file.ts';
import { type BootRecord, formatBoots, parseBoots, resolveOffset, withBoot } from './boot_offsets.ts';
import { type ClockEvidence, type ClockVerdict, clockVerdict, isTimeExpected, type KernelClock } from './clock_trust.ts';
import { hostFiles, readText } from './host_files.ts';

export interface ClockStateParts {
  readonly world: World;
  /** `currentBootId()`, or an invented one in the simulation. */
  readonly bootId: string;
  /** Where offsets of earlier boots are kept. */
  readonly store: TextStore;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
  /** What speaks for the clock; this machine's files by default. */
  readonly evidence?: () => Promise<MachineEvidence>;
  /** The time was learned: labels of this boot that were given before are wrong by so much, ms. */
  readonly onLearned?: (changeMs: number) => void;
}

export type MachineEvidence = Omit<ClockEvidence, 'wallMs' | 'stepped'>;

const samplePeriodMs = 10_000;
const keepPeriodMs = 3_600_000;
/**
 * For so long after the start others wait for the time. A router that lost power together with this box is back by then;
 * a site without a time service must not wait for ever.
 */
export const awaitedMaxMs = 180_000;
/** Smaller changes are a time service's steering, at most 500 ppm, or the pair of readings being torn apart. */
const stepNs = 1_000_000_000n;
/** Wall time is read in whole ms. Following that noise, a row that is sent again would not have the stamps it had. */
const noiseNs = 1_000_000n;
const isMore = (changeNs: bigint, thanNs: bigint): boolean => changeNs > thanNs || changeNs < -thanNs;
const isStep = (changeNs: bigint): boolean => isMore(changeNs, stepNs);

export class ClockState implements Service, RowClock {
  readonly name = 'clock state';
  readonly bootId: string;
  readonly #parts: ClockStateParts;
  #boots: BootRecord[] = [];
  #offsetNs = 0n;
  #stepped = false;
  #evidence: MachineEvidence | undefined;
  #verdict: ClockVerdict = { synchronised: null, basis: 'unknown' };
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #soon: Timer | undefined;
  #keptAtMs = Number.NEGATIVE_INFINITY;
  #failing = false;
  /** What is on disk about this boot is not true any more. */
  #unkept = false;
  #timer: Timer | undefined;

  constructor(parts: ClockStateParts) {
    this.#parts = parts;
    this.bootId = parts.bootId;
  }

  async start(): Promise<void> {
    const { world } = this.#parts;
    await this.#load();
    this.#startedAtMs = world.clock.monotonicMs();
    this.#offsetNs = readOffsetNs(world.clock);
    // The program was restarted, not the box: what it knew of this boot's time still holds.
    const own = this.#boots.find(({ bootId }) => bootId === this.bootId);
    this.#stepped = own?.trusted === true && !isStep(this.#offsetNs - own.offsetNs);
    await this.#judge();
    await this.#keep();
    this.#timer = world.clock.every(
      samplePeriodMs,
      () => this.sample(),
      (error) => this.#sampleFailed(error),
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    this.#soon?.cancel();
    await this.#keep();
  }

  /** Between two looks the offset of this boot stays the same to the nanosecond, unless the clock was set meanwhile. */
  wallOffsetNs(bootId: string): bigint | undefined {
    if (bootId !== this.bootId) return resolveOffset(this.#boots, bootId)?.offsetNs;
    this.#noticeStep();
    return this.#offsetNs;
  }

  awaited(): boolean {
    this.#noticeStep();
    const waitedMs = this.#parts.world.clock.monotonicMs() - this.#startedAtMs;
    return isTimeExpected(this.#verdict) && waitedMs < awaitedMaxMs;
  }

  /** Unknown counts as not trusted: what is exported is then marked as uncertain. */
  trusted(): boolean {
    return this.#verdict.synchronised === true;
  }

  /** Whether the offset of any boot was learned, not only bounded by its neighbours. */
  certain(bootId: string): boolean {
    return bootId === this.bootId ? this.trusted() : (resolveOffset(this.#boots, bootId)?.certain ?? false);
  }

  get verdict(): ClockVerdict {
    return this.#verdict;
  }

  /** For `HostHealth.clockSynchronised`. */
  get synchronised(): boolean | null {
    return this.#verdict.synchronised;
  }

  /** One look. Public for tests. */
  async sample(): Promise<void> {
    const { world } = this.#parts;
    if (!this.#noticeStep()) {
      const offsetNs = readOffsetNs(world.clock);
      if (isMore(offsetNs - this.#offsetNs, noiseNs)) this.#offsetNs = offsetNs;
    }
    await this.#judge();
    if (this.#unkept || this.#failing || world.clock.monotonicMs() - this.#keptAtMs >= keepPeriodMs) await this.#keep();
  }

  /** Looks whether the clock was set; if so the new offset holds from here on. Cheap: asked for every block of rows. */
  #noticeStep(): boolean {
    const { clock } = this.#parts.world;
    const offsetNs = readOffsetNs(clock);
    const isFirst = this.#startedAtMs === Number.NEGATIVE_INFINITY;
    const changeNs = offsetNs - this.#offsetNs;
    if (isFirst) this.#offsetNs = offsetNs;
    if (isFirst || !isStep(changeNs)) return false;
    const known = this.#verdict.synchronised === true;
    this.#offsetNs = offsetNs;
    this.#stepped = true;
    this.#unkept = true;
    this.#say('warn', 'clockStepped', `the clock was set ${seconds(changeNs)}`);
    // What the machine says about it takes a moment; the step itself is evidence.
    if (this.#evidence !== undefined) this.#conclude(this.#evidence);
    if (!known && this.#verdict.synchronised === true) this.#parts.onLearned?.(Math.round(Number(changeNs) / 1e6));
    this.#soon ??= clock.after(0, () => {
      this.#soon = undefined;
      this.sample().catch((error) => this.#sampleFailed(error));
    });
    return true;
  }

  async #judge(): Promise<void> {
    this.#evidence = await (this.#parts.evidence ?? machineEvidence)();
    this.#conclude(this.#evidence);
  }

  #conclude(evidence: MachineEvidence): void {
    const { clock } = this.#parts.world;
    const before = this.#verdict.synchronised;
    this.#verdict = clockVerdict({ ...evidence, wallMs: clock.wallMs(), stepped: this.#stepped });
    if (this.#verdict.synchronised !== before) this.#unkept = true;
    if (this.#verdict.synchronised === before) return;
    if (this.#verdict.synchronised === true) this.#say('info', 'clockTrusted', `the time is known (${this.#verdict.basis})`);
    if (this.#verdict.synchronised === false)
      this.#say('warn', 'clockUnknown', 'this box does not know the time yet; records are marked as uncertain');
  }

  async #load(): Promise<void> {
    try {
      const text = await this.#parts.store.read();
      const boots = text === undefined ? [] : parseBoots(text);
      if (boots === undefined)
        this.#say(
          'error',
          'bootsDamaged',
          'the times of earlier boots could not be read; rows from before are stamped with care',
        );
      this.#boots = boots ?? [];
    } catch (error) {
      this.#failed(error);
    }
  }

  async #keep(): Promise<void> {
    const { clock } = this.#parts.world;
    const record = { bootId: this.bootId, offsetNs: this.#offsetNs, trusted: this.trusted(), lastNs: clock.monotonicNs() };
    this.#boots = withBoot(this.#boots, record);
    try {
      await this.#parts.store.replace(formatBoots(this.#boots));
      this.#keptAtMs = clock.monotonicMs();
      this.#failing = false;
      this.#unkept = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  #sampleFailed(error: unknown): void {
    this.#parts.world.log.warn('clockSampleFailed', { reason: messageOf(error) });
  }

  #failed(error: unknown): void {
    if (!(error instanceof ApplianceError)) throw error;
    if (!this.#failing) this.#say('warn', 'bootsNotKept', `the time of this boot is not kept: ${error.message}`);
    this.#failing = true;
  }

  #say(level: BoxEvent['level'], event: string, text: string): void {
    if (this.#parts.onEvent === undefined) this.#parts.world.log[level](event, { text });
    else this.#parts.onEvent(level, event, text);
  }
}

/** Wall less monotonic time, ns, from readings close to each other: of three tries the one whose two sides are closest. */
export function readOffsetNs(clock: Clock): bigint {
  let best: { widthNs: bigint; offsetNs: bigint } | undefined;
  for (let i = 0; i < 3; i++) {
    const before = clock.monotonicNs();
    const wallMs = clock.wallMs();
    const after = clock.monotonicNs();
    const widthNs = after - before;
    if (best !== undefined && best.widthNs <= widthNs) continue;
    // Split, since 1.7e12 ms times a million does not fit a double exactly.
    const wholeMs = Math.floor(wallMs);
    const wallNs = BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((wallMs - wholeMs) * 1e6));
    best = { widthNs, offsetNs: wallNs - (before + widthNs / 2n) };
  }
  return best!.offsetNs;
}

/** This boot's id: a random one that the kernel makes at every start. */
export function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/**
 * What this machine's files and its kernel say about its clock.
 * @param kernelClock asks the kernel, where somebody can (it needs a system call); null if not
 */
export async function machineEvidence(kernelClock: () => KernelClock | null = () => null): Promise<MachineEvidence> {
  const [marker, timesyncFolder, hardware] = await Promise.all([
    readText('/run/systemd/timesync/synchronized'),
    hostFiles.device('/run/systemd/timesync'),
    readText('/sys/class/rtc/rtc0/since_epoch'),
  ]);
  const hardwareClockS = hardware === undefined ? undefined : Number(hardware);
  return {
    timesyncMarker: marker !== undefined,
    timesyncRuns: timesyncFolder !== undefined,
    hardwareClockS: Number.isFinite(hardwareClockS) ? hardwareClockS : undefined,
    kernelClock: kernelClock() ?? undefined,
  };
}

function seconds(changeNs: bigint): string {
  const size = Math.abs(Number(changeNs / 1_000_000n)) / 1_000;
  const words =
    size < 120 ? `${size.toFixed(1)} s` : size < 7_200 ? `${Math.round(size / 60)} min` : `${Math.round(size / 3_600)} h`;
  return `${words} ${changeNs > 0n ? 'forward' : 'back'}`;
}

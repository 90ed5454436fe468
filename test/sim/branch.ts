/**
 * A branch: its line and traffic, its WAN, its collectors and broker, the card of its box, and the box that is started and
 * stopped upon them, composed as in production. Whatever happens is told to the witness. Owns the simulated time.
 */

import { Appliance } from '../../src/appliance.ts';
import type { Settings } from '../../src/config/schema.ts';
import { type DestinationSettings, settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { zstdInPlace } from '../../src/forward/row_compression.ts';
import type { Machine } from '../../src/machine.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import type { MachineEvidence } from '../../src/system/clock_state.ts';
import { type Boot, BoxClock } from './box_clock.ts';
import { SimBroker } from './sim_broker.ts';
import { SimCollector } from './sim_collector.ts';
import { SimDisk } from './sim_disk.ts';
import { SimMeter } from './sim_meter.ts';
import { SimHost } from './sim_network.ts';
import { simUdpTransport, udpProofMs } from './sim_udp.ts';
import { Traffic } from './traffic.ts';
import { type Run, type RunEnd, Witness } from './witness.ts';

const beginMs = Date.UTC(2026, 5, 1, 6);
/** A kernel and its services, before the program starts. */
const bootTakesMs = 20_000;
const stopDeadlineMs = 60_000;
/** Real time never runs out; simulated time that passes without an end to something shows that it hangs. */
const hangsAfterMs = 30 * 60_000;

const signal = new AbortController().signal;

const togetherWith = ({ name, failoverGroup, balanceGroup }: DestinationSettings): string =>
  failoverGroup || balanceGroup || name;

export interface BranchOptions {
  readonly seed: number;
  readonly settings: Parameters<typeof settingsSchema.parse>[0];
  readonly flowsPerS: number;
  /** Less than settings allow, so that a short story fills the spool. */
  readonly spoolDiskBytesMax?: number | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

export class Branch {
  readonly world = new SimulatedClock(1_000, beginMs);
  readonly witness = new Witness();
  readonly settings: Settings;
  readonly disk: SimDisk;
  readonly traffic: Traffic;
  readonly hosts = new Map<string, SimHost>();
  /** By destination or group: who is in a group has its records together with the others. */
  readonly collectors = new Map<string, SimCollector>();
  readonly broker: SimBroker;
  readonly faults: string[] = [];
  readonly #addon = loadAddon();
  readonly #random: SeededRandom;
  readonly #trace: (line: string) => void;
  #boot: Boot | undefined;
  #clock: BoxClock | undefined;
  #appliance: Appliance | undefined;
  #bootCount = 0;

  constructor({ seed, settings, flowsPerS, spoolDiskBytesMax, trace }: BranchOptions) {
    const parsed = settingsSchema.parse(settings);
    const diskBytesMax = spoolDiskBytesMax ?? parsed.spool.diskBytesMax;
    this.settings = { ...parsed, spool: { ...parsed.spool, diskBytesMax } };
    this.#trace = trace ?? (() => {});
    const streams = new SeededRandom(seed);
    const stream = (): SeededRandom => new SeededRandom(streams.uint32());
    this.#random = stream();
    this.disk = new SimDisk(stream());
    this.traffic = new Traffic(stream(), flowsPerS, this.world.monotonicMs());
    const fault = (what: string): void => this.fault(what);
    for (const destination of this.settings.export.destinations) {
      const { name, transport, connectTimeoutMs, resendMarginBytes } = destination;
      const together = togetherWith(destination);
      const proofMs = transport === 'udp' ? udpProofMs(connectTimeoutMs) : 0;
      const window = { marginOctets: transport === 'udp' ? 0 : resendMarginBytes, proofMs };
      const collector = this.collectors.get(together) ?? new SimCollector(together, this.world, this.witness, window, fault);
      this.collectors.set(together, collector);
      const host = new SimHost(name, this.world, (link) => collector.accept(link));
      host.unnoticedMs = proofMs;
      this.hosts.set(name, host);
    }
    this.broker = new SimBroker(this.world, fault);
  }

  get nowMs(): number {
    return this.world.monotonicMs();
  }
  get running(): boolean {
    return this.#appliance !== undefined;
  }
  get boot(): Boot | undefined {
    return this.#boot;
  }
  get appliance(): Appliance | undefined {
    return this.#appliance;
  }
  get run(): Run | undefined {
    return this.witness.runs.at(-1);
  }

  trace(what: string): void {
    this.#trace(`${(this.nowMs / 1_000).toFixed(1)} s  ${what}`);
  }
  fault(what: string): void {
    this.trace(`FAULT ${what}`);
    this.faults.push(`after ${(this.nowMs / 1_000).toFixed(1)} s: ${what}`);
  }

  set lineUp(up: boolean) {
    for (const host of this.hosts.values()) host.lineUp = up;
    this.broker.lineUp = up;
  }
  get lineUp(): boolean {
    return this.broker.lineUp;
  }

  /**
   * The power comes on.
   * @param errorMs how wrong the board's clock is until it is told the time
   */
  async powerOn(errorMs: number): Promise<void> {
    this.#boot = {
      id: `boot-${++this.#bootCount}`,
      bornMs: this.nowMs,
      errorMs,
      synchronised: errorMs === 0,
      wasSetWrong: false,
    };
    this.trace(`power on, the clock is wrong by ${errorMs} ms`);
    await this.world.advance(bootTakesMs);
    await this.startProgram();
  }

  async startProgram(): Promise<void> {
    const boot = this.#boot!;
    const clock = new BoxClock(this.world, boot);
    this.witness.runStarts(this.nowMs, boot);
    this.#clock = clock;
    const log = createLog(clock, (level, part, event, fields) => {
      if (level !== 'debug') this.trace(`  ${level} ${part} ${event} ${JSON.stringify(fields)}`);
    });
    const world = { clock, random: new SeededRandom(this.#random.uint32()), log, metrics: createMetrics() };
    const appliance = new Appliance(this.settings, world, this.#machine(clock));
    await this.#drive(appliance.start(signal), 'the start');
    if (!clock.alive) return;
    this.#appliance = appliance;
  }

  /** The program ends as planned; with `off` the box is switched off in order afterwards. */
  async stopProgram(off: boolean): Promise<void> {
    const appliance = this.#appliance!;
    const report = await this.#drive(appliance.stop(stopDeadlineMs), 'the stop');
    this.#look();
    if (report !== undefined && report.failed.length > 0) this.fault(`did not stop as planned: ${report.failed.join(', ')}`);
    this.#ended('stop');
    if (off) await this.disk.unmount();
  }

  /** It is killed; with `powerCut` what no sync covered goes too. */
  kill(powerCut: boolean): void {
    this.#ended(powerCut ? 'powerCut' : 'kill');
    if (powerCut) this.disk.powerCut();
  }

  /** Lets time pass; what must always hold is looked at in every second of it. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= 1_000) {
      await this.world.advance(Math.min(1_000, leftMs));
      this.#look();
    }
  }

  /** Rows and messages that wait for somebody. */
  get waiting(): number {
    return this.#appliance?.status().uplinks.reduce((sum, { backlogRecords }) => sum + backlogRecords, 0) ?? 0;
  }

  #look(): void {
    const appliance = this.#appliance;
    if (appliance === undefined) return;
    const { ledger } = appliance.status();
    if (!ledger.balanced) this.fault(`the ledger does not balance: ${JSON.stringify(ledger)}`);
    for (const { name, account } of appliance.accounts()) {
      if (destinationFault(account) !== 0) this.fault(`the account of ${name} does not balance: ${JSON.stringify(account)}`);
      const dropped = Object.values(account.dropped).reduce((sum, rows) => sum + rows, 0);
      this.run!.dropped.set(name, dropped + account.thinned);
    }
  }

  #ended(how: RunEnd): void {
    this.trace(`the program ends: ${how}`);
    this.run!.end = { how, atMs: this.nowMs };
    this.#clock!.alive = false;
    this.#appliance = undefined;
  }

  /** Waits while the time goes on; undefined when the run is killed meanwhile. */
  async #drive<T>(work: Promise<T>, what: string): Promise<T | undefined> {
    const clock = this.#clock!;
    let outcome: { value: T } | { error: unknown } | undefined;
    work.then(
      (value) => {
        outcome = { value };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    const sinceMs = this.nowMs;
    await this.world.advance(0);
    while (outcome === undefined && clock.alive) {
      if (this.nowMs - sinceMs > hangsAfterMs) throw new Error(`${what} never ends`);
      await this.world.advance(50);
    }
    if (outcome === undefined) return undefined;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  #machine(clock: BoxClock): Machine {
    const { disk, hosts } = this;
    return {
      bootId: clock.boot.id,
      nodeName: 'box',
      supervisor: { notify: undefined, watchdogMs: 0 },
      addon: {
        ...this.#addon,
        keepMemoryTogether: () => {},
        giveMemoryBack: async () => {},
        open: (options) =>
          new SimMeter(
            options,
            clock,
            this.traffic,
            () => this.nowMs,
            (flow) => this.witness.handOver(flow, this.nowMs),
          ),
      },
      evidence: async (): Promise<MachineEvidence> => ({
        timesyncMarker: clock.boot.synchronised,
        timesyncRuns: true,
        hardwareClockS: undefined,
        kernelClock: undefined,
      }),
      files: {
        read: async () => undefined,
        list: async () => [],
        room: async () => ({ totalOctets: 2 ** 34, freeOctets: disk.full ? 0 : 2 ** 33 }),
        device: async () => undefined,
        kernel: () => 'simulated',
        processOctets: () => 100_000_000,
      },
      slowFigures: { model: async () => 'simulated', os: async () => 'simulated', temperatureC: async () => null },
      makeFolder: () => {},
      textFile: (path) => disk.textFile(path, clock),
      storeOpener: ({ name }) => disk.opener(name, clock),
      openTransport: ({ settings, memory }) => {
        const host = hosts.get(settings.name)!;
        if (settings.transport !== 'udp') return host.transport(clock, settings.connectTimeoutMs);
        const collector = this.collectors.get(togetherWith(settings))!;
        return simUdpTransport({ host, world: this.world, clock, collector, settings, memory });
      },
      openMqtt: this.broker.opener(clock),
      compression: zstdInPlace,
    };
  }
}

/**
 * One run of the simulation: settings, traffic and a story of troubles drawn from a seed, and at the end everything mended
 * and delivered. What must hold while it happens is looked at in every second, the rest at the end.
 */
import { createHash } from 'node:crypto';
import { SeededRandom } from '../../src/core/random.ts';
import { Branch } from './branch.ts';
import { settingsFor, type Uplinks, uplinksFor } from './branch_settings.ts';

export interface PlayResult {
  readonly seed: number;
  readonly faults: readonly string[];
  /** Of everything that arrived anywhere, in order: the same seed gives the same. */
  readonly digest: string;
  readonly happened: Readonly<Record<string, number>>;
  readonly flows: number;
  readonly simulatedS: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export interface PlayOptions {
  readonly trace?: (line: string) => void;
  readonly lies?: boolean;
  /** Begins with so long an outage of the WAN; other troubles fill the rest of the days. */
  readonly outageHours?: number;
  /** Absent: drawn from the seed. */
  readonly uplinks?: Uplinks | undefined;
}

export class Play {
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #branch: Branch;
  readonly #endMs: number;
  readonly #outageHours: number;
  /** What mends itself, and when. */
  #mends: { readonly atMs: number; readonly run: () => void | Promise<void> }[] = [];
  readonly #happened: Record<string, number> = {};
  #cuts = 0;
  /** Mean time between troubles. */
  readonly #meanMs: number;

  /** @param lies a canary: the network claims what is not so, no margin covers it, and the simulation must notice */
  constructor(seed: number, days: number, { trace, lies = false, outageHours = 0, uplinks }: PlayOptions = {}) {
    this.#seed = seed;
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#outageHours = outageHours;
    this.#branch = new Branch({
      seed: random.uint32(),
      settings: settingsFor(random, lies ? 0 : 65_536, uplinks ?? uplinksFor(seed), seed),
      flowsPerS: 0.1 + random.float(),
      // Of a stream of its own: stories of old seeds stay what they were.
      spoolDiskBytesMax: [30_000, 100_000, undefined][new SeededRandom(seed ^ 0x5eed).below(3)],
      trace,
    });
    for (const host of this.#branch.hosts.values()) host.lies = lies;
    this.#endMs = this.#branch.nowMs + days * 24 * hourMs;
    this.#meanMs = (2 + random.below(28)) * minuteMs;
  }

  async run(): Promise<PlayResult> {
    const branch = this.#branch;
    await branch.powerOn(this.#wrongClock());
    if (this.#outageHours > 0) await this.#outage();
    while (branch.nowMs < this.#endMs && branch.faults.length === 0) {
      await this.#pass(-Math.log(1 - this.#random.float()) * this.#meanMs);
      if (branch.nowMs < this.#endMs) await this.#trouble();
    }
    if (branch.faults.length === 0) await this.#finish();
    return {
      seed: this.#seed,
      faults: branch.faults,
      digest: this.#digest(),
      happened: this.#happened,
      flows: branch.witness.flows.size,
      simulatedS: Math.round(branch.nowMs / 1_000),
    };
  }

  /** The WAN is down for days, and the box is rebooted or loses power every few hours. */
  async #outage(): Promise<void> {
    const branch = this.#branch;
    await this.#pass(10 * minuteMs);
    const endMs = branch.nowMs + this.#outageHours * hourMs;
    this.#cutLine(this.#outageHours * hourMs);
    while (branch.nowMs < endMs && branch.faults.length === 0) {
      await this.#pass(Math.min(endMs - branch.nowMs, (1 + this.#random.below(8)) * hourMs));
      if (branch.nowMs < endMs) await this.#restart(76 + this.#random.below(24));
    }
  }

  /** Time passes, and what mends itself does so in it. */
  async #pass(ms: number): Promise<void> {
    const branch = this.#branch;
    const endMs = branch.nowMs + ms;
    while (branch.nowMs < endMs && branch.faults.length === 0) {
      this.#mends.sort((a, b) => a.atMs - b.atMs);
      const next = this.#mends[0];
      if (next !== undefined && next.atMs <= branch.nowMs) {
        this.#mends.shift();
        await next.run();
      } else {
        await branch.pass(Math.max(1, Math.min(endMs, next?.atMs ?? endMs) - branch.nowMs));
        this.#tellTime();
      }
    }
  }

  #mend(afterMs: number, run: () => void | Promise<void>): void {
    this.#mends.push({ atMs: this.#branch.nowMs + afterMs, run });
  }

  /** A time service answers while the line is up. */
  #tellTime(): void {
    const { boot, lineUp, nowMs } = this.#branch;
    if (boot === undefined || boot.synchronised || !lineUp || nowMs - boot.bornMs < 25_000) return;
    boot.errorMs = 0;
    boot.synchronised = true;
    if (this.#branch.run !== undefined && this.#branch.running) this.#branch.run.clockRightSinceMs = nowMs;
    this.#branch.trace('the time is told');
  }

  /** Boards without a clock chip start in 1970 or when they were last on; others are right. */
  #wrongClock(): number {
    const kind = this.#random.below(3);
    if (kind === 0) return 0;
    const { world } = this.#branch;
    return kind === 1 ? -world.wallMs() + 10_000 : -(1 + this.#random.below(72)) * hourMs;
  }

  async #trouble(): Promise<void> {
    const r = this.#random;
    const branch = this.#branch;
    const host = [...branch.hosts.values()][r.below(branch.hosts.size)]!;
    const dice = r.below(100);
    const lastsMs = (r.below(6) === 0 ? 1 + r.below(5) : 0) * hourMs + (5 + r.below(600)) * 1_000;
    if (dice < 18) this.#cutLine(lastsMs);
    else if (dice < 30) {
      this.#tell(`${host.name} falls`, 'collectorFalls');
      host.crash();
      this.#mend(lastsMs, () => this.#listen(host));
    } else if (dice < 36) {
      this.#tell(`${host.name} is stopped in order`, 'collectorLeaves');
      host.leave();
      this.#mend(lastsMs, () => this.#listen(host));
    } else if (dice < 46) {
      const octets = r.below(3) === 0 ? 0 : 20 + r.below(400);
      this.#tell(`${host.name} reads ${octets} octets a turn`, 'collectorSlow');
      host.readOctetsPerTurn = octets;
      this.#mend(lastsMs, () => {
        host.readOctetsPerTurn = Number.POSITIVE_INFINITY;
      });
    } else if (dice < 52) {
      this.#tell('the broker leaves', 'brokerLeaves');
      branch.broker.leave();
      this.#mend(lastsMs, () => {
        branch.broker.listening = true;
      });
    } else if (dice < 60) this.#fillDisk(lastsMs);
    else if (dice < 66) this.#slowDisk(lastsMs);
    else if (dice < 72) this.#burst();
    else if (dice < 76) this.#stepClock();
    else await this.#restart(dice);
  }

  #cutLine(lastsMs: number): void {
    const branch = this.#branch;
    this.#tell(`the line is cut for ${Math.round(lastsMs / 1_000)} s`, 'lineCut');
    branch.lineUp = false;
    this.#cuts++;
    this.#mend(lastsMs, () => {
      if (--this.#cuts > 0) return;
      branch.trace('the line is up');
      branch.lineUp = true;
    });
  }
  #listen(host: { readonly name: string; listening: boolean }): void {
    this.#branch.trace(`${host.name} listens`);
    host.listening = true;
  }
  #fillDisk(lastsMs: number): void {
    const branch = this.#branch;
    this.#tell('the disk is full', 'diskFull');
    branch.disk.full = true;
    branch.witness.diskFails(branch.nowMs);
    this.#mend(lastsMs, () => this.#emptyDisk());
  }
  #emptyDisk(): void {
    const branch = this.#branch;
    branch.trace('the disk has room');
    branch.disk.full = false;
    branch.witness.diskWorks(branch.nowMs);
  }
  #slowDisk(lastsMs: number): void {
    const { disk, witness } = this.#branch;
    this.#tell('the disk is slow', 'diskSlow');
    disk.delayMaxMs = 50 + this.#random.below(1_500);
    witness.diskDelays(disk.delayMaxMs);
    this.#mend(lastsMs, () => {
      disk.delayMaxMs = 0;
    });
  }
  #burst(): void {
    const { traffic } = this.#branch;
    const before = traffic.rate;
    this.#tell('traffic bursts', 'burst');
    traffic.rate = 20 + this.#random.below(60);
    this.#mend(5_000 + this.#random.below(20_000), () => {
      traffic.rate = before;
    });
  }
  /** Somebody sets the clock wrong; the time service sets it right. */
  #stepClock(): void {
    const { boot, run } = this.#branch;
    if (boot === undefined || run === undefined || !boot.synchronised) return;
    const errorMs = (this.#random.below(2) === 0 ? 1 : -1) * (2_000 + this.#random.below(2 * hourMs));
    this.#tell(`the clock is set wrong by ${errorMs} ms`, 'clockStep');
    boot.errorMs = errorMs;
    boot.synchronised = false;
    boot.wasSetWrong = true;
    run.clockWasWrong = true;
    run.clockRightSinceMs = Number.POSITIVE_INFINITY;
  }

  async #restart(dice: number): Promise<void> {
    const branch = this.#branch;
    const r = this.#random;
    const offMs = r.below(5) === 0 ? r.below(3 * hourMs) : r.below(5 * minuteMs);
    if (dice < 82) {
      this.#tell('the program is restarted', 'restart');
      await branch.stopProgram(false);
      await branch.startProgram();
    } else if (dice < 88) {
      this.#tell('the box is rebooted', 'reboot');
      await branch.stopProgram(true);
      await this.#pass(offMs);
      await branch.powerOn(this.#wrongClock());
    } else if (dice < 94) {
      this.#tell('the program is killed', 'kill');
      branch.kill(false);
      await branch.world.advance(r.below(5_000));
      await branch.startProgram();
    } else {
      this.#tell('the power is cut', 'powerCut');
      branch.kill(true);
      await this.#pass(offMs);
      await branch.powerOn(this.#wrongClock());
    }
  }

  /** Everything is mended, everything arrives, and a planned stop leaves nothing behind. */
  async #finish(): Promise<void> {
    const branch = this.#branch;
    branch.trace('everything is mended');
    for (const { run } of this.#mends.splice(0)) await run();
    branch.lineUp = true;
    branch.traffic.rate = 0.2;
    const endMs = branch.nowMs + 6 * hourMs;
    await this.#pass(2 * minuteMs);
    while (branch.waiting > 5 && branch.nowMs < endMs && branch.faults.length === 0) await this.#pass(10_000);
    if (branch.waiting > 5) branch.fault(`${branch.waiting} records and messages still wait after six hours`);
    await branch.stopProgram(true);
    await branch.pass(10_000);
    const { spool, mqtt, history } = branch.settings;
    for (const collector of branch.collectors.values()) collector.conclude(spool.persistAfterS * 1_000);
    const offsetMs = branch.world.wallMs() - branch.nowMs;
    if (mqtt.brokers.length > 0)
      this.#happened.minutes = branch.broker.conclude(
        branch.witness,
        offsetMs,
        history.lateS * 1_000,
        mqtt.outboxPersistAfterS * 1_000,
      );
  }

  #tell(what: string, counted: string): void {
    this.#branch.trace(what);
    this.#happened[counted] = (this.#happened[counted] ?? 0) + 1;
  }

  #digest(): string {
    const hash = createHash('sha256');
    for (const { name, arrived, gaps } of this.#branch.collectors.values()) {
      hash.update(name);
      for (const [id, { last, times }] of arrived) hash.update(`${id} ${last.atMs} ${times}\n`);
      hash.update(JSON.stringify(gaps));
    }
    for (const [message, times] of this.#branch.broker.arrived) hash.update(`${message} ${times}\n`);
    hash.update(this.#branch.faults.join('\n'));
    return hash.digest('hex').slice(0, 16);
  }
}

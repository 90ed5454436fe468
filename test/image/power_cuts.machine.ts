/**
 * Twenty power cuts, one after the other on the same disk: while the box starts for the first time and later, while it meters with its
 * collector away, while an update is written, while that is on trial and judged. When each comes is drawn from a seed (SEED), spread
 * over what goes on. After each the disk is looked at as it lies there, and the next start has to be a good one: the same users,
 * stores that need no repair, a ledger that adds up, and with the collector what was on disk before the cut.
 *
 * CUTS ends it early: the first so many of the plan, for somebody who looks for a fault.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { Collector } from '../appliance/collector.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { faultsAfterCut, goodSlots, nextSlot, variablesOf } from './after_cut.ts';
import { answers, branchSettings, comeBack, sees, signIn } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines, type Machine, seconds } from './machine.ts';
import { bundleOf, stickOf } from './variant.ts';

const seed = Number(process.env.SEED ?? 1);
const cutsMax = Number(process.env.CUTS ?? 20);
const impatient = 'flowspan.trial_hold_s=10 flowspan.trial_within_s=240';
/** Of the settings: rows that nobody acknowledged are on disk after it (spool.persistAfterS), and flows end after 3 s. */
const onDiskAfterS = 3 + 5 + 5;

type Moment = 'start' | 'run' | 'write' | 'trial' | 'judge';
/** The first is that of a disk that has just been written: it grows, and everything on it is made. */
const plan: readonly Moment[] = [
  ...(['start', 'run', 'write', 'start', 'run', 'write', 'start', 'run', 'write', 'start'] as const),
  ...(['run', 'write', 'trial', 'start', 'run', 'start', 'judge', 'start', 'run', 'start'] as const),
];
const random = new SeededRandom(seed);
/** Where in its stretch each cut comes: of those of a kind one in each part of it, in any order of chance within. */
const at = plan.map((moment, index) => {
  const ofKind = plan.filter((one) => one === moment).length;
  const before = plan.slice(0, index).filter((one) => one === moment).length;
  return (before + random.float()) / ofKind;
});

let built: BuiltImage;
let work: string;
beforeAll(async () => {
  built = await buildImage();
  work = join(built.cache, `variants-${process.pid}`);
}, 1_500_000);
afterEach(endMachines, 30_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

class Site {
  readonly disk = new Disk(built);
  collector = new Collector();
  /** Packets that have to be with the collector: they were on disk. */
  packetsMin = 0;
  /** And more cannot be there. */
  packetsMax = 0;
  isSetUp = false;
  /** From power-on to a page that answers, and from the first octet of an update to the last; the latest. */
  readyS = 60;
  writeS = 30;
  #batches = 0;
  readonly cuts: string[] = [];

  async begin(): Promise<void> {
    await this.collector.listen();
    this.disk.write('flowspan.yaml', branchSettings(this.collector.port));
    this.disk.probe(
      'log',
      'exec journalctl --follow --lines=all --unit=flowspan-trial.service --unit=rauc.service --output=cat\n',
      impatient,
    );
    await this.collector.vanish();
  }

  async cut(machine: Machine, what: string): Promise<void> {
    await machine.cutPower();
    const slot = /.*flowspan: starting slot ([AB])/s.exec(machine.console)?.[1] ?? 'none yet';
    this.cuts.push(what);
    process.stdout.write(`cut ${this.cuts.length}: ${what}, slot ${slot}\n`);
    // It goes on with what it found: the next start tells how grave it is, and an hour's run all that there is.
    expect.soft(faultsAfterCut(this.disk, built.slot), what).toEqual([]);
  }

  /** A start that has to be a good one, in the slot whose turn it is; with whatever the box still owes the collector. */
  async comesBack(): Promise<[Machine, string]> {
    await this.collector.vanish();
    await this.collector.listen();
    const beganMs = performance.now();
    // Also one on trial, which is not good yet.
    const turn = nextSlot(variablesOf(this.disk)!);
    const machine = await this.disk.boot().start();
    await machine.shows(new RegExp(`flowspan: starting slot ${turn}`), 120);
    await answers(machine, '/readyz', 200, 600);
    this.readyS = (performance.now() - beganMs) / 1_000;
    if (this.isSetUp) expect.soft(machine.console).not.toMatch(/set-up +code/);
    const cookie = this.isSetUp ? await comeBack(machine) : await signIn(machine);
    this.isSetUp = true;
    const status = await sees(
      machine,
      cookie,
      'nothing waits for the collector',
      ({ uplinks, meter }) => meter.state === 'metering' && uplinks[0]?.state === 'up' && uplinks[0].backlogRecords === 0,
      240,
    );
    expect.soft(status.stores.filter(({ state }) => state !== 'open')).toEqual([]);
    expect.soft(status.ledger.balanced).toBe(true);
    expect.soft(machine.console).not.toMatch(/repairing it|made anew|variables were unreadable/);
    await expect.poll(() => this.collector.packets, { timeout: 60_000 }).toBeGreaterThanOrEqual(this.packetsMin);
    expect.soft(this.collector.packets).toBeLessThanOrEqual(this.packetsMax);
    expect.soft(this.collector.errors).toEqual([]);
    // What was cut off is gone for good, and said to be: it does not come later.
    this.packetsMax = this.collector.packets;
    this.packetsMin = this.collector.packets;
    return [machine, cookie];
  }

  /** Meters with the collector away: some packets until they are on disk, then others until the power goes. */
  async metersUntil(machine: Machine, cookie: string, part: number): Promise<number> {
    await this.collector.vanish();
    await seconds(2);
    const before = await sees(machine, cookie, 'a ledger', () => true, 60);
    const batch = (conversations: number): Uint8Array[] =>
      siteConversations({ conversations, segments: 10, vlan: 100 + this.#batches++ }).map((packet) => captured(packet).frame);
    const kept = batch(12);
    await machine.mirror(kept, 100);
    await sees(
      machine,
      cookie,
      'flows have ended',
      ({ ledger }) => ledger.metered.packets >= before.ledger.metered.packets + kept.length && ledger.cached.packets === 0,
      120,
    );
    await seconds(onDiskAfterS);
    this.packetsMin += kept.length;
    const lost = batch(120);
    this.packetsMax += kept.length + lost.length;
    const afterS = part * 20;
    void machine.mirror(lost, 100).catch(() => {}); // until the cut ends it
    await seconds(afterS);
    return afterS;
  }
}

const rounded = (value: number): string => `${value.toFixed(1)} s`;

test(`power cuts at ${cutsMax} moments (seed ${seed})`, { timeout: 4 * 3_600_000 }, async () => {
  const site = new Site();
  using disk = site.disk;
  await site.begin();
  const stick = join(disk.folder, 'stick.img');
  let version = 1;
  /** A stick with a version that was not offered before. */
  const renew = (): void => {
    stickOf(built, stick, [bundleOf(built, work, `flowspan-${++version}`, {})]);
  };
  renew();
  /** Plugs the stick in and waits until its update is being written. */
  const installs = async (machine: Machine): Promise<number> => {
    await machine.plugIn(stick);
    await machine.shows(new RegExp(`flowspan: installing flowspan-${version}\\.raucb`), 300);
    return performance.now();
  };
  const sinceS = (beganMs: number): number => (performance.now() - beganMs) / 1_000;

  for (const [index, moment] of plan.slice(0, cutsMax).entries()) {
    const part = at[index]!;
    if (moment === 'start') {
      const machine = await disk.boot().start();
      const afterS = 0.5 + part * site.readyS;
      await seconds(afterS);
      await site.cut(machine, `start, ${rounded(afterS)} after power-on of some ${rounded(site.readyS)}`);
      continue;
    }
    const [machine, cookie] = await site.comesBack();
    if (moment === 'run') {
      const afterS = await site.metersUntil(machine, cookie, part);
      await site.cut(machine, `run, ${rounded(afterS)} of frames that nobody has acknowledged`);
      continue;
    }
    const writingMs = await installs(machine);
    if (moment === 'write') {
      await Promise.race([seconds(part * (site.writeS + 5)), machine.shows(/is installed; restarting/, 600)]);
      await site.cut(machine, `update, ${rounded(sinceS(writingMs))} after it began to be written`);
      if (/is installed; restarting/.test(machine.console)) renew();
      continue;
    }
    await machine.shows(/is installed; restarting/, 900);
    site.writeS = sinceS(writingMs);
    renew();
    await machine.shows(/is installed; restarting[\s\S]*flowspan: starting slot/, 300);
    const [old] = goodSlots(variablesOf(disk)!);
    const afterS = moment === 'trial' ? part * site.readyS : 10 + part * 8;
    if (moment === 'judge') await machine.shows(/is on trial/, 600);
    await seconds(afterS);
    await site.cut(
      machine,
      `trial of an update, ${rounded(afterS)} after ${moment === 'trial' ? 'its start' : 'its judge began, who takes 10 s'}`,
    );
    // Whatever is judged: the old one is good as before.
    expect.soft(goodSlots(variablesOf(disk)!)).toContain(old);
  }
  const [machine] = await site.comesBack();
  await machine.shutDown(180);
  expect(disk.read('ERROR.txt')).toBeUndefined();
  process.stdout.write(
    `${site.cuts.length} cuts, ${site.collector.packets} packets with the collector, ${site.collector.duplicates} records twice\n`,
  );
  await site.collector.vanish();
});

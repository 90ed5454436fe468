/**
 * Updates of a real image in an emulated machine: there and back, refused ones, ones that do not meter, ones that crash, with USB sticks
 * as whoever visits the box brings them. Settings and what the box keeps go along; the last good slot is never touched.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Collector } from '../appliance/collector.ts';
import { answers, branchSettings, signIn, statusOf } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';
import { bundleOf, stickOf, type Variant } from './variant.ts';

/** Trials are short here, and what is logged while one runs is on the console. */
const impatient = 'flowspan.trial_hold_s=10 flowspan.trial_within_s=240';
const log =
  'exec journalctl --follow --lines=all --unit=rauc.service --unit=flowspan-trial.service --unit=flowspan.service --output=cat\n';

let built: BuiltImage;
let work: string;
beforeAll(async () => {
  built = await buildImage();
  work = join(built.cache, `variants-${process.pid}`);
}, 1_500_000);

/** What is changed in the slot for each, and who signs it. */
const versions: Readonly<Record<string, Variant>> = {
  'flowspan-2': {},
  'flowspan-3-forged': { signer: 'forger' },
  'flowspan-4-blind': {
    change: (path) => writeFileSync(path('/usr/lib/flowspan/build/native/flowspan.node'), 'not a program\n'),
  },
  'flowspan-5-crash': {
    change: (path) => writeFileSync(path('/usr/lib/systemd/systemd'), '#!/bin/sh\necho "this version crashes" >/dev/console\n'),
  },
};
const bundles = new Map<string, string>();
function bundle(name: string): string {
  let path = bundles.get(name);
  if (path === undefined) {
    path = bundleOf(built, work, name, versions[name]!);
    bundles.set(name, path);
  }
  return path;
}

afterEach(endMachines, 30_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function withStick(name: string): Promise<Disk> {
  const disk = new Disk(built);
  disk.write('flowspan.yaml', branchSettings(4_739));
  disk.probe('log', log, impatient);
  disk.stick = stickOf(built, join(disk.folder, 'stick.img'), [bundle(name)]);
  return disk;
}

describe('updates', () => {
  test('from a stick: installed into B, tried, kept; users and settings go along; the next goes into A', async () => {
    const collector = await new Collector().listen();
    using disk = await withStick('flowspan-2');
    const machine = await disk.boot().start();
    await machine.shows(/flowspan: starting slot A/, 120);
    await machine.shows(/flowspan: flowspan-2\.raucb is installed; restarting into it/, 900);
    await machine.shows(/flowspan: starting slot B/, 240);
    await machine.shows(/flowspan: slot B is good/, 900);
    await machine.shows(/flowspan: flowspan-2\.raucb was dealt with before/, 120);
    await answers(machine, '/readyz', 200, 60);
    await signIn(machine);
    await machine.shutDown(180);
    expect(disk.read('flowspan/grubenv')).toMatch(/ORDER=B A\n/);
    expect(disk.read('flowspan/grubenv')).toMatch(/B_GOOD=1\n/);
    await collector.vanish();

    // The next one; slot A is the other one now.
    stickOf(built, disk.stick!, [bundle('flowspan-4-blind')]);
    const again = await disk.boot().start();
    await again.shows(/flowspan: starting slot B/, 120);
    await again.shows(/flowspan: flowspan-4-blind\.raucb is installed/, 900);
    await again.shows(/flowspan: starting slot A/, 240);
    await again.shows(/flowspan: slot A does not meter: back to slot B/, 900);
    await again.shows(/slot A does not meter[\s\S]*flowspan: starting slot B/, 240);
    await answers(again, '/readyz', 200, 600);
    // The user that was made before is still there: what the console shows has no set-up code.
    await again.shows(/back to slot B[\s\S]* page {5}https:\/\//, 60);
    expect(again.console.split('back to slot B')[1]).not.toMatch(/set-up +code/);
    await again.cutPower();
  });

  test('with a wrong signature: refused, nothing is written, the box goes on', async () => {
    using disk = await withStick('flowspan-3-forged');
    const before = disk.read('flowspan/grubenv');
    const machine = await disk.boot().start();
    const [said] = await machine.shows(/flowspan: flowspan-3-forged\.raucb is refused: .*/, 900);
    expect(said).toMatch(/signature|verif/i);
    await answers(machine, '/readyz', 200, 300);
    await machine.shutDown(180);
    expect(disk.read('flowspan/grubenv')).toBe(before);
  });

  test('that crashes: the box is back in the old slot by itself', async () => {
    using disk = await withStick('flowspan-5-crash');
    const machine = await disk.boot().start();
    await machine.shows(/flowspan: flowspan-5-crash\.raucb is installed/, 900);
    await machine.shows(/flowspan: starting slot B/, 240);
    await machine.shows(/flowspan: starting slot B[\s\S]*flowspan: starting slot A/, 300);
    await answers(machine, '/readyz', 200, 600);
    // Nobody but the old slot can tell of it.
    const { updates } = await statusOf(machine, await signIn(machine));
    expect(updates.past[0]).toMatchObject({ outcome: 'notJudged', version: 'flowspan-5-crash', slot: 'B', source: 'stick' });
    expect(updates.slots.map(({ name, isRunning, state }) => [name, isRunning, state])).toEqual([
      ['A', true, 'good'],
      ['B', false, 'left'],
    ]);
    await machine.cutPower();
  });
});

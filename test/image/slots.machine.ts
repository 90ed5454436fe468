/**
 * Which slot GRUB starts, by what stands in its variables: a real GRUB from the image's disk, whose machine is switched off as soon as
 * it has decided. Slot B holds a copy of A, or nothing.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
let disk: Disk;
beforeAll(async () => {
  built = await buildImage();
  disk = new Disk(built);
}, 1_500_000);
afterEach(endMachines, 30_000);
afterAll(() => disk[Symbol.dispose]());

type Variables = Readonly<Record<string, string>>;
const fresh: Variables = {
  ORDER: 'A B',
  A_OK: '1',
  A_TRY: '0',
  A_GOOD: '1',
  A_COUNT: '',
  B_OK: '0',
  B_TRY: '0',
  B_GOOD: '0',
  B_COUNT: '',
};

function setVariables(variables: Variables): void {
  const file = join(disk.folder, 'variables');
  disk.tool('grub-editenv', file, 'create');
  disk.tool('grub-editenv', file, 'set', ...Object.entries(variables).map(([name, value]) => `${name}=${value}`));
  disk.write('flowspan/grubenv', readFileSync(file, 'latin1'));
}

function variables(): Variables {
  const lines = (disk.read('flowspan/grubenv') ?? '').split('\n').filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
}

/** Puts slot A's content, or zeros, into slot B. */
function fillB(whole: boolean): void {
  const from = whole ? built.slot : '/dev/zero';
  const at = 1 + 320 + 512;
  execFileSync('dd', [`if=${from}`, `of=${disk.path}`, 'bs=1M', `seek=${at}`, 'conv=notrunc', ...(whole ? [] : ['count=1'])], {
    stdio: 'ignore',
  });
}

/** The slots that were begun, in order, until one was started. */
async function started(): Promise<string[]> {
  const machine = await disk.boot().start();
  // The firmware's and GRUB's words end with the kernel's first.
  await machine.shows(/flowspan: starting slot [AB](?![\s\S]*flowspan: (starting|slot))[\s\S]*(\[ +\d+\.\d+\]|fsck|BIOS)/, 240);
  await machine.cutPower();
  return [...machine.console.matchAll(/flowspan: starting slot ([AB])/g)].map(([, slot]) => slot!);
}

describe('both slots whole', () => {
  beforeAll(() => fillB(true));

  const cases: [string, Variables, string[], Variables][] = [
    ['as delivered: A, and one start is counted', {}, ['A'], { A_COUNT: 'x' }],
    ['an update in B: tried, once', { ORDER: 'B A', B_OK: '1' }, ['B'], { B_TRY: '1', B_GOOD: '0', A_COUNT: '' }],
    [
      'an update in B that was tried and not judged: back to A',
      { ORDER: 'B A', B_OK: '1', B_TRY: '1' },
      ['A'],
      { A_COUNT: 'x', B_TRY: '1' },
    ],
    [
      'an update that was judged good: B, whatever TRY says; its starts are counted apart',
      { ORDER: 'B A', B_OK: '1', B_GOOD: '1', B_TRY: '1' },
      ['B'],
      { B_COUNT: 'x' },
    ],
    [
      'seven brown-outs of a good slot: still that slot',
      { A_COUNT: 'xxxxxxx', B_OK: '1', B_GOOD: '1' },
      ['A'],
      { A_COUNT: 'xxxxxxxx' },
    ],
    ['eight: the other one, where it is good', { A_COUNT: 'xxxxxxxx', B_OK: '1', B_GOOD: '1' }, ['B'], { B_COUNT: 'x' }],
    ['eight, and no other: the same again', { A_COUNT: 'xxxxxxxx' }, ['A'], { A_COUNT: '' }],
    ['an order that is none: A all the same', { ORDER: 'nonsense' }, ['A'], {}],
  ];
  test.each(cases)('%s', async (_name, changes, slots, after) => {
    setVariables({ ...fresh, ...changes });
    expect(await started()).toEqual(slots);
    expect(variables()).toMatchObject(after);
  });
});

describe('a slot that cannot be read', () => {
  beforeAll(() => fillB(false));

  test('is passed over at once', async () => {
    setVariables({ ...fresh, ORDER: 'B A', B_OK: '1' });
    expect(await started()).toEqual(['B', 'A']);
    expect(variables()).toMatchObject({ A_COUNT: 'x', B_TRY: '1' });
  });
});

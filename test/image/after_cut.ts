/**
 * What a disk has to be like after power went away at any moment, looked at without starting it: the boot FAT, GRUB's variables, slots that
 * are said to be good, the data partition. The disk itself is not touched: what a check would repair, it repairs in a copy.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, dataAt, fatAt, fatOctets, slotAt } from './machine.ts';

export type Slot = 'A' | 'B';
export type Variables = Readonly<Record<string, string>>;

/** GRUB's, as they stand on the FAT; undefined when they are no block of variables any more. */
export function variablesOf(disk: Disk): Variables | undefined {
  const text = disk.read('flowspan/grubenv') ?? '';
  // GRUB reads a block of 1,024 octets with this head, or nothing.
  if (!text.startsWith('# GRUB Environment Block\n') || text.length !== 1_024) return undefined;
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
}

/** Which slot GRUB begins with (image/boot/grub.cfg), where none has been counted out. */
export function nextSlot(variables: Variables): Slot | undefined {
  const order = (variables.ORDER ?? '').split(' ') as Slot[];
  return order.find(
    (slot) => variables[`${slot}_OK`] === '1' && (variables[`${slot}_GOOD`] === '1' || variables[`${slot}_TRY`] !== '1'),
  );
}

/** Slots that have shown that they meter. */
export function goodSlots(variables: Variables): Slot[] {
  return (['A', 'B'] as const).filter((slot) => variables[`${slot}_OK`] === '1' && variables[`${slot}_GOOD`] === '1');
}

/** What is wrong with the disk; empty when nothing is. Every good slot has to hold `slot`, octet by octet. */
export function faultsAfterCut(disk: Disk, slot: string): string[] {
  const faults: string[] = [];
  const variables = variablesOf(disk);
  const good = variables === undefined ? [] : goodSlots(variables);
  if (variables === undefined) faults.push('GRUB’s variables are no block of variables');
  else if (good.length === 0) faults.push(`no slot is good: ${JSON.stringify(variables)}`);
  for (const one of good) if (!holds(disk.path, slotAt[one], slot)) faults.push(`slot ${one} is good, and was written to`);

  const data = join(disk.folder, 'data.img');
  const fat = join(disk.folder, 'fat.img');
  try {
    takeOut(disk, fat, fatAt, fatOctets);
    // That it was not unmounted, and that its count of free clusters is old, is no fault.
    const fatSaid = said(disk, ['fsck.vfat', '-n', fat]);
    const findings = fatSaid.text
      .split('\n')
      .filter((line) => /bad|orphan|invalid|truncat|shared|reclaim|start cluster|out of range/i.test(line));
    if (fatSaid.status > 1 || findings.length > 0) faults.push(`boot FAT: ${fatSaid.text}`);

    // In a file of its own: e2fsck forgets the offset of a partition once it has played back a journal.
    takeOut(disk, data, dataAt);
    // As the box does at its start: the journal is played back; more than that is a fault.
    const replayed = said(disk, ['e2fsck', '-p', data]);
    if (replayed.status >= 4) faults.push(`data partition: ${replayed.text}`);
    const whole = said(disk, ['e2fsck', '-f', '-n', data]);
    if (whole.status !== 0) faults.push(`data partition, after its journal: ${whole.text}`);
  } finally {
    for (const path of [data, fat]) rmSync(path, { force: true });
  }
  return faults;
}

/** A part of the disk, up to its end where no length is given. */
function takeOut(disk: Disk, path: string, at: number, octets?: number): void {
  execFileSync('dd', [
    ...[`if=${disk.path}`, `of=${path}`, 'bs=1M', `skip=${at / 1_048_576}`, 'conv=sparse', 'status=none'],
    ...(octets === undefined ? [] : [`count=${octets / 1_048_576}`]),
  ]);
}

function holds(disk: string, at: number, file: string): boolean {
  try {
    execFileSync('cmp', ['--silent', `--bytes=${statSync(file).size}`, `--ignore-initial=${at}:0`, disk, file]);
    return true;
  } catch {
    return false; // cmp's 1: they differ
  }
}

function said(disk: Disk, command: string[]): { status: number; text: string } {
  try {
    return { status: 0, text: disk.tool(...command) };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number | null; stdout: Buffer; stderr: Buffer };
    return { status: status ?? 255, text: `${status}: ${stdout}${stderr}`.slice(0, 2_000) };
  }
}

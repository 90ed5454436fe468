/**
 * Reads what is offered and what is kept, has `provision_plan.ts` decide, and puts the result in place: settings and certificates by replacing
 * whole files, what is rendered below /run, a report beside what was offered. An edge. Running it twice changes nothing the second time.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, systemCode } from '../../core/errors.ts';
import { VERSION } from '../../flow/version.ts';
import { readPorts, readSerial } from './box_ports.ts';
import { filesFolder } from './named_files.ts';
import { type Memory, memoryOf } from './provision_memory.ts';
import { type Offered, type ProvisionPlan, provisionPlan, settingsFolder } from './provision_plan.ts';
import { reportFile, reportNames } from './report.ts';
import { moveTo, names, ownerOf, readFiles, remove, replace, textOf } from './whole_files.ts';

export interface ProvisionJob {
  /** Boot partition, then a stick: the last one that holds settings is taken. */
  readonly from: readonly string[];
  /** Of the file system that is written to. */
  readonly root: string;
  readonly nowMs: number | undefined;
  /** Decides and tells only. */
  readonly dry: boolean;
}

export const settingsName = 'flowspan.yaml';
export const memoryName = 'provisioned.json';
/** Below the settings, while others are on trial (`page_settings.ts`): what comes back unless somebody keeps them. */
export const formerName = 'former';
/** First line of what the page has laid on the boot partition, and what lay there before. */
export const pageMark = '# Set on the page of this box; a factory reset takes this file away.';
export const beforePageName = 'flowspan.before-page.yaml';
const settingsOctetsMax = 4 * 1024 * 1024;
/** `factory-reset`, with or without `.txt`, which Windows likes to add. */
const resetName = /^factory[-_ ]?reset(\.txt)?$/i;
/** What a reset empties; the last holds who may sign in by ssh, and the host key. */
const learnedFolders = [settingsFolder, '/var/lib/flowspan', '/data/ssh'] as const;
/** Under this name a reset goes on that was cut short. */
const resettingName = 'factory-reset.running';
const handedOverName = 'factory-reset';

export interface Provisioned extends ProvisionPlan {
  /** By a file on the own partition at once: this runs before anything else does. By one on a stick at the next start. */
  readonly reset: 'no' | 'done' | 'atNextStart';
}

export function provision({ from, root, nowMs, dry }: ProvisionJob): Provisioned {
  const [own, ...sticks] = from;
  const resets = dry || own === undefined ? [] : [factoryReset(own, root), ...sticks.map((stick) => handOverReset(stick, own))];
  const place = from.findLast((folder) => nameIn(folder, settingsName) !== undefined);
  const settings = join(root, settingsFolder);
  const offered = place === undefined ? undefined : readOffered(place);
  const kept = { text: textOf(join(settings, settingsName)), memory: readMemory(join(settings, memoryName)) };
  const facts = { kept, ports: readPorts(root), serial: readSerial(root), nowMs };
  let plan = provisionPlan({ ...facts, offered });
  if (!dry) {
    if (offered !== undefined && plan.state === 'taken' && place !== own) {
      const fault = settle(offered, own!);
      if (fault !== '') plan = provisionPlan({ ...facts, offered: { ...offered, fault } });
    }
    try {
      keep(plan, settings);
      // Whoever holds the partition or a stick stands before the box: what the page has on trial is over.
      if (plan.state === 'taken') remove(join(settings, formerName));
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      // A disk that is full, broken or gone. The box is reached as it was; one that has kept nothing, as is offered.
      const inForce = kept.memory === undefined ? plan : provisionPlan({ ...facts, offered: undefined });
      plan = { ...inForce, state: 'refused', faults: [`the box cannot keep any settings: ${messageOf(error)}`] };
    }
    render(plan, root);
    if (place !== undefined) report(plan, place);
  }
  const remarks = [...resets.flatMap(({ trouble }) => (trouble === '' ? [] : [trouble])), ...plan.remarks];
  return { ...plan, remarks, reset: resets.find(({ reset }) => reset !== 'no')?.reset ?? 'no' };
}

/** Certificates before the settings that name them: a power cut in between leaves settings that work. */
export function keep(
  { certificates, settingsText, memory, sshKeys }: Pick<ProvisionPlan, 'certificates' | 'settingsText' | 'memory' | 'sshKeys'>,
  settings: string,
): void {
  const owner = ownerOf(settings);
  for (const [name, text] of Object.entries(certificates)) replace(join(settings, filesFolder, name), text, 0o640, owner);
  if (settingsText !== undefined) replace(join(settings, settingsName), settingsText, 0o640, owner);
  if (sshKeys !== undefined) replace(join(settings, 'authorized_keys'), sshKeys.map((key) => `${key}\n`).join(''), 0o644, owner);
  replace(join(settings, memoryName), `${JSON.stringify(memory)}\n`, 0o640, owner);
}

export function render({ rendered, sysctls }: Pick<ProvisionPlan, 'rendered' | 'sysctls'>, root: string): void {
  // What an earlier run of this boot has left and nobody wants any more.
  const networks = join(root, 'run/systemd/network');
  for (const name of names(networks)) {
    const path = join(networks, name);
    if (textOf(path)?.startsWith('# Written by flowspan provision') && rendered[`run/systemd/network/${name}`] === undefined)
      rmSync(path);
  }
  for (const [path, text] of Object.entries(rendered)) {
    // With a pass phrase in it: for root alone.
    replace(join(root, path), text, /wifi|wired8021x/.test(path) ? 0o600 : 0o644);
  }
  for (const [path, text] of Object.entries(sysctls)) {
    const file = join(root, 'proc/sys', path);
    // A port that is not there has no such file; networkd does the same when it comes.
    if (textOf(file) !== undefined) writeFileSync(file, text);
  }
}

function report(plan: ProvisionPlan, place: string): void {
  const { name, text } = reportFile(plan, VERSION);
  const other = name === reportNames.good ? reportNames.bad : reportNames.good;
  // A boot that changes nothing writes nothing to the partition that it boots from.
  if (plan.state === 'unchanged' && textOf(join(place, name)) !== undefined && textOf(join(place, other)) === undefined) return;
  try {
    remove(join(place, other));
    if (textOf(join(place, name)) !== text) replace(join(place, name), text, 0o644);
  } catch (error) {
    // A stick may be write-protected: the console has said the same.
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC'].includes(systemCode(error) ?? '')) throw error;
  }
}

/**
 * What came by a stick takes the place of what lies on the box's own partition, which would be offered again without the stick: before it is
 * kept, so that a power cut in between leaves settings that are taken from there. Returns why it could not, or the empty text.
 */
function settle(offered: Offered, own: string): string {
  try {
    const files = join(own, filesFolder);
    for (const name of names(files)) if (offered.files[name] === undefined) remove(join(files, name));
    layOn(own, offered);
    return '';
  } catch (error) {
    return `cannot be kept on the box’s own partition, whose settings would come back without the stick: ${messageOf(error)}`;
  }
}

/** Files before the settings that name them. */
export function layOn(own: string, { files, text }: Pick<Offered, 'files' | 'text'>): void {
  for (const [name, one] of Object.entries(files)) replace(join(own, filesFolder, name), one, 0o644);
  replace(join(own, nameIn(own, settingsName) ?? settingsName), text, 0o644);
}

interface Reset extends Pick<Provisioned, 'reset'> {
  readonly trouble: string;
}
const noReset: Reset = { reset: 'no', trouble: '' };

/**
 * Everything that this box has learned goes. The order makes a cut-off reset go on, and a partition that cannot be written harmless: without a
 * reset, and with the reason, the box goes on.
 */
function factoryReset(folder: string, root: string): Reset {
  const asked = names(folder).find((name) => resetName.test(name));
  const running = join(folder, resettingName);
  if (asked !== undefined) {
    try {
      moveTo(join(folder, asked), running);
    } catch (error) {
      const why = 'this cannot be renamed, so nothing is reset, or it would be at every start';
      return { reset: 'no', trouble: `${join(folder, asked)}: ${why}: ${messageOf(error)}` };
    }
  } else if (!names(folder).includes(resettingName)) return noReset;
  for (const place of learnedFolders) {
    for (const name of names(join(root, place))) remove(join(root, place, name));
  }
  forgetPage(folder);
  remove(running);
  return { reset: 'done', trouble: '' };
}

/** What was set on the page goes; what the operator had laid there before comes back. */
function forgetPage(own: string): void {
  const name = nameIn(own, settingsName);
  if (name !== undefined && textOf(join(own, name))?.startsWith(pageMark) === true) remove(join(own, name));
  const before = join(own, beforePageName);
  if (textOf(before) === undefined) return;
  if (nameIn(own, settingsName) === undefined) moveTo(before, join(own, settingsName));
  else remove(before);
}

/** A stick is plugged into a box that runs: its services would write down again what they know as they stop. */
function handOverReset(stick: string, own: string): Reset {
  const asked = names(stick).find((name) => resetName.test(name));
  if (asked === undefined) return noReset;
  const there = join(own, handedOverName);
  try {
    replace(there, '', 0o644);
    remove(join(stick, asked));
    return { reset: 'atNextStart', trouble: '' };
  } catch (error) {
    remove(there);
    const why = 'this cannot be moved to the box’s own partition, so nothing is reset, or it would be at every start';
    return { reset: 'no', trouble: `${join(stick, asked)}: ${why}: ${messageOf(error)}` };
  }
}

/** A partition that somebody has pulled out while it was written holds anything: what cannot be read is a fault of what is offered. */
export function readOffered(place: string): Offered {
  const name = nameIn(place, settingsName)!;
  const path = join(place, name);
  const files = offeredFiles(place);
  try {
    const { size } = statSync(path);
    if (size > settingsOctetsMax)
      return { file: name, text: '', files, fault: `has ${size} octets; allowed: ${settingsOctetsMax} at most` };
    return { file: name, text: decoded(readFileSync(path)), files };
  } catch (error) {
    return { file: name, text: '', files, fault: `cannot be read: ${messageOf(error)}` };
  }
}

/** An editor of Windows may save as UTF-16, which would look like damage. */
const decoded = (octets: Buffer): string =>
  (octets[0] === 0xff && octets[1] === 0xfe ? octets.toString('utf16le') : octets.toString('utf8')).replace(/^\ufeff/, '');

const offeredFiles = (place: string): Record<string, string> => readFiles(join(place, nameIn(place, filesFolder) ?? filesFolder));

export const readMemory = (path: string): Memory | undefined => memoryOf(textOf(path) ?? '');

/** FAT does not tell upper case from lower. */
const nameIn = (folder: string, wanted: string): string | undefined =>
  names(folder).find((name) => name.toLowerCase() === wanted);

/**
 * Reads what is offered and what is kept, has `provision_plan.ts` decide, and puts the result in place: settings and certificates by replacing
 * whole files, what is rendered below /run, a report beside what was offered. An edge. Running it twice changes nothing the second time.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ApplianceError, messageOf, systemCode } from '../../core/errors.ts';
import { VERSION } from '../../flow/version.ts';
import { readPorts, readSerial } from './box_ports.ts';
import { filesFolder } from './named_files.ts';
import { type Memory, type Offered, type ProvisionPlan, provisionPlan, settingsFolder } from './provision_plan.ts';
import { reportFile, reportNames } from './report.ts';

export interface ProvisionJob {
  /** Boot partition, then a stick: the last one that holds settings is taken. */
  readonly from: readonly string[];
  /** Of the file system that is written to. */
  readonly root: string;
  readonly nowMs: number | undefined;
  /** Decides and tells only. */
  readonly dry: boolean;
}

const settingsName = 'flowspan.yaml';
const memoryName = 'provisioned.json';
const fileOctetsMax = 256 * 1024;
const filesMax = 64;
/** `factory-reset`, with or without `.txt`, which Windows likes to add. */
const resetName = /^factory[-_ ]?reset(\.txt)?$/i;
/** What a reset empties; the last holds who may sign in by ssh, and the host key. */
const learnedFolders = [settingsFolder, '/var/lib/flowspan', '/data/ssh'] as const;
/** Under this name a reset goes on that was cut short. */
const resettingName = 'factory-reset.running';

export function provision({ from, root, nowMs, dry }: ProvisionJob): ProvisionPlan & { readonly reset: boolean } {
  const reset = !dry && from.some((folder) => factoryReset(folder, root));
  const place = from.findLast((folder) => nameIn(folder, settingsName) !== undefined);
  const settings = join(root, settingsFolder);
  const offered = place === undefined ? undefined : readOffered(place);
  const kept = {
    text: textOf(join(settings, settingsName)),
    files: readFiles(join(settings, filesFolder)),
    memory: readMemory(join(settings, memoryName)),
  };
  const facts = { kept, ports: readPorts(root), serial: readSerial(root), nowMs };
  let plan = provisionPlan({ offered, ...facts });
  if (!dry) {
    try {
      keep(plan, settings);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      // A disk that is full, broken or gone. The box is reached as it was; one that has kept nothing, as is offered.
      const inForce = kept.memory === undefined ? plan : provisionPlan({ offered: undefined, ...facts });
      plan = { ...inForce, state: 'refused', faults: [`the box cannot keep any settings: ${messageOf(error)}`] };
    }
    render(plan, root);
    if (place !== undefined) report(plan, place);
    if (offered !== undefined && plan.state === 'taken' && place !== from[0]) settle(offered, from[0]!);
  }
  return { ...plan, reset };
}

/** Certificates before the settings that name them: a power cut in between leaves settings that work. */
function keep({ certificates, settingsText, memory, sshKeys }: ProvisionPlan, settings: string): void {
  const owner = ownerOf(settings);
  for (const [name, text] of Object.entries(certificates)) replace(join(settings, filesFolder, name), text, 0o640, owner);
  if (settingsText !== undefined) replace(join(settings, settingsName), settingsText, 0o640, owner);
  replace(join(settings, 'authorized_keys'), sshKeys.map((key) => `${key}\n`).join(''), 0o644, owner);
  replace(join(settings, memoryName), `${JSON.stringify(memory)}\n`, 0o640, owner);
}

function render({ rendered, sysctls }: ProvisionPlan, root: string): void {
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
    rmSync(join(place, other), { force: true });
    if (textOf(join(place, name)) !== text) replace(join(place, name), text, 0o644);
  } catch (error) {
    // A stick may be write-protected: the console has said the same.
    if (!['EROFS', 'EACCES', 'EPERM', 'ENOSPC'].includes(systemCode(error) ?? '')) throw error;
  }
}

/** What came by a stick takes the place of what lies on the box's own partition, which would be offered again without the stick. */
function settle(offered: Offered, own: string): void {
  for (const [name, text] of Object.entries(offered.files)) replace(join(own, filesFolder, name), text, 0o644);
  for (const name of names(join(own, filesFolder))) if (offered.files[name] === undefined) rmSync(join(own, filesFolder, name));
  replace(join(own, nameIn(own, settingsName) ?? settingsName), offered.text, 0o644);
}

/** Everything that this box has learned goes. The order makes a cut-off reset go on, and a stick that cannot be written harmless. */
function factoryReset(folder: string, root: string): boolean {
  const asked = names(folder).find((name) => resetName.test(name));
  const running = join(folder, resettingName);
  if (asked !== undefined) {
    try {
      renameSync(join(folder, asked), running);
    } catch (error) {
      throw new ApplianceError(
        'storeUnwritable',
        `${join(folder, asked)}: this cannot be renamed, so nothing is reset, or it would be at every start: ${messageOf(error)}`,
      );
    }
  } else if (textOf(running) === undefined) return false;
  for (const place of learnedFolders) {
    for (const name of names(join(root, place))) rmSync(join(root, place, name), { recursive: true, force: true });
  }
  rmSync(running);
  return true;
}

function readOffered(place: string): Offered {
  const name = nameIn(place, settingsName)!;
  const octets = readFileSync(join(place, name));
  // An editor of Windows may save as UTF-16, which would look like damage.
  if (octets[0] === 0xff && octets[1] === 0xfe)
    return { file: name, text: `${octets.toString('utf16le').slice(1)}`, files: offeredFiles(place) };
  return { file: name, text: octets.toString('utf8').replace(/^\ufeff/, ''), files: offeredFiles(place) };
}

const offeredFiles = (place: string): Record<string, string> => readFiles(join(place, nameIn(place, filesFolder) ?? filesFolder));

function readFiles(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of names(folder).sort().slice(0, filesMax)) {
    const path = join(folder, name);
    const { size } = statSync(path);
    if (size > fileOctetsMax) continue; // no certificate; what names it is told that it is missing
    const text = textOf(path);
    if (text !== undefined) files[name] = text;
  }
  return files;
}

function readMemory(path: string): Memory | undefined {
  try {
    const { digest, ports } = JSON.parse(textOf(path) ?? '') as Partial<Memory>;
    return typeof digest === 'string' ? { digest, ports } : undefined;
  } catch {
    return undefined; // never written, or cut off: the settings on the partition are taken once more
  }
}

/** FAT does not tell upper case from lower. */
const nameIn = (folder: string, wanted: string): string | undefined =>
  names(folder).find((name) => name.toLowerCase() === wanted);

/** Whoever owns the folder of settings: the service reads them as its own user's group. */
function ownerOf(folder: string): { uid: number; gid: number } | undefined {
  mkdirSync(folder, { recursive: true });
  const { uid, gid } = statSync(folder);
  return { uid, gid };
}

function replace(path: string, text: string, mode: number, owner?: { uid: number; gid: number }): void {
  mkdirSync(dirname(path), { recursive: true });
  if (textOf(path) === text && (statSync(path).mode & 0o777) === mode) return;
  const fresh = `${path}.new`;
  const fd = openSync(fresh, 'w', mode);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  chmodSync(fresh, mode);
  if (owner !== undefined && process.getuid?.() === 0) chownSync(fresh, owner.uid, owner.gid);
  renameSync(fresh, path);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not there, a folder, or not readable: it is as if it were not there
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

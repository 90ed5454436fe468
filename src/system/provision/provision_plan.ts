/**
 * What provisioning makes of what lies on the boot partition or a stick, of what the box kept, and of what the box is. Pure: texts in, texts
 * out; `provision.ts` reads and writes.
 *
 * What is offered is checked as a whole first. With one fault nothing of it is taken, and the box goes on with what it kept. What is kept is
 * rendered again at every boot, so another slot, another adapter and another version meet the same settings.
 */
import { createHash } from 'node:crypto';
import { type Document, parseDocument } from 'yaml';
import { defaultSettings, formatFault, parseSettings } from '../../config/load.ts';
import type { Settings } from '../../config/schema.ts';
import { checkAuthorities, checkPair } from './certificate_check.ts';
import { hostNameOf } from './host_name.ts';
import { broughtAlong, filesFolder, namedFiles } from './named_files.ts';
import { addressedInterface, type FileTexts, mirrorSysctls, networkFiles } from './network_files.ts';
import { type PortFacts, type PortPlan, portPlan } from './port_plan.ts';
import type { Memory } from './provision_memory.ts';
import { chronySources, firewallPart, proxyEnvironment, wiredSupplicant, wirelessSupplicant } from './service_files.ts';

/** Where the settings and what they name live in the box. */
export const settingsFolder = '/etc/flowspan';

export interface Offered {
  /** Shown in faults: the file as somebody at a laptop sees it. */
  readonly file: string;
  readonly text: string;
  /** By name, of the folder `certificates`. */
  readonly files: Readonly<Record<string, string>>;
  /** Why it cannot be had, whatever is in it. */
  readonly fault?: string;
}

export interface Kept {
  readonly text: string | undefined;
  readonly memory: Memory | undefined;
}

export interface ProvisionInput {
  readonly offered: Offered | undefined;
  readonly kept: Kept;
  readonly ports: readonly PortFacts[];
  readonly serial: string | undefined;
  /** Undefined while the time is not known. */
  readonly nowMs: number | undefined;
}

export interface ProvisionPlan {
  readonly state: 'taken' | 'unchanged' | 'refused' | 'nothing';
  readonly faults: readonly string[];
  readonly remarks: readonly string[];
  readonly hostName: string;
  readonly ports: PortPlan;
  /** The settings with what the rules add; undefined where what is kept is left as it is. */
  readonly settingsText: string | undefined;
  readonly certificates: Readonly<Record<string, string>>;
  readonly memory: Memory;
  /** Below the root of the file system, made anew at every boot. */
  readonly rendered: FileTexts;
  /** Below /proc/sys. */
  readonly sysctls: FileTexts;
  /** Undefined where what is kept cannot be read: then those that it gave before go on. */
  readonly sshKeys: readonly string[] | undefined;
}

/** Stands behind values that the rule chose, so that it may choose again. */
const byRule = ' chosen by flowspan provision';

export function provisionPlan(input: ProvisionInput): ProvisionPlan {
  const { offered, kept, ports, serial } = input;
  const digest = offered === undefined ? (kept.memory?.digest ?? '') : digestOf(offered);
  const isNew = offered !== undefined && (offered.fault !== undefined || digest !== kept.memory?.digest);
  const checked = isNew ? check(offered, input.nowMs) : { faults: [], remarks: [] };
  const isTaken = isNew && checked.faults.length === 0;

  const remarks = [...checked.remarks];
  const text = isTaken ? offered.text : (kept.text ?? '');
  const parsed = parseSettings(text);
  const isReadable = 'settings' in parsed;
  const settings = isReadable ? parsed.settings : defaultSettings();
  if (isReadable) remarks.push(...parsed.older.map((one) => formatFault(one, isTaken ? offered.file : 'flowspan.yaml')));
  if (!isReadable)
    remarks.push(
      `the settings that the box kept have faults, so the network is as without settings: ${parsed.faults.map((one) => formatFault(one, 'flowspan.yaml')).join('; ')}`,
    );

  const plan = portPlan(ports, settings.device, kept.memory?.ports);
  remarks.push(
    ...plan.why,
    ...plan.missing.map((name) => `there is no port ${name} now; there are: ${ports.map(inWords).join(', ') || 'none'}`),
  );
  const document = parseDocument(text);
  const settingsText = isReadable ? filledIn(document, settings, plan, !isTaken && kept.memory === undefined) : undefined;
  const inForce = isReadable ? settingsInForce(document, settings) : settings;
  const hostName = hostNameOf(settings.device.hostName, serial, ports);
  return {
    state: offered === undefined ? 'nothing' : isTaken ? 'taken' : isNew ? 'refused' : 'unchanged',
    faults: checked.faults,
    remarks,
    hostName,
    ports: plan,
    settingsText: settingsText === kept.text ? undefined : settingsText,
    certificates: isTaken ? usedFiles(offered, settings) : {},
    memory: {
      digest: isTaken ? digest : (kept.memory?.digest ?? ''),
      ports: plan.management === undefined ? kept.memory?.ports : { management: plan.management, mirror: plan.mirror },
    },
    rendered: rendered(plan, inForce, hostName),
    sysctls: mirrorSysctls(plan.mirror),
    sshKeys: isReadable ? settings.device.sshKeys : undefined,
  };
}

function check(offered: Offered, nowMs: number | undefined): { faults: string[]; remarks: string[] } {
  if (offered.fault !== undefined) return { faults: [`${offered.file}: ${offered.fault}`], remarks: [] };
  const parsed = parseSettings(offered.text);
  if (!('settings' in parsed)) return { faults: parsed.faults.map((fault) => formatFault(fault, offered.file)), remarks: [] };
  const findings = [...missingFiles(offered, parsed.settings), ...certificateFindings(offered, parsed.settings, nowMs)];
  return {
    faults: findings.filter(({ kind }) => kind === 'fault').map(({ text }) => `${offered.file}: ${text}`),
    remarks: findings.filter(({ kind }) => kind === 'remark').map(({ text }) => text),
  };
}

type Finding = ReturnType<typeof checkPair>[number];

function missingFiles({ files }: Offered, settings: Settings): Finding[] {
  return namedFiles(settings).flatMap(({ path, value }) => {
    const name = broughtAlong(value);
    if (value.startsWith('/') || (name !== undefined && files[name] !== undefined)) return [];
    const there = Object.keys(files).sort().join(', ') || 'none';
    const what =
      name === undefined
        ? `${value}: not allowed; allowed: ${filesFolder}/NAME of a file beside the settings, or a path that begins with /`
        : `${value} is missing; files in ${filesFolder}: ${there}`;
    return [{ kind: 'fault', text: `${words(path)}: ${what}` }];
  });
}

function certificateFindings({ files }: Offered, settings: Settings, nowMs: number | undefined): Finding[] {
  const brought = (value: unknown): string | undefined => files[broughtAlong(String(value)) ?? ''];
  return namedFiles(settings).flatMap(({ path, value }): Finding[] => {
    const key = path.at(-1);
    const pem = brought(value);
    if (pem === undefined) return [];
    const parent = path.slice(0, -1);
    if (key === 'caFile') return checkAuthorities(words(path), value, pem, nowMs);
    if (key !== 'certificateFile') return [];
    const keyFile = String((at(settings, parent) as { keyFile?: string }).keyFile ?? '');
    const keyPem = brought(keyFile);
    // Named by a whole path: it is in the box by another way.
    if (keyPem === undefined) return checkAuthorities(words(path), value, pem, nowMs);
    return checkPair({ path: words(parent), certificate: { file: value, pem }, key: { file: keyFile, pem: keyPem } }, nowMs);
  });
}

/** Only what the settings name: a folder on a FAT collects what nobody needs. */
function usedFiles({ files }: Offered, settings: Settings): Record<string, string> {
  const names = namedFiles(settings)
    .map(({ value }) => broughtAlong(value))
    .filter((name) => name !== undefined);
  return Object.fromEntries(names.map((name) => [name, files[name]!]));
}

/** The text with what is said nowhere else: where files are in the box, where data lives, which ports were chosen. Comments stay. */
function filledIn(document: Document.Parsed, settings: Settings, { mirror }: PortPlan, isFirst: boolean): string {
  placeFiles(document, settings);
  if (!document.hasIn(['dataFolder'])) document.setIn(['dataFolder'], '/var/lib/flowspan');
  if (!document.hasIn(['status', 'address'])) document.setIn(['status', 'address'], '::');
  if (leavesPortsToUs(document, settings, isFirst)) {
    document.setIn(['meter', 'source'], mirror.length > 0 ? 'interface' : 'none');
    document.setIn(['meter', 'interfaces'], document.createNode([...mirror], { flow: true }));
    (document.getIn(['meter', 'interfaces'], true) as { comment?: string }).comment = byRule;
  }
  return document.toString({ lineWidth: 0 });
}

/** A box is there to meter: only who says otherwise, beside what it was shipped with, has it not. */
function leavesPortsToUs(document: Document.Parsed, { meter, device }: Settings, isFirst: boolean): boolean {
  const chosen = document.getIn(['meter', 'interfaces'], true) as { comment?: string | null } | undefined;
  if (chosen?.comment === byRule) return true;
  if (meter.interfaces.length > 0) return false;
  return !document.hasIn(['meter', 'source']) || (meter.source === 'none' && (isFirst || device.mirrorPorts.length > 0));
}

function placeFiles(document: Document.Parsed, settings: Settings): void {
  for (const { path, value } of namedFiles(settings)) {
    const name = broughtAlong(value);
    if (name !== undefined) document.setIn(path, `${settingsFolder}/${filesFolder}/${name}`);
  }
}

/** With files where they are in the box: what other programs are told. */
function settingsInForce(document: Document.Parsed, settings: Settings): Settings {
  const parsed = parseSettings(document.toString());
  return 'settings' in parsed ? parsed.settings : settings;
}

function rendered(plan: PortPlan, settings: Settings, hostName: string): FileTexts {
  const { device, status } = settings;
  const wired = plan.management === undefined ? undefined : wiredSupplicant(device);
  const wireless = wirelessSupplicant(device);
  const page = status.enabled ? firewallPart(status.port) : {};
  return {
    ...networkFiles(plan, device, hostName),
    ...page,
    ...proxyEnvironment(device),
    'run/flowspan/chrony/sources.conf': chronySources(device),
    ...(wired === undefined ? {} : { 'run/flowspan/wired8021x.conf': wired }),
    ...(wireless === undefined ? {} : { 'run/flowspan/wifi.conf': wireless }),
    'run/flowspan/ports.env': [
      '# Written by flowspan provision at every boot.',
      `MANAGEMENT=${plan.management ?? ''}`,
      `ADDRESSED=${addressedInterface(plan, device) ?? ''}`,
      `MIRROR="${plan.mirror.join(' ')}"`,
      '',
    ].join('\n'),
    'run/flowspan/hostname': `${hostName}\n`,
  };
}

export function digestOf({ text, files }: Pick<Offered, 'text' | 'files'>): string {
  const hash = createHash('sha256').update(JSON.stringify([text, Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))]));
  return hash.digest('hex');
}

const at = (value: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], value);
const words = (path: readonly (string | number)[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`), '');
const inWords = ({ name, mac, driver }: PortFacts): string =>
  `${name} (${[driver, mac].filter((part) => part !== '').join(', ')})`;

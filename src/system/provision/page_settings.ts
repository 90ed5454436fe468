/**
 * Settings that come from the page, on the side that may write them: root, by `flowspan provision --page`. The service asks in one file; what
 * it asks for is checked as what comes by a stick is, and besides that it may change what the page's form is about, and nothing else.
 *
 * What changes how the box is reached is on trial first: the former settings lie in `former/`, and come back when nobody reaches the page in
 * time, or at the next start (`once`: but for the one start that it takes). What is kept is laid on the boot partition too, so that it
 * meets no older file there and outlives the data partition. An edge; `provision_plan.ts` decides.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changesBetween, isOfProvisioning } from '../../config/changes.ts';
import { defaultSettings, parseSettings } from '../../config/load.ts';
import type { Settings } from '../../config/schema.ts';
import { isOfForm } from '../../config/set_up_form.ts';
import { messageOf, systemCode } from '../../core/errors.ts';
import { type SetUpOutcome, setUpOctetsMax } from '../../flow/set_up_shapes.ts';
import { dataPartitionFile } from '../host_health.ts';
import { readPorts, readSerial } from './box_ports.ts';
import { filesFolder } from './named_files.ts';
import {
  beforePageName,
  formerName,
  keep,
  layOn,
  memoryName,
  type ProvisionJob,
  pageMark,
  readMemory,
  readOffered,
  render,
  settingsName,
} from './provision.ts';
import type { Memory } from './provision_memory.ts';
import { digestOf, type Offered, type ProvisionPlan, provisionPlan, settingsFolder } from './provision_plan.ts';
import { moveTo, names, readFiles, remove, replace, textOf } from './whole_files.ts';

/** `asked`: by the service; `late`: nobody reached the page; `start`: of the box, with settings on trial. */
export type PageStep = 'asked' | 'late' | 'start';

export interface PageJob extends Pick<ProvisionJob, 'root' | 'nowMs'> {
  /** The boot partition. */
  readonly own: string;
  readonly step: PageStep;
  /** What the service wrote, with `asked`. */
  readonly request: string;
  /** Why the box may not be restarted now, in words; empty when it may. */
  readonly held?: string;
}

export interface PageRequest {
  readonly id: string;
  readonly do: 'try' | 'keep' | 'undo';
  readonly who: string;
  readonly text: string;
  readonly files: Readonly<Record<string, string>>;
}

/** What was done, and what follows from it for the box. */
export interface PageDone {
  readonly id: string;
  readonly who: string;
  readonly outcome: SetUpOutcome | 'onTrial' | 'nothing';
  readonly reasons: readonly string[];
  /** Of the network; `ports`: what each is for, which takes a start of the box. */
  readonly changed: readonly ('network' | 'ports' | 'time' | 'service')[];
}

/** In `former/`: the start that is to come belongs to the trial. */
const onceName = 'once';
const trialName = 'trial.json';

export function pageSettings(job: PageJob): PageDone {
  if (job.step === 'late') return undo(job, { id: '', who: '' }, 'nobody reached the page in time');
  if (job.step === 'start') return atStart(job);
  const request = parseRequest(job.request);
  if (typeof request === 'string') return { ...none, outcome: 'failed', reasons: [request] };
  if (request.do === 'keep') return keepTrial(job, request);
  if (request.do === 'undo') return undo(job, request, `${request.who} went back to the former settings`);
  return tryOut(job, request);
}

const none = { id: '', who: '', outcome: 'nothing', reasons: [], changed: [] } as const satisfies PageDone;

function parseRequest(text: string): PageRequest | string {
  const isText = (value: unknown, max: number): value is string => typeof value === 'string' && value.length <= max;
  const bad = 'what the service asks for has not the form of a request';
  try {
    const { id, do: what, who, text: settings = '', files = {} } = JSON.parse(text) as Record<string, unknown>;
    if (!isText(id, 32) || !/^[0-9a-f]+$/.test(id) || !isText(who, 64) || !isText(settings, 4 * setUpOctetsMax)) return bad;
    if (what !== 'try' && what !== 'keep' && what !== 'undo') return bad;
    if (typeof files !== 'object' || files === null) return bad;
    const good = ([name, pem]: [string, unknown]): boolean =>
      /^[a-z][a-z-]{0,40}\.pem$/.test(name) && isText(pem, setUpOctetsMax);
    if (!Object.entries(files).every(good)) return bad;
    return { id, do: what, who, text: settings, files: files as Record<string, string> };
  } catch {
    return bad; // no JSON
  }
}

function tryOut(job: PageJob, { id, who, text, files }: PageRequest): PageDone {
  const told = { id, who };
  const settings = join(job.root, settingsFolder);
  if (names(settings).includes(formerName))
    return { ...none, ...told, outcome: 'failed', reasons: ['other settings are on trial: keep them or go back first'] };
  const kept = { text: textOf(join(settings, settingsName)), memory: readMemory(join(settings, memoryName)) };
  const offered: Offered = {
    file: settingsName,
    text: withRelativeFiles(marked(text)),
    files: { ...readFiles(join(settings, filesFolder)), ...files },
  };
  const beyond = beyondTheForm(kept.text ?? '', text);
  if (beyond.length > 0)
    return { ...none, ...told, outcome: 'refused', reasons: [`not to be changed on the page: ${beyond.join(', ')}`] };
  // As new whatever it is: that the same was asked for before says nothing about what was kept since.
  const memory = kept.memory && { ...kept.memory, digest: '' };
  const facts = { ports: readPorts(job.root), serial: readSerial(job.root), nowMs: job.nowMs };
  const plan = provisionPlan({ ...facts, offered, kept: { ...kept, memory } });
  if (plan.state !== 'taken') return { ...none, ...told, outcome: 'refused', reasons: plan.faults };
  const changed = changedBy(plan, kept.text ?? '', job.root);
  const held = changed.includes('ports') ? keepsFromRestarting(job) : '';
  if (held !== '') return { ...none, ...told, outcome: 'failed', reasons: [`other ports take a start of the box, and ${held}`] };
  const isTrial = changed.includes('network') || changed.includes('ports');
  try {
    setAside(settings, who, changed.includes('ports'));
    // What lies on the boot partition is not this yet, and must not be taken for new.
    keep({ ...plan, memory: { ...plan.memory, digest: kept.memory?.digest ?? '' } }, settings);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    restore(settings);
    return { ...none, ...told, outcome: 'failed', reasons: [`the box cannot keep any settings: ${messageOf(error)}`] };
  }
  // Else the start that follows makes the network of them: of ports that change their part much is left that no file says.
  if (!changed.includes('ports')) render(plan, job.root);
  if (isTrial) return { ...told, outcome: 'onTrial', reasons: plan.remarks, changed };
  return { ...keepTrial(job, told), changed };
}

function keepsFromRestarting({ held = '', root }: PageJob): string {
  if (held !== '') return held;
  const isInMemory = textOf(join(root, dataPartitionFile))?.trim() === 'in memory';
  return isInMemory
    ? 'the data partition takes nothing, so what is set would be gone by then: bring these settings on a stick'
    : '';
}

/** Paths of settings that differ though the form is not about them. */
function beyondTheForm(before: string, after: string): string[] {
  const settings = (text: string): Settings | undefined => {
    const parsed = parseSettings(text);
    return 'settings' in parsed ? parsed.settings : undefined;
  };
  const wanted = settings(after);
  // What has faults is refused for them.
  if (wanted === undefined) return [];
  const had = settings(before);
  const differing = changesBetween(had ?? defaultSettings(), wanted).map(({ path }) => path);
  return differing.filter((path) => !isOfForm(path));
}

const marked = (text: string): string => (text.startsWith(pageMark) ? text : `${pageMark}\n${text}`);

/** As it lies on a boot partition: files that were brought along are beside it. */
const withRelativeFiles = (text: string): string =>
  text.replaceAll(new RegExp(`${settingsFolder}/${filesFolder}/(?=[A-Za-z0-9][A-Za-z0-9._-]{0,63})`, 'g'), `${filesFolder}/`);

function changedBy(plan: ProvisionPlan, before: string, root: string): PageDone['changed'] {
  const differs = (path: string): boolean => textOf(join(root, path)) !== plan.rendered[path];
  const there = names(join(root, 'run/systemd/network')).map((name) => `run/systemd/network/${name}`);
  const stale = there.filter((path) => textOf(join(root, path))?.startsWith('# Written by flowspan provision') === true);
  const isNetwork = (path: string): boolean => path.startsWith('run/systemd/network/') || path === 'run/flowspan/hostname';
  const network = [...Object.keys(plan.rendered).filter(isNetwork), ...stale].some(differs);
  const [had, wanted] = [before, plan.settingsText ?? before].map((text) => parseSettings(text));
  const service =
    had === undefined || wanted === undefined || !('settings' in had && 'settings' in wanted)
      ? true
      : changesBetween(had.settings, wanted.settings).some(({ path, restart }) => restart && !isOfProvisioning(path));
  const parts: Readonly<Record<PageDone['changed'][number], boolean>> = {
    network,
    ports: differs('run/flowspan/ports.env'),
    time: differs('run/flowspan/chrony/sources.conf'),
    // The page answers to the name that the box had when it began.
    service: service || differs('run/flowspan/hostname'),
  };
  return (Object.keys(parts) as (keyof typeof parts)[]).filter((part) => parts[part]);
}

function setAside(settings: string, who: string, startsOnce: boolean): void {
  const fresh = join(settings, `${formerName}.new`);
  remove(fresh);
  mkdirSync(join(fresh, filesFolder), { recursive: true, mode: 0o750 });
  for (const name of [settingsName, memoryName]) {
    const text = textOf(join(settings, name));
    if (text !== undefined) replace(join(fresh, name), text, 0o600);
  }
  for (const [name, text] of Object.entries(readFiles(join(settings, filesFolder))))
    replace(join(fresh, filesFolder, name), text, 0o600);
  replace(join(fresh, trialName), JSON.stringify({ who }), 0o600);
  if (startsOnce) replace(join(fresh, onceName), '', 0o600);
  moveTo(fresh, join(settings, formerName));
}

/** Puts back what was set aside; nothing where nothing is. */
function restore(settings: string): boolean {
  const former = join(settings, formerName);
  remove(`${former}.new`);
  if (!names(settings).includes(formerName)) return false;
  const { certificates, settingsText, memory } = {
    certificates: readFiles(join(former, filesFolder)),
    settingsText: textOf(join(former, settingsName)),
    memory: readMemory(join(former, memoryName)),
  };
  keep({ certificates, settingsText, memory: memory ?? { digest: '', ports: undefined }, sshKeys: undefined }, settings);
  if (settingsText === undefined) remove(join(settings, settingsName));
  if (memory === undefined) remove(join(settings, memoryName));
  remove(former);
  return true;
}

const whoOf = (settings: string): string => {
  try {
    return String((JSON.parse(readFileSync(join(settings, formerName, trialName), 'utf8')) as { who?: unknown }).who ?? '');
  } catch {
    return ''; // cut off: it is known that there is a trial, and not whose
  }
};

function undo(job: PageJob, told: { id: string; who: string }, reason: string): PageDone {
  const settings = join(job.root, settingsFolder);
  const tried = textOf(join(settings, settingsName)) ?? '';
  if (!restore(settings)) return { ...none, ...told, outcome: 'nothing', reasons: ['no settings are on trial'] };
  const kept = { text: textOf(join(settings, settingsName)), memory: readMemory(join(settings, memoryName)) };
  const plan = provisionPlan({
    ...{ offered: undefined, kept, ports: readPorts(job.root), serial: readSerial(job.root), nowMs: job.nowMs },
  });
  const changed = changedBy(plan, tried, job.root);
  if (!changed.includes('ports')) render(plan, job.root);
  return { ...told, outcome: 'undone', reasons: [reason], changed };
}

/** Nothing is rendered: provisioning follows, as at every start. */
function atStart({ root }: PageJob): PageDone {
  const settings = join(root, settingsFolder);
  const who = whoOf(settings);
  if (names(join(settings, formerName)).includes(onceName)) {
    remove(join(settings, formerName, onceName));
    return { ...none, who, outcome: 'onTrial', reasons: [] };
  }
  if (!restore(settings)) return none;
  return { ...none, who, outcome: 'undone', reasons: ['the box was started anew before anybody had reached the page'] };
}

function keepTrial({ own, root }: PageJob, told: { id: string; who: string }): PageDone {
  const settings = join(root, settingsFolder);
  if (!names(settings).includes(formerName))
    return { ...none, ...told, outcome: 'nothing', reasons: ['no settings are on trial'] };
  const reasons: string[] = [];
  const memory: Memory = readMemory(join(settings, memoryName)) ?? { digest: '', ports: undefined };
  let digest = memory.digest;
  try {
    digest = layOnBootPartition(own, settings);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    reasons.push(`they are kept, but could not be laid on the boot partition too: ${messageOf(error)}`);
    // Half of it may be there: it is no news.
    digest = names(own).some((name) => name.toLowerCase() === settingsName) ? digestOf(readOffered(own)) : digest;
  }
  keep({ certificates: {}, settingsText: undefined, memory: { ...memory, digest }, sshKeys: undefined }, settings);
  remove(join(settings, formerName));
  return { ...none, ...told, outcome: 'kept', reasons };
}

/** The digest of what lies there then. What the operator had laid there comes back with a factory reset. */
function layOnBootPartition(own: string, settings: string): string {
  const there = names(own).find((name) => name.toLowerCase() === settingsName);
  const text = withRelativeFiles(textOf(join(settings, settingsName)) ?? '');
  if (there !== undefined && textOf(join(own, there))?.startsWith(pageMark) !== true)
    // Octet by octet: it may be an editor's UTF-16.
    writeFileSync(join(own, beforePageName), readFileSync(join(own, there)), { flush: true });
  layOn(own, { text, files: readFiles(join(settings, filesFolder)) });
  return digestOf(readOffered(own));
}

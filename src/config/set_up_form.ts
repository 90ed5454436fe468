/**
 * The set-up form (`flow/set_up_shapes.ts`) against a settings file: what of the file it shows, and the file with what was changed in the
 * form, all else and the comments as they were. What is allowed the one schema says; its faults come back at the field. Pure.
 *
 * Of several collectors, and of several brokers, the form is about the first one that it can show.
 */
import { Document, isCollection, parseDocument } from 'yaml';
import { z } from 'zod';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { type SetUpCheck, type SetUpFault, type SetUpField, type SetUpForm, setUpOctetsMax } from '../flow/set_up_shapes.ts';
import { changesBetween } from './changes.ts';
import { defaultSettings, parseSettings, type SettingFault } from './load.ts';
import { redact, withoutAddresses } from './redact.ts';
import type { Settings } from './schema.ts';

type Path = readonly (string | number)[];

/** Settings of the device that have the same name in the form and the same value. */
const deviceKeys = [
  'managementPort',
  'mirrorPorts',
  'ipv4',
  'ipv6',
  'addresses',
  'gateways',
  'dnsServers',
  'vlan',
  'timeServers',
] as const;

/** What the form may change, with all below it: whoever applies it lets nothing else through. */
export const formPaths: readonly string[] = [
  ...['site', 'meter.source', 'meter.interfaces', 'export.destinations', 'mqtt.brokers', 'updates.folder.url'],
  ...['hostName', ...deviceKeys].map((key) => `device.${key}`),
];

/** Names of files below `certificates/` that come with the form. */
const authorityFiles = { collector: 'collector-ca.pem', broker: 'broker-ca.pem' } as const;

const isShown = ({ transport }: Settings['export']['destinations'][number]): boolean => transport !== 'file';
const collectorAt = ({ export: { destinations } }: Settings): number => {
  const index = destinations.findIndex(isShown);
  return index < 0 ? destinations.length : index;
};

/** @param isBox of the image; else interfaces are metered, and there is no network to set up */
export function formOf(settings: Settings, isBox: boolean): SetUpForm {
  const { device } = settings;
  const destination = settings.export.destinations.find(isShown);
  const broker = settings.mqtt.brokers[0];
  const { hostName, managementPort, ipv4, ipv6, addresses, gateways, dnsServers, vlan, timeServers } = device;
  return {
    ...{ site: settings.site, hostName, managementPort, ipv4, ipv6, addresses, gateways, dnsServers, vlan, timeServers },
    mirrorPorts: isBox ? device.mirrorPorts : settings.meter.interfaces,
    collector: {
      host: destination?.host ?? '',
      port: destination?.port ?? 4739,
      transport: (destination?.transport ?? 'tcp') as SetUpForm['collector']['transport'],
      ca: '',
    },
    broker: {
      host: broker?.host ?? '',
      port: broker?.port ?? 1883,
      tls: broker?.tls ?? false,
      username: broker?.username ?? '',
      ...{ password: '', ca: '' },
    },
    // What follows the origin may be the key to it, so it is not shown; left as it is, it stays.
    updateFolder: withoutAddresses(settings.updates.folder.url),
  };
}

const line = z.string().max(1_000);
const lines = z.array(line).max(16);
const authority = z.string().max(setUpOctetsMax);
/** Types only: what is allowed the settings' schema says. */
const formShape = z.strictObject({
  ...{ site: line, hostName: line, managementPort: line, mirrorPorts: lines },
  ...{ ipv4: z.enum(['dhcp', 'static', 'off']), ipv6: z.enum(['auto', 'static', 'off']) },
  ...{ addresses: lines, gateways: lines, dnsServers: lines, vlan: z.number() },
  timeServers: z.array(z.strictObject({ host: line, nts: z.boolean() })).max(16),
  collector: z.strictObject({ host: line, port: z.number(), transport: z.enum(['udp', 'tcp', 'tls']), ca: authority }),
  broker: z.strictObject({ host: line, port: z.number(), tls: z.boolean(), username: line, password: line, ca: authority }),
  updateFolder: line,
});

/** A form that somebody sent; why it is none, in words. */
export function asForm(value: unknown): SetUpForm | string {
  const result = formShape.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  return `form${path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('')}: ${message}`;
}

export const hasBrokerPassword = ({ mqtt }: Settings): boolean =>
  (mqtt.brokers[0]?.password ?? '') !== '' || (mqtt.brokers[0]?.passwordFile ?? '') !== '';

/** Nobody has said yet where the box stands and where its records go. */
export const isUnset = ({ site, export: { destinations }, mqtt }: Settings): boolean =>
  site === defaultSettings().site && destinations.length === 0 && mqtt.brokers.length === 0;

export interface FilledIn {
  readonly text: string;
  /** By name, below `certificates/`. */
  readonly files: Readonly<Record<string, string>>;
}

/** @throws ApplianceError `settingsInvalid` where the file is written in a way that keeps it from being changed in place */
export function withForm(fileText: string, form: SetUpForm, isBox: boolean): FilledIn {
  const settings = settingsOf(fileText);
  const edit = new Edit(settings === undefined ? '' : fileText);
  const before = formOf(settings ?? defaultSettings(), isBox);
  const files: Record<string, string> = {};
  try {
    edit.put(['site'], before.site, form.site);
    if (isBox) {
      edit.put(['device', 'hostName'], before.hostName, form.hostName);
      for (const key of deviceKeys) edit.put(['device', key], before[key], form[key]);
      // What the operator named there would go on being metered: by the rule again, which goes by device.mirrorPorts.
      if (!same(before.mirrorPorts, form.mirrorPorts)) for (const key of ['source', 'interfaces']) edit.remove(['meter', key]);
    } else if (!same(before.mirrorPorts, form.mirrorPorts)) {
      edit.put(['meter', 'interfaces'], before.mirrorPorts, form.mirrorPorts);
      edit.put(['meter', 'source'], undefined, form.mirrorPorts.length > 0 ? 'interface' : 'none');
    }
    putCollector(edit, settings ?? defaultSettings(), before.collector, form.collector, files);
    putBroker(edit, settings ?? defaultSettings(), before.broker, form.broker, files);
    edit.put(['updates', 'folder', 'url'], before.updateFolder, form.updateFolder);
  } catch (error) {
    throw new ApplianceError('settingsInvalid', `the settings file cannot be changed in place: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return { text: edit.text, files };
}

function putCollector(
  edit: Edit,
  settings: Settings,
  before: SetUpForm['collector'],
  { host, port, transport, ca }: SetUpForm['collector'],
  files: Record<string, string>,
): void {
  const index = collectorAt(settings);
  const path = ['export', 'destinations', index];
  if (host === '') {
    if (before.host !== '') edit.remove(path);
    return;
  }
  if (before.host === '') {
    const taken = new Set(settings.export.destinations.map(({ name }) => name));
    edit.add(['export', 'destinations'], { name: freeName(taken), host, port, transport });
  } else {
    edit.put([...path, 'host'], before.host, host);
    edit.put([...path, 'port'], before.port, port);
    edit.put([...path, 'transport'], before.transport, transport);
  }
  if (ca !== '' && transport === 'tls') putAuthority(edit, path, 'collector', ca, files);
}

function putBroker(
  edit: Edit,
  settings: Settings,
  before: SetUpForm['broker'],
  { host, port, tls, username, password, ca }: SetUpForm['broker'],
  files: Record<string, string>,
): void {
  const path = ['mqtt', 'brokers', 0];
  if (host === '') {
    if (before.host !== '') edit.remove(path);
    return;
  }
  if (before.host === '') {
    const taken = new Set(settings.mqtt.brokers.map(({ name }) => name));
    edit.add(['mqtt', 'brokers'], { name: freeName(taken), host, port, ...(tls ? { tls } : {}) });
  } else {
    edit.put([...path, 'host'], before.host, host);
    edit.put([...path, 'port'], before.port, port);
    edit.put([...path, 'tls'], before.tls, tls);
    // A password is for whom it was given, and for nobody that somebody names later.
    if (before.host !== host) for (const key of ['password', 'passwordFile']) edit.remove([...path, key]);
  }
  edit.put([...path, 'username'], before.username, username);
  if (password !== '') {
    edit.remove([...path, 'passwordFile']);
    edit.put([...path, 'password'], undefined, password);
  }
  if (ca !== '' && tls) putAuthority(edit, path, 'broker', ca, files);
}

function putAuthority(
  edit: Edit,
  path: Path,
  whose: keyof typeof authorityFiles,
  pem: string,
  files: Record<string, string>,
): void {
  const name = authorityFiles[whose];
  files[name] = pem;
  edit.put([...path, 'caFile'], undefined, `certificates/${name}`);
}

function freeName(taken: ReadonlySet<string>): string {
  let name = 'central';
  for (let number = 2; taken.has(name); number++) name = `central-${number}`;
  return name;
}

/** A settings file that is changed value by value, its comments kept. */
class Edit {
  readonly #document: Document.Parsed;
  readonly #before: string;
  #isChanged = false;

  constructor(text: string) {
    this.#before = text;
    this.#document = parseDocument(text);
  }

  /** As it was, to the octet, where nothing was changed. */
  get text(): string {
    return this.#isChanged ? this.#document.toString({ lineWidth: 0 }) : this.#before;
  }

  /** What is empty is left out; what is as it was is left alone. */
  put(path: Path, before: unknown, value: unknown): void {
    if (same(before, value)) return;
    if (value === '' || (Array.isArray(value) && value.length === 0)) {
      this.remove(path);
      return;
    }
    this.#document.setIn(path, typeof value === 'object' ? this.#document.createNode(value, { flow: true }) : value);
    this.#isChanged = true;
  }

  remove(path: Path): void {
    if (!this.#document.hasIn(path)) return;
    this.#document.deleteIn(path);
    this.#isChanged = true;
  }

  /** A map behind what a list has. */
  add(list: Path, value: object): void {
    if (isCollection(this.#document.getIn(list))) this.#document.addIn(list, this.#document.createNode(value));
    else this.#document.setIn(list, this.#document.createNode([value]));
    this.#isChanged = true;
  }
}

/** What the text would be as settings, against those of the file: faults at their fields, changes, and a preview without secrets. */
export function checkForm(fileText: string, form: SetUpForm, isBox: boolean): SetUpCheck & FilledIn {
  const filled = withForm(fileText, form, isBox);
  const parsed = parseSettings(filled.text);
  const preview = previewOf(filled.text);
  if (!('settings' in parsed)) {
    const before = settingsOf(fileText) ?? defaultSettings();
    return { ...filled, faults: parsed.faults.map((fault) => faultOf(fault, before)), changes: [], preview };
  }
  const changes = changesBetween(settingsOf(fileText) ?? defaultSettings(), parsed.settings).map(({ path, before, after }) => ({
    ...{ path, before, after },
  }));
  return { ...filled, faults: [], changes, preview };
}

/** Whether the form is about a setting. */
export const isOfForm = (path: string): boolean => formPaths.some((one) => path === one || path.startsWith(`${one}.`));

function faultOf({ path, value, message }: SettingFault, before: Settings): SetUpFault {
  const words = [value, message].filter((part) => part !== undefined).join(': ');
  const inCollector = `export.destinations[${collectorAt(before)}].`;
  const [field, inner]: [string, string] = path.startsWith(inCollector)
    ? [`collector.${path.slice(inCollector.length)}`, '']
    : path.startsWith('mqtt.brokers[0].')
      ? [`broker.${path.slice('mqtt.brokers[0].'.length)}`, '']
      : path === 'updates.folder.url'
        ? ['updateFolder', '']
        : path.startsWith('meter.interfaces')
          ? ['mirrorPorts', path.slice('meter.interfaces'.length)]
          : deviceField(path);
  const known = field.replace(/\.caFile$/, '.ca').replace(/\.passwordFile$/, '.password');
  const index = /^\[(\d+)\]/.exec(inner)?.[1];
  if (isField(known)) return { field: known, index: index === undefined ? -1 : Number(index), message: words };
  return { field: '', index: -1, message: `${path}: ${words}` };
}

function deviceField(path: string): [string, string] {
  const [, field = '', inner = ''] = /^(?:device\.)?(\w+)(.*)$/.exec(path) ?? [];
  return [path === 'site' || path.startsWith('device.') ? field : '', inner];
}

function isField(name: string): name is SetUpField {
  const [part = '', inner] = name.split('.');
  const value = formOf(defaultSettings(), true)[part as keyof SetUpForm] as unknown;
  if (value === undefined) return false;
  return inner === undefined || (typeof value === 'object' && value !== null && inner in value);
}

/** Only of what the form is about: comments may tell what nobody is shown, and the rest stays as it is. */
function previewOf(text: string): string {
  const whole = redact(parseDocument(text).toJS() as Record<string, unknown> | null) ?? {};
  const { site, device, meter, export: exporting, mqtt, updates } = whole as Record<string, unknown>;
  const parts = { site, device, meter, export: exporting, mqtt, updates };
  const shown = Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
  return Object.keys(shown).length === 0 ? '' : new Document(shown).toString({ lineWidth: 0 });
}

function settingsOf(text: string): Settings | undefined {
  const parsed = parseSettings(text);
  return 'settings' in parsed ? parsed.settings : undefined;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

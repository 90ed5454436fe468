/** What doctor says of the box as a whole: data plane, wear, certificates of uplinks, update slots, who may read the settings. Pure. */
import type { DataPlaneHealth } from '../flow/health_shapes.ts';
import { type DoctorCheck, fail, ok, warn } from './doctor_check.ts';
import { type CertificatePair, checkAuthorities, checkPair } from './provision/certificate_check.ts';

export interface NamedCertificate {
  /** `export.destinations[0].caFile`. */
  readonly path: string;
  readonly file: string;
  /** Undefined when it cannot be read. */
  readonly pem: string | undefined;
  /** Of a certificate of ours. */
  readonly key?: { readonly file: string; readonly pem: string | undefined };
}

/** A slot as `rauc status --output-format=json` tells it. */
export interface UpdateSlot {
  readonly name: string;
  readonly state: string;
  readonly bootStatus: string;
  readonly bundleVersion: string;
}

export interface BoxFacts {
  /** Null while the service does not run. */
  readonly dataPlane: DataPlaneHealth | null;
  readonly written: { readonly lastDayOctets: number; readonly by: 'disk' | 'program'; readonly maxOctets: number } | null;
  readonly certificates: readonly NamedCertificate[];
  /** Null where RAUC is not there; a text where it does not answer. */
  readonly slots: readonly UpdateSlot[] | string | null;
  /** Undefined without a settings file. */
  readonly settingsFile: { readonly path: string; readonly othersMayRead: boolean; readonly holdsSecrets: boolean } | undefined;
}

/** @param nowMs undefined while the time is not known */
export function boxChecks(facts: BoxFacts, nowMs: number | undefined): DoctorCheck[] {
  return [
    ...healthChecks(facts.dataPlane),
    ...wearChecks(facts.written),
    ...facts.certificates.map((one) => certificateCheck(one, nowMs)),
    ...slotChecks(facts.slots),
    ...settingsChecks(facts.settingsFile),
  ];
}

function healthChecks(health: DataPlaneHealth | null): DoctorCheck[] {
  if (health === null) return [];
  const sick = health.parts.filter(({ healthy }) => !healthy);
  if (sick.length === 0) return [ok('data plane', `${health.parts.length} parts work`)];
  const todo = 'look at the log; a part that stands still is started again with the service by its watchdog';
  return sick.map(({ part, found }) => fail(`data plane ${part}`, found, todo));
}

function wearChecks(written: BoxFacts['written']): DoctorCheck[] {
  if (written === null) return [];
  const { lastDayOctets, by, maxOctets } = written;
  const found = `${mebibytes(lastDayOctets)} written in the last 24 h (${by === 'disk' ? 'the disk’s own count' : 'by this program'})`;
  if (lastDayOctets <= maxOctets) return [ok('wear', found)];
  return [
    warn(
      'wear',
      `${found}; alerts.writtenBytesPerDayMax is ${mebibytes(maxOctets)}`,
      'see whether a collector or broker is away for long: what waits for it is kept on the card',
    ),
  ];
}

function certificateCheck({ path, file, pem, key }: NamedCertificate, nowMs: number | undefined): DoctorCheck {
  const check = `certificate ${path}`;
  if (pem === undefined)
    return fail(check, `${file} cannot be read`, 'check its place, and whether the service’s user may read it');
  if (key !== undefined && key.pem === undefined)
    return fail(check, `${key.file} cannot be read`, 'check its place, and whether the service’s user may read it');
  const pair: CertificatePair | undefined =
    key === undefined ? undefined : { path, certificate: { file, pem }, key: { file: key.file, pem: key.pem! } };
  const findings = pair === undefined ? checkAuthorities(path, file, pem, nowMs) : checkPair(pair, nowMs);
  const bare = (text: string): string => text.slice(path.length + 2);
  const fault = findings.find(({ kind }) => kind === 'fault');
  if (fault !== undefined)
    return fail(check, bare(fault.text), 'replace it; the next connection takes it up after a restart of the service');
  const told = findings.map(({ text }) => bare(text));
  const pressing = told.find((text) => /renew it soon|is the clock right/.test(text));
  return pressing === undefined ? ok(check, told.join('; ')) : warn(check, pressing, 'renew it, or set the clock');
}

function slotChecks(slots: BoxFacts['slots']): DoctorCheck[] {
  if (slots === null) return [];
  if (typeof slots === 'string') return [warn('updates', `RAUC does not answer: ${slots}`, 'systemctl status rauc')];
  const booted = slots.find(({ state }) => state === 'booted');
  if (booted === undefined) return [warn('updates', 'no slot is the one that was started', 'rauc status --detailed')];
  const inWords = ({ name, bundleVersion, bootStatus }: UpdateSlot): string =>
    `${name}${bundleVersion === '' ? '' : ` (${bundleVersion})`} ${bootStatus || 'not judged'}`;
  const found = `running from ${inWords(booted)}; beside it ${
    slots
      .filter((slot) => slot !== booted && slot.bootStatus !== '')
      .map(inWords)
      .join(', ') || 'none'
  }`;
  if (booted.bootStatus === 'good') return [ok('updates', found)];
  return [warn('updates', `${found}: this version is on trial, or was found bad`, 'flowspan health says what it is judged by')];
}

function settingsChecks(file: BoxFacts['settingsFile']): DoctorCheck[] {
  if (file === undefined) return [];
  const { path, othersMayRead, holdsSecrets } = file;
  if (!othersMayRead || !holdsSecrets)
    return [ok('settings', `${path}${othersMayRead ? ', without secrets' : ', for the service and root alone'}`)];
  return [warn('settings', `${path} holds secrets, and everybody on this box may read it`, `chmod o-r ${path}, or passwordFile`)];
}

/** What `rauc status --detailed --output-format=json` says, as slots of root file systems. @throws SyntaxError */
export function parseSlots(json: string): UpdateSlot[] {
  const { slots = [] } = JSON.parse(json) as {
    slots?: Record<string, { state?: string; boot_status?: string | null; slot_status?: { bundle?: { version?: string } } }>[];
  };
  return slots.flatMap((one) =>
    Object.entries(one).map(([name, { state = '', boot_status, slot_status }]) => ({
      name,
      state,
      bootStatus: boot_status ?? '',
      bundleVersion: slot_status?.bundle?.version ?? '',
    })),
  );
}

const mebibytes = (octets: number): string => `${(octets / 1_048_576).toFixed(0)} MiB`;

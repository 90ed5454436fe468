/** What `box_checks.ts` judges, gathered: files that the settings name, RAUC, the settings file itself. An edge; changes nothing. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import type { Settings } from '../config/schema.ts';
import { secretKeys } from '../config/schema_at.ts';
import { type BoxStatus, wornOctetsPerDay } from '../flow/status_shapes.ts';
import { type BoxFacts, type NamedCertificate, parseSlots } from '../system/box_checks.ts';
import { namedFiles } from '../system/provision/named_files.ts';
import { secretValues } from '../system/support/scrub.ts';

const answerMs = 5_000;

export async function gatherBoxFacts(
  settings: Settings,
  status: Partial<BoxStatus> | undefined,
  configPath = '',
): Promise<BoxFacts> {
  const { host, dataPlane } = status ?? {};
  const maxOctets = settings.alerts.writtenBytesPerDayMax;
  return {
    dataPlane: dataPlane ?? null,
    written: host === undefined ? null : { lastDayOctets: wornOctetsPerDay(host), by: host.wearBy, maxOctets },
    certificates: certificatesOf(settings),
    slots: await updateSlots(),
    settingsFile: configPath === '' ? undefined : settingsFile(configPath, settings),
  };
}

/** Of uplinks; the page's is looked at on its own. */
function certificatesOf({ export: exporting, mqtt }: Settings): NamedCertificate[] {
  return namedFiles({ export: exporting, mqtt }).flatMap(({ path, value }): NamedCertificate[] => {
    const kind = path.at(-1);
    const words = path.reduce<string>(
      (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
      '',
    );
    if (kind === 'caFile') return [{ path: words, file: value, pem: textOf(value) }];
    if (kind !== 'certificateFile') return [];
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], { export: exporting, mqtt });
    const { keyFile } = parent as { keyFile: string };
    return [{ path: words, file: value, pem: textOf(value), key: { file: keyFile, pem: textOf(keyFile) } }];
  });
}

function updateSlots(): Promise<BoxFacts['slots']> {
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile('rauc', ['status', '--detailed', '--output-format=json'], { timeout: answerMs, env }, (error, stdout, stderr) => {
      if (error !== null && (error as NodeJS.ErrnoException).code === 'ENOENT') resolve(null);
      else if (error !== null) resolve(stderr.trim().split('\n').at(-1) ?? '');
      else {
        try {
          resolve(parseSlots(stdout));
        } catch {
          resolve('it says something that is no JSON'); // another version of it
        }
      }
    });
  });
}

function settingsFile(path: string, settings: Settings): BoxFacts['settingsFile'] {
  const keys = new Set(secretKeys());
  try {
    const othersMayRead = (statSync(path).mode & 0o004) !== 0;
    return { path, othersMayRead, holdsSecrets: secretValues(settings, (key) => keys.has(key)).length > 0 };
  } catch {
    return undefined; // it was read a moment ago; without it there is nothing to say
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // the check says so
  }
}

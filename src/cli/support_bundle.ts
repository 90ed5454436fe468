/** `flowspan support-bundle`: what whoever helps from afar needs, in one file, without secrets. Of a running box and of a stopped one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { redact } from '../config/redact.ts';
import type { Settings } from '../config/schema.ts';
import { secretKeys } from '../config/schema_at.ts';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { VERSION } from '../flow/version.ts';
import { namedFiles } from '../system/provision/named_files.ts';
import { supportBundle } from '../system/support/bundle.ts';
import { machineWords } from '../system/support/machine_words.ts';
import { scrubber, secretValues } from '../system/support/scrub.ts';
import { BoxClient } from './box_client.ts';
import { boxSettings, configUsage } from './box_folder.ts';
import { type Command, exitCodes } from './command.ts';
import { examine, inFull } from './examination.ts';

export const command: Command = {
  name: 'support-bundle',
  summary: 'settings, log, figures and checks of a box in one file, without secrets',
  usage: `support-bundle [--output FILE] [options]

  --output FILE    where to write it (default flowspan-support-NODE.tar.gz here); - for standard output
${configUsage}
  --data FOLDER    data folder of the box, where it is another

Holds the settings without secrets, changes of them, the log, the state and the ledger, figures and totals of the last day, alerts, and what doctor and
the machine say. No flow record and no list of hosts is in it; events and findings may name single addresses. Run it as root,
or as the user that runs the service, or parts are missing; the file about.txt says which.`,
  options: { output: { type: 'string' }, config: { type: 'string' }, data: { type: 'string' } },
  positionals: [],
  async run(values, _positionals, { out, err }) {
    const settings = boxSettings(values);
    const clock = new SystemClock();
    const box = new BoxClient(settings, values);
    const missing: string[] = [];
    const texts = {
      ...(await boxTexts(box, missing)),
      ...(await machineWords()),
      ...keptTexts(settings, missing),
      'doctor.txt': inFull(await examine(settings, values)),
      'settings.json': `${JSON.stringify(redact(settings), undefined, 2)}\n`,
    };
    const node = settings.node || 'box';
    const wallMs = clock.wallMs();
    const about = [
      `flowspan ${VERSION}, site ${settings.site}, node ${node}, ${new Date(wallMs).toISOString()}`,
      ...missing.map((what) => `missing: ${what}`),
    ];
    const bundle = supportBundle({
      name: `flowspan-support-${node}`,
      texts: { ...texts, 'about.txt': `${about.join('\n')}\n` },
      scrub: scrubber(secretsOf(settings)),
      mtimeS: wallMs / 1_000,
    });
    const path = String(values.output ?? `flowspan-support-${node}.tar.gz`);
    if (path === '-') out.write(bundle);
    else {
      write(path, bundle);
      err.write(`${path}: ${Math.ceil(bundle.length / 1_024)} KiB; look into it before you hand it on: tar -xzf ${path}\n`);
    }
    return exitCodes.good;
  },
};

/** What a running box is asked: no names or addresses of hosts among it. */
const boxQuestions = {
  'status.json': '/api/v1/status',
  'health.json': '/api/v1/health',
  'changes.json': '/api/v1/settings/changes',
  'totals_last_day.json': '/api/v1/series?last=1d&points=1440',
  'seconds.json': '/api/v1/traffic/seconds',
} as const;

async function boxTexts(box: BoxClient, missing: string[]): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, path] of Object.entries(boxQuestions)) {
    const answer = await box.ask<object>(path, { timeoutMs: 10_000 });
    if (answer === undefined || (answer.status !== 200 && name !== 'health.json')) {
      missing.push(`${name}: ${answer?.body.error?.message ?? (box.refused || `no service answers at ${box.place}`)}`);
    } else texts[name] = `${JSON.stringify(answer.body, undefined, 1)}\n`;
  }
  return texts;
}

/** Of what lies in the data folder: what a box that does not run has said last. */
function keptTexts({ dataFolder }: Settings, missing: string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name of ['alerts.json', 'figures.json', 'boots.json', 'settings.json']) {
    try {
      texts[`kept_${name}`] = readFileSync(join(dataFolder, name), 'utf8');
    } catch (error) {
      missing.push(`kept_${name}: ${messageOf(error)}`);
    }
  }
  return texts;
}

/** Of the settings themselves, and of files that they name for passwords and keys. */
function secretsOf(settings: Settings): string[] {
  const keys = new Set(secretKeys());
  const files = namedFiles(settings).filter(({ path }) =>
    /^(password|secret|key|privateKey|token)File$/i.test(String(path.at(-1))),
  );
  return [...secretValues(settings, (key) => keys.has(key)), ...files.flatMap(({ value }) => linesOf(value))];
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('-----'));
  } catch {
    return []; // what cannot be read here can be in no text either, except by others' hands
  }
}

function write(path: string, bundle: Buffer): void {
  try {
    writeFileSync(path, bundle, { mode: 0o600 });
  } catch (error) {
    throw new ApplianceError('storeUnwritable', `${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The service with a real HTTPS folder on loopback and the image's own script as who installs, with a stand-in for RAUC: what is fetched,
 * gone on with, refused, announced, uploaded, confirmed. Time is simulated, and passes while sockets work.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as reallySleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type SettingsInput, settingsSchema } from '../../../src/config/schema.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { createMetrics, type Metrics } from '../../../src/core/metrics.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { UpdateState } from '../../../src/flow/update_shapes.ts';
import { aheadOfRateMs } from '../../../src/system/updates/download.ts';
import { HttpsFolder } from '../../../src/system/updates/folder_client.ts';
import { UpdateService, type UpdateServiceParts } from '../../../src/system/updates/update_service.ts';
import { BoxScripts, takes } from '../../image/box_scripts.ts';
import { UpdateFolder } from './https_folder.ts';

const always = { from: '00:00', until: '00:00' } as const;
let folder: UpdateFolder;
let scripts: BoxScripts;
let clock: SimulatedClock;
let service: UpdateService;
let metrics: Metrics;
let told: string[];
let installed: string[];

beforeEach(async () => {
  folder = await new UpdateFolder().listen();
  scripts = new BoxScripts();
  scripts.run('slots', 'reached');
  told = [];
  installed = [];
});
afterEach(async () => {
  await service?.stop(1_000);
  await folder.close();
  scripts[Symbol.dispose]();
});

interface Changes {
  readonly updates?: NonNullable<SettingsInput>['updates'];
  readonly proxy?: string;
  readonly folder?: object;
  readonly parts?: Partial<UpdateServiceParts>;
}
async function start({ updates = {}, proxy = '', folder: more = {}, parts = {} }: Changes = {}): Promise<void> {
  const where = { url: folder.url, caFile: folder.authority.certificateFile, ...more };
  const settings = settingsSchema.parse({ updates: { window: always, rateKbps: 1_000_000, folder: where, ...updates } }).updates;
  clock = new SimulatedClock(1_000, Date.parse('2026-06-03T12:00Z'));
  metrics = createMetrics();
  service = new UpdateService({
    world: { clock, random: new SeededRandom(3), log: silentLog, metrics },
    settings,
    identity: { site: 'lisbon', node: 'box-1' },
    version: '1.0.0',
    folders: { folder: scripts.at('data/update'), told: scripts.at('run/flowspan-update') },
    client: new HttpsFolder({
      folder: settings.folder,
      proxy,
      version: '1.0.0',
      now: () => new Date(clock.wallMs()).toISOString(),
    }),
    time: () => 'known',
    onEvent: (level, event, text) => told.push(`${level} ${event}: ${text}`),
    ...parts,
  });
  await service.start();
}

/** What systemd does when a request is there. */
function install(): void {
  if (!existsSync(scripts.at('data/update/request'))) return;
  const { did } = scripts.run('install_update');
  installed.push(...did.filter((call) => /^rauc install|reboot/.test(call)));
}

/** However slow the disk is, no time passes while it is read and written. */
async function filesSettled(): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    await reallySleep(1);
    quiet = process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq')) ? 0 : quiet + 1;
  }
}

async function until(what: string, holds: () => boolean, simulatedMs = 3_600_000): Promise<void> {
  // Hours pass in long steps, but hardly any time while sockets and files have to do their work.
  const isBusy = (): boolean => /^(checking|downloading|examining|installing)$/.test(service.status().state);
  for (let passedMs = 0, stepMs = 0; !holds(); passedMs += stepMs) {
    if (passedMs > simulatedMs)
      throw new Error(`not ${what} within ${simulatedMs} ms: ${JSON.stringify(service.status())}\n${told.join('\n')}`);
    stepMs = isBusy() ? 100 : passedMs < 120_000 ? 500 : 10_000;
    await clock.advance(stepMs);
    await filesSettled();
    install();
  }
}
const reaches = (state: UpdateState, simulatedMs?: number): Promise<void> =>
  until(state, () => service.status().state === state, simulatedMs);
const checked = (): Promise<void> => until('checked', () => service.status().checkedMs > 0);
const inFolder = (): string[] => readdirSync(scripts.at('data/update'));
const paths = (): string[] => folder.asked.map(({ path }) => path.replace('/flowspan/', ''));

describe('from the folder', () => {
  test('what is newer is fetched, installed by whoever may, and told', async () => {
    const bundle = folder.offer('1.1.0', 300_000);
    await start();
    expect(service.status()).toMatchObject({
      state: 'idle',
      isFetching: true,
      slots: [{ name: 'A', isRunning: true, version: '1.0.0', state: 'good' }, { name: 'B' }],
    });
    await reaches('restarting');
    expect(installed).toEqual(['rauc install /data/update/bundle.raucb', 'systemctl reboot']);
    expect(readFileSync(scripts.at('data/update/bundle.raucb'))).toEqual(bundle);
    expect(paths()).toEqual(['index.json', 'flowspan_1.1.0_amd64.raucb']);
    expect(told).toEqual([
      'info updateFound: version 1.1.0 is in the folder',
      'info updateInstalling: version 1.1.0 is being installed into the other slot',
      'info updateInstalled: version 1.1.0 is installed: the box restarts into it, and goes back if it does not meter',
    ]);
    expect(service.status().past[0]).toMatchObject({ outcome: 'installed', version: '1.1.0', slot: 'B', source: 'folder' });
    const text = await metrics.render();
    expect(text).toContain('flowspan_update_state{state="restarting"} 1');
    expect(text).toContain('flowspan_updates_remembered{outcome="installed"} 1');
  });

  test('nothing newer: nothing is fetched, and it is asked again, not at the same pace as by others', async () => {
    folder.offer('1.0.0', 1_000);
    await start({ updates: { checkEveryS: 3_600 } });
    await checked();
    expect(service.status()).toMatchObject({ state: 'idle', reason: 'version 1.0.0 runs already', offered: null });
    await until('asked again', () => folder.asked.length === 2, 4_600_000);
    expect(paths()).toEqual(['index.json', 'index.json']);
    const nextS = (service.status().nextCheckMs - clock.wallMs()) / 1_000;
    expect(nextS).toBeGreaterThan(2_690);
    expect(nextS).toBeLessThan(4_510);
  });

  test('a window that is closed: it is found and waits, and gets in when the window opens', async () => {
    folder.offer('1.1.0', 1_000);
    await start({ updates: { window: { from: '14:00', until: '15:00' } } });
    await until('waiting', () => /1\.1\.0 waits: the window is 14:00 to 15:00/.test(service.status().reason));
    expect(paths()).toEqual(['index.json']);
    await reaches('restarting', 3 * 3_600_000);
    expect(new Date(clock.wallMs()).toISOString()).toMatch(/T14:0[0-2]/);
  });

  test('a connection that breaks: it is gone on with where it broke, also after a restart of the service', async () => {
    folder.offer('1.1.0', 500_000);
    folder.cutAfter = 200_000;
    await start();
    await until('broken', () => /is tried again/.test(service.status().reason));
    expect(told.at(-1)).toMatch(/^warn updateFailed: localhost:\d+: flowspan_1\.1\.0_amd64\.raucb: /);
    await service.stop(1_000);
    folder.cutAfter = Number.POSITIVE_INFINITY;
    await start();
    await reaches('restarting');
    const ranges = folder.asked.map(({ range }) => range).filter((range) => range !== undefined);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d{3,5}-$/)]);
    expect(installed).toContain('systemctl reboot');
  });

  test('a server that begins anew: so does the box', async () => {
    folder.offer('1.1.0', 500_000);
    folder.cutAfter = 200_000;
    await start();
    await until('broken', () => /is tried again/.test(service.status().reason));
    [folder.cutAfter, folder.ignoresRanges] = [Number.POSITIVE_INFINITY, true];
    await reaches('restarting');
  });

  test.each([
    ['of another digest', { sha256: 'ab'.repeat(32) }, /is not what the index says/],
    ['longer than it says', { octets: 999 }, /longer than the 999 octets/],
    ['shorter than it says', { octets: 9_999 }, /ended after 1000 of 9999 octets/],
  ])('a bundle %s is not installed, and asked for ever more rarely', async (_, changed, words) => {
    folder.offer('1.1.0', 1_000, changed);
    await start();
    await until('refused', () => words.test(service.status().reason));
    const before = folder.asked.length;
    await until('three hours', () => clock.monotonicMs() > 3 * 3_600_000, 4 * 3_600_000);
    expect(
      paths()
        .slice(before)
        .filter((path) => path !== 'index.json').length,
    ).toBeLessThan(20);
    expect(installed).toEqual([]);
    expect(inFolder().filter((name) => name === 'bundle.raucb')).toEqual([]);
    // The same trouble is told once.
    expect(told.filter((one) => words.test(one))).toHaveLength(1);
  });

  test('more than the disk has room for is not begun, and said in figures', async () => {
    folder.offer('1.1.0', 1_000, { octets: 544 * 1024 * 1024 });
    const { bavail, bsize } = (await import('node:fs')).statfsSync(scripts.at('data'));
    if (bavail * bsize > 544 * 1024 * 1024 + 64 * 1024 * 1024) return; // here is room
    await start();
    await until('refused', () => /do not fit/.test(service.status().reason));
  });

  test('one that RAUC refuses is refused for good: it is not fetched again, and the event says why', async () => {
    folder.offer('1.1.0', 1_000);
    scripts.program('rauc', 'echo "signature verification failed: unable to get local issuer certificate"; exit 1\n');
    await start({ updates: { checkEveryS: 600 } });
    await until('refused', () => told.some((one) => /^error updateRefused/.test(one)));
    await until('asked again', () => paths().filter((path) => path === 'index.json').length >= 3, 7_200_000);
    expect(paths().filter((path) => path !== 'index.json')).toHaveLength(1);
    await reaches('idle');
    expect(service.status()).toMatchObject({
      state: 'idle',
      reason: expect.stringMatching(/1\.1\.0: it was refused: signature verification failed/),
    });
  });

  test('one that cannot be installed is fetched five times, and no sixth before the folder is asked again', async () => {
    const failing = 'case $1 in install) echo "LastError: Failed mounting bundle"; exit 1 ;; esac\n';
    scripts.program('rauc', `${failing}${takes('1.1.0')}`);
    folder.offer('1.1.0', 1_000);
    await start({ updates: { checkEveryS: 7_200 } });
    const why = /1\.1\.0: it could not be installed 5 times: Failed mounting bundle/;
    await until('given up', () => service.status().state === 'idle' && why.test(service.status().reason), 5_000_000);
    const fetched = (): number => paths().filter((path) => path.endsWith('.raucb')).length;
    expect([fetched(), service.status().offered]).toEqual([5, null]);
    expect(told.filter((one) => why.test(one))).toHaveLength(1);
    // Asked again, the folder gives the same answer.
    await until('asked again', () => folder.asked.filter(({ path }) => path.endsWith('index.json')).length === 2, 9_000_000);
    await until('checked', () => service.status().state === 'idle');
    expect([fetched(), why.test(service.status().reason)]).toEqual([5, true]);
  });

  test('on trial nothing is looked for; once judged it is', async () => {
    folder.offer('1.1.0', 1_000);
    scripts.variables('ORDER=A B', 'A_OK=1', 'A_TRY=1', 'A_GOOD=0', 'B_OK=1', 'B_TRY=0', 'B_GOOD=1');
    scripts.run('update_log', 'tell');
    await start();
    await until('waiting', () => /on trial/.test(service.status().reason), 600_000);
    expect(folder.asked).toEqual([]);
    scripts.variables('ORDER=A B', 'A_OK=1', 'A_TRY=0', 'A_GOOD=1', 'B_OK=1', 'B_TRY=0', 'B_GOOD=1');
    scripts.run('update_log', 'note', 'good', '1.0.0', 'A', 'folder', '', '');
    await reaches('restarting');
    expect(told).toContain('info updateKept: version 1.0.0: kept: it meters');
  });

  test('what the slot before was left for is told by the one that runs now', async () => {
    folder.offer('1.0.0', 1_000);
    scripts.run('update_log', 'note', 'wentBack', '1.1.0', 'B', 'folder', 'ab'.repeat(32), 'it did not meter');
    // The service starts in the box's time; the log was written in ours.
    const line = readFileSync(scripts.at('run/flowspan-update/log'), 'utf8').replaceAll(
      /^\d+/gm,
      String(Date.parse('2026-06-03T11:55Z') / 1_000),
    );
    writeFileSync(scripts.at('run/flowspan-update/log'), line);
    await start();
    expect(told).toEqual(['error updateWentBack: version 1.1.0: did not meter, and the box went back: it did not meter']);
  });
});

describe('the way to the folder', () => {
  test('with a token and a certificate of ours', async () => {
    folder.offer('1.0.0', 1_000);
    const ours = folder.certificates.signed(folder.authority, 'box-1', ['DNS:box-1']);
    writeFileSync(folder.certificates.path('token'), 'a token\nmore\n');
    await start({ folder: { ...ours, tokenFile: folder.certificates.path('token') } });
    await checked();
    expect(folder.asked[0]).toMatchObject({ authorization: 'Bearer a token', by: 'box-1' });
  });

  test('through a proxy, bundles too; a proxy that does not let us is said', async () => {
    folder.offer('1.1.0', 100_000);
    const proxy = await folder.proxy();
    await start({ proxy });
    await reaches('restarting');
    expect(folder.tunnels).toEqual(Array.from({ length: 2 }, () => new URL(folder.url).host));
    await service.stop(1_000);
    await start({ proxy: await folder.proxy(403) });
    await until('refused', () => /the proxy 127\.0\.0\.1:\d+ answered 403/.test(service.status().checkFault));
  });

  test.each([
    ['a server whose certificate nobody we know has signed', { caFile: '' }, 0, /certificate|self.signed|issuer/i],
    ['a server that wants us elsewhere', {}, 302, /answered 302 and points elsewhere, which is not followed/],
    ['a server that has no index', {}, 404, /index\.json: the server answered 404/],
  ])('%s: nothing is believed, and it is asked again later', async (_, more, status, words) => {
    folder.offer('1.1.0', 1_000);
    folder.status = status;
    await start({ folder: more });
    await until('refused', () => service.status().checkFault !== '');
    expect(service.status().checkFault).toMatch(words);
    expect(told).toEqual([expect.stringMatching(/^warn updateCheckFailed: localhost:/)]);
    expect(await metrics.render()).toContain('flowspan_update_check_failing 1');
    expect(service.status().nextCheckMs).toBeGreaterThan(clock.wallMs());
  });

  test('a certificate whose time has not come: the box’s own clock is named', async () => {
    folder.offer('1.1.0', 1_000);
    const { client } = expired(folder);
    await start({ parts: { client } });
    await until('refused', () => service.status().checkFault !== '');
    expect(service.status().checkFault).toMatch(/this box’s clock says 2026-06-03T12:\d\d.*does a time server answer/);
  });
});

/** A client to whom the network says that. */
function expired({ url }: UpdateFolder): { client: HttpsFolder } {
  const settings = settingsSchema.parse({ updates: { folder: { url, tokenFile: '/dev/null' } } }).updates.folder;
  const client = new HttpsFolder({
    folder: settings,
    proxy: '',
    version: '1.0.0',
    now: () => new Date(clock.wallMs()).toISOString(),
  });
  // Node gives no way to move the clock that certificates are judged by.
  Object.defineProperty(settings, 'tokenFile', {
    get: () => {
      throw Object.assign(new Error('certificate is not yet valid'), { code: 'CERT_NOT_YET_VALID' });
    },
  });
  return { client };
}

describe('an announcement', () => {
  test('makes it look at once, whatever the period, and once a minute at most', async () => {
    folder.offer('1.0.0', 1_000);
    await start({ updates: { checkEveryS: 86_400 } });
    await checked();
    const before = clock.monotonicMs();
    service.announced(false);
    await reaches('checking', 10_000);
    expect(clock.monotonicMs() - before).toBeLessThan(7_000);
    await until('asked', () => folder.asked.length === 2);
    await reaches('idle');
    for (let turn = 0; turn < 100; turn++) service.announced(false);
    await reaches('checking', 70_000);
    expect(clock.monotonicMs() - before).toBeGreaterThan(60_000);
    await until('asked', () => folder.asked.length === 3);
    await until('two hours', () => clock.monotonicMs() - before > 7_200_000, 7_300_000);
    expect(folder.asked).toHaveLength(3);
  });
});

describe('on the page', () => {
  const bundle = Buffer.from('a bundle');
  const sha256 = createHash('sha256').update(bundle).digest('hex');
  const upload = (who = 'anna'): void => {
    service.act({ kind: 'upload', who, octets: bundle.length });
    writeFileSync(scripts.at('data/update/upload.part'), bundle);
    service.act({ kind: 'uploaded', who, octets: bundle.length, sha256 });
  };

  test('an upload is looked at, shown, confirmed with the version that was shown, installed', async () => {
    await start({ folder: { url: '' } });
    upload();
    await reaches('toConfirm');
    expect(service.status().offered).toEqual({ version: '1.1.0', octets: 8, doneOctets: 8, source: 'page', sha256 });
    expect(installed).toEqual([]);
    expect(() => service.act({ kind: 'install', who: 'anna', version: '1.2.0' })).toThrow(
      /what waits is version 1\.1\.0, not 1\.2\.0/,
    );
    service.act({ kind: 'install', who: 'anna', version: '1.1.0' });
    await reaches('restarting');
    expect(installed).toEqual(['rauc install /data/update/bundle.raucb', 'systemctl reboot']);
    expect(service.status().past[0]).toMatchObject({ outcome: 'installed', source: 'page', sha256 });
    expect(told.map((one) => one.split(':')[0])).toEqual([
      'info updateUploaded',
      'info updateConfirmed',
      'info updateInstalling',
      'info updateInstalled',
    ]);
  });

  test('one whose signature is not good, or that is older, is never offered, and removed', async () => {
    await start({ folder: { url: '' } });
    scripts.program('rauc', 'echo "signature verification failed"; exit 1\n');
    upload();
    await until('refused', () => /is not taken: signature verification failed/.test(service.status().reason));
    await reaches('idle');
    expect(inFolder()).toEqual([]);
    expect(() => service.act({ kind: 'install', who: 'anna', version: '1.1.0' })).toThrow(/nothing waits/);
    scripts.program('rauc', takes('0.9.0'));
    scripts.program('flowspan', 'echo "0.9.0 is older than 1.0.0, which runs; updates.allowOlder permits it" >&2; exit 1\n');
    upload();
    await until('refused', () => /updates\.allowOlder permits it/.test(service.status().reason));
    expect(service.status()).toMatchObject({ state: 'idle', offered: null });
  });

  test('nobody confirms it: it goes after an hour; or somebody discards it', async () => {
    await start({ folder: { url: '' } });
    upload();
    await reaches('toConfirm');
    await until('gone', () => service.status().state === 'idle', 3_700_000);
    expect(service.status().reason).toMatch(/nobody confirmed/);
    upload();
    await reaches('toConfirm');
    service.act({ kind: 'discard', who: 'anna' });
    // Until its file is gone nothing else takes its place: another upload would lose its own.
    expect(() => service.act({ kind: 'upload', who: 'anna', octets: 8 })).toThrow(/is being removed: try again/);
    expect(() => service.act({ kind: 'install', who: 'anna', version: '1.1.0' })).toThrow(/is being removed/);
    await reaches('idle');
    expect(inFolder()).toEqual([]);
    expect(service.status()).toMatchObject({ state: 'idle', offered: null });
    upload();
    await reaches('toConfirm');
  });

  test('an upload breaks a fetch off, and nobody else’s upload', async () => {
    folder.offer('1.1.0', 4_000_000);
    await start({ updates: { rateKbps: 64 } });
    await reaches('downloading');
    service.act({ kind: 'upload', who: 'anna', octets: bundle.length });
    expect(() => service.act({ kind: 'upload', who: 'bert', octets: 1_000 })).toThrow(/anna is uploading a bundle already/);
    service.act({ kind: 'upload', who: 'anna', octets: bundle.length });
    writeFileSync(scripts.at('data/update/upload.part'), bundle);
    service.act({ kind: 'uploaded', who: 'anna', octets: bundle.length, sha256 });
    await reaches('toConfirm');
    expect(installed).toEqual([]);
  });

  test('while a slot is on trial nothing is taken; elsewhere than in a box of the image nothing ever is', async () => {
    scripts.variables('ORDER=A B', 'A_OK=1', 'A_TRY=1', 'A_GOOD=0', 'B_OK=1', 'B_TRY=0', 'B_GOOD=1');
    scripts.run('update_log', 'tell');
    await start({ folder: { url: '' } });
    expect(() => service.act({ kind: 'upload', who: 'anna', octets: 8 })).toThrow(/on trial/);
    expect(() => service.act({ kind: 'check', who: 'anna' })).toThrow(/updates\.folder\.url names no folder/);
    await service.stop(1_000);
    await start({ parts: { folders: undefined } });
    expect(service.status()).toMatchObject({ state: 'unavailable', reason: expect.stringMatching(/no box|not a box/) });
    expect(() => service.act({ kind: 'check', who: 'anna' })).toThrow(/not a box of the image/);
  });

  test('nobody who installs: it is said, and the request is taken back', async () => {
    await start({ folder: { url: '' } });
    upload();
    // The two minutes begin when the request lies there, which on a busy machine takes its time.
    const isOver = (): boolean => service.status().reason !== '';
    for (let passedMs = 0; passedMs < 3_600_000 && !isOver(); passedMs += 500) {
      await clock.advance(500);
      await reallySleep(1);
    }
    expect(service.status()).toMatchObject({ state: 'idle', reason: expect.stringMatching(/has not answered within 120 s/) });
    await until('tidied', () => inFolder().length === 0);
  });
});

test('the rate is held: what came too fast is waited for', () => {
  expect(aheadOfRateMs(1_000_000, 0, 8_000)).toBe(1_000);
  expect(aheadOfRateMs(1_000_000, 1_500, 8_000)).toBe(0);
});

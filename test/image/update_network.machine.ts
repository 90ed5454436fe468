/**
 * Updates of a real image in an emulated machine without anybody's stick: pulled from an HTTPS folder on this host, then uploaded on the
 * page. Settings, users and what the box keeps go along; a forged one is refused before anybody can confirm it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Agent, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { UpdateStatus } from '../../src/flow/update_shapes.ts';
import { Collector } from '../appliance/collector.ts';
import { CertificateFolder } from '../forward/certificates.ts';
import { ask, branchSettings, comeBack, sees, signIn, statusOf } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines, type Machine } from './machine.ts';
import { bundleOf, type Variant } from './variant.ts';

const log =
  'exec journalctl --follow --lines=all --unit=rauc.service --unit=flowspan-update.service --unit=flowspan-trial.service --unit=flowspan.service --output=cat\n';
/** Trials are short here. */
const impatient = 'flowspan.trial_hold_s=10 flowspan.trial_within_s=240';
let built: BuiltImage;
let work: string;
beforeAll(async () => {
  built = await buildImage();
  work = join(built.cache, `network-${process.pid}`);
}, 1_500_000);
afterEach(endMachines, 30_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** The same program, which says another version of itself: in package.json, and wherever the bundler has put its constant. */
const saying = (version: string): Variant => ({
  version,
  change: (path) => {
    const says = /("version": *"|\bVERSION = ")[^"]+/;
    const program = path('/usr/lib/flowspan/build/src');
    const files = [path('/usr/lib/flowspan/package.json'), ...readdirSync(program).map((name) => join(program, name))];
    const spoken = files.filter((file) => says.test(readFileSync(file, 'utf8')));
    expect(spoken.map((file) => basename(file))).toEqual(['package.json', 'version.js']);
    for (const file of spoken) writeFileSync(file, readFileSync(file, 'utf8').replace(says, `$1${version}`));
  },
});

/** Serves one bundle with its index, as an operator's web server does. */
async function folderOf(bundle: string, version: string, certificates: CertificateFolder) {
  const authority = certificates.authority('updates');
  // As the guest calls this host.
  const { certificateFile, keyFile } = certificates.signed(authority, 'server', ['IP:10.0.2.2']);
  const octets = statSync(bundle).size;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(bundle)) hash.update(chunk as Buffer);
  const entry = {
    compatible: `flowspan-${built.architecture}`,
    version,
    file: basename(bundle),
    octets,
    sha256: hash.digest('hex'),
  };
  const asked: string[] = [];
  const server = createServer({ cert: readFileSync(certificateFile), key: readFileSync(keyFile) }, (request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ''}`.trim());
    const name = basename(request.url!);
    if (name === 'index.json') return void response.end(JSON.stringify({ format: 1, bundles: [entry] }));
    if (name !== entry.file) return void response.writeHead(404).end();
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const head = { 'content-length': octets - from, 'content-range': `bytes ${from}-${octets - 1}/${octets}` };
    response.writeHead(from === 0 ? 200 : 206, head);
    const file = createReadStream(bundle, { start: from });
    // The first connection breaks half way: the box has to go on with it.
    if (from === 0) file.on('data', () => file.bytesRead > octets / 2 && response.destroy());
    file.pipe(response).on('close', () => file.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `https://10.0.2.2:${(server.address() as AddressInfo).port}/flowspan`, authority, asked, server };
}

interface Admin {
  readonly cookie: string;
  readonly csrf: string;
}
async function admin(machine: Machine, cookie: string): Promise<Admin> {
  const answer = await ask(machine.pagePort, '/api/v1/session', { cookie });
  return { cookie, csrf: (JSON.parse(answer.body) as { csrfToken: string }).csrfToken };
}

const path = '/api/v1/updates/upload';
async function upload(machine: Machine, { cookie, csrf }: Admin, bundle: string): Promise<void> {
  const octets = statSync(bundle).size;
  const begun = await ask(machine.pagePort, path, { method: 'POST', body: { octets }, cookie, csrf });
  const { pieceOctetsMax } = JSON.parse(begun.body) as { pieceOctetsMax: number };
  const file = await open(bundle);
  // As a browser does: one connection for all pieces.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const piece = Buffer.alloc(pieceOctetsMax);
  for (let from = 0; from < octets; ) {
    const { bytesRead } = await file.read(piece, 0, pieceOctetsMax, from);
    const told = await ask(machine.pagePort, `${path}?from=${from}`, {
      method: 'PUT',
      octets: piece.subarray(0, bytesRead),
      cookie,
      csrf,
      agent,
    });
    expect(told.status).toBe(200);
    from = (JSON.parse(told.body) as { octets: number }).octets;
  }
  await file.close();
  agent.destroy();
  expect((await ask(machine.pagePort, `${path}/end`, { method: 'POST', cookie, csrf })).status).toBe(204);
}
const running = ({ slots }: UpdateStatus): string =>
  slots.map((one) => (one.isRunning ? `${one.name} ${one.version} ${one.state}` : '')).join('');

/** Says when what came about, since the test began. */
function notes(): (what: string) => void {
  const began = performance.now();
  return (what) => void process.stderr.write(`${Math.round((performance.now() - began) / 1_000)} s: ${what}\n`);
}

/** In the new slot: kept; sessions live in memory, but the user that was made before is still there. */
async function kept(machine: Machine, slot: 'A' | 'B', version: string): Promise<Admin> {
  const installed = `${version.replaceAll('.', '\\.')} is installed; restarting into it[\\s\\S]*flowspan: `;
  await machine.shows(new RegExp(`${installed}starting slot ${slot}`), 240);
  await machine.shows(new RegExp(`${installed}slot ${slot} is good`), 900);
  const anna = await admin(machine, await comeBack(machine));
  const after = await sees(machine, anna.cookie, 'judged', ({ updates }) => running(updates) === `${slot} ${version} good`, 120);
  expect([after.version, after.site]).toEqual([version, 'boot-test']);
  return anna;
}
const pastOf = async (machine: Machine, { cookie }: Admin): Promise<string[]> =>
  (await statusOf(machine, cookie)).updates.past.map(({ outcome, version, source }) => `${outcome} ${version} ${source}`);

test('pulled from a folder over HTTPS, with a connection that breaks', async () => {
  const note = notes();
  const pulled = bundleOf(built, work, `flowspan_0.2.0_${built.architecture}`, saying('0.2.0'));
  note('the bundle is made');
  const certificates = new CertificateFolder();
  const folder = await folderOf(pulled, '0.2.0', certificates);
  const collector = await new Collector().listen();
  using disk = new Disk(built);
  const updates = {
    folder: { url: folder.url, caFile: 'certificates/updates.pem' },
    window: { from: '00:00', until: '00:00' },
    rateKbps: 1_000_000,
  };
  disk.write('flowspan.yaml', stringify({ ...(parse(branchSettings(collector.port)) as object), updates }));
  disk.makeFolder('certificates');
  disk.write('certificates/updates.pem', readFileSync(folder.authority.certificateFile, 'utf8'));
  disk.probe('log', log, impatient);
  const machine = await disk.boot().start();
  await machine.shows(/flowspan: starting slot A/, 120);
  const cookie = await signIn(machine);
  note('signed in');
  await sees(
    machine,
    cookie,
    'found',
    ({ updates }) => updates.offered?.version === '0.2.0' || updates.state === 'restarting',
    400,
  );
  note('found');
  await machine.shows(/flowspan: installing 0\.2\.0/, 900);
  note('fetched');
  await machine.shows(/flowspan: 0\.2\.0 is installed; restarting into it/, 300);
  expect(folder.asked.filter((one) => one.endsWith('.raucb'))).toHaveLength(1);
  expect(folder.asked.filter((one) => /\.raucb bytes=[1-9]\d*-$/.test(one)).length).toBeGreaterThan(0);
  note('installed');
  const anna = await kept(machine, 'B', '0.2.0');
  note('kept');
  expect(await pastOf(machine, anna)).toEqual(['good 0.2.0 folder', 'installed 0.2.0 folder', 'found 0.1.0 image']);
  const { updates: shown } = await statusOf(machine, anna.cookie);
  expect(shown.slots[0]).toMatchObject({ name: 'A', version: '0.1.0', state: 'good' });
  await machine.cutPower();
  await collector.vanish();
  certificates.remove();
  folder.server.closeAllConnections();
  folder.server.close();
});

test('uploaded on the page, after a forged one', async () => {
  const note = notes();
  const forged = bundleOf(built, work, `flowspan_0.4.0_${built.architecture}`, {
    version: '0.4.0',
    signer: 'forger',
    isEmpty: true,
  });
  const uploaded = bundleOf(built, work, `flowspan_0.3.0_${built.architecture}`, saying('0.3.0'));
  note('bundles are made');
  using disk = new Disk(built);
  disk.write('flowspan.yaml', branchSettings(4_739));
  disk.probe('log', log, impatient);
  const machine = await disk.boot().start();
  const anna = await admin(machine, await signIn(machine, 600));
  note('signed in');
  // A forged one is looked at, and not offered.
  await upload(machine, anna, forged);
  const refused = await sees(
    machine,
    anna.cookie,
    'refused',
    ({ updates }) => /signature verification failed/.test(updates.reason),
    120,
  );
  expect(refused.updates).toMatchObject({ state: 'idle', offered: null });
  note('forged one refused');
  await upload(machine, anna, uploaded);
  note('uploaded');
  const shown = await sees(machine, anna.cookie, 'to confirm', ({ updates }) => updates.state === 'toConfirm', 120);
  expect(shown.updates.offered).toMatchObject({ version: '0.3.0', source: 'page' });
  const { cookie: by, csrf } = anna;
  const install = (version: string) =>
    ask(machine.pagePort, '/api/v1/updates/install', { method: 'POST', body: { version }, cookie: by, csrf });
  expect((await install('0.2.9')).status).toBe(409);
  expect((await install('0.3.0')).status).toBe(204);
  await machine.shows(/flowspan: 0\.3\.0 is installed; restarting into it/, 300);
  note('installed');
  expect(await pastOf(machine, await kept(machine, 'B', '0.3.0'))).toEqual([
    'good 0.3.0 page',
    'installed 0.3.0 page',
    'refused  page',
    'found 0.1.0 image',
  ]);
  note('kept');
  await machine.shutDown(180);
  expect(disk.read('flowspan/grubenv')).toMatch(/B_GOOD=1\n/);
});

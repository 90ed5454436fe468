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
import { answers, ask, branchSettings, sees, signIn, statusOf } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines, type Machine, seconds } from './machine.ts';
import { bundleOf, type Variant } from './variant.ts';

const log =
  'exec journalctl --follow --lines=all --unit=rauc.service --unit=flowspan-update.service --unit=flowspan-trial.service --unit=flowspan.service --output=cat\n';
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
  const entry = { compatible: 'flowspan-amd64', version, file: basename(bundle), octets, sha256: hash.digest('hex') };
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

test('pulled from a folder over HTTPS into B, with a connection that breaks; then uploaded on the page into A, after a forged one', async () => {
  const began = performance.now();
  const note = (what: string): void =>
    void process.stderr.write(`${Math.round((performance.now() - began) / 1_000)} s: ${what}\n`);
  const pulled = bundleOf(built, work, 'flowspan_0.2.0_amd64', saying('0.2.0'));
  const forged = bundleOf(built, work, 'flowspan_0.4.0_amd64', { version: '0.4.0', signer: 'forger', isEmpty: true });
  note('bundles are made');
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
  disk.probe('log', log, 'flowspan.trial_hold_s=10 flowspan.trial_within_s=240');
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
  await machine.shows(/flowspan: starting slot B/, 240);
  await machine.shows(/flowspan: slot B is good/, 900);
  note('kept');
  await answers(machine, '/readyz', 200, 120);
  // Sessions live in memory; the user that was made before is still there.
  const body = { name: 'anna', password: 'correct horse battery staple' };
  const again = await ask(machine.pagePort, '/api/v1/session', { method: 'POST', body });
  expect(again.status).toBe(200);
  const anna = await admin(machine, again.cookie);
  const after = await sees(machine, anna.cookie, 'judged', ({ updates }) => running(updates) === 'B 0.2.0 good', 120);
  expect(after).toMatchObject({
    site: 'boot-test',
    version: '0.2.0',
    updates: { slots: [{ name: 'A', version: '0.1.0', state: 'good' }, {}] },
  });
  expect(after.updates.past.map(({ outcome, version, source }) => [outcome, version, source])).toEqual([
    ['good', '0.2.0', 'folder'],
    ['installed', '0.2.0', 'folder'],
    ['found', '0.1.0', 'image'],
  ]);

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
  const uploaded = bundleOf(built, work, 'flowspan_0.3.0_amd64', saying('0.3.0'));
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
  await machine.shows(/0\.3\.0 is installed[\s\S]*flowspan: starting slot A/, 240);
  await machine.shows(/0\.3\.0 is installed[\s\S]*flowspan: slot A is good/, 900);
  note('kept');
  const third = await ask(machine.pagePort, '/api/v1/session', { method: 'POST', body });
  await seconds(10);
  const last = await statusOf(machine, third.cookie);
  expect([running(last.updates), last.version, last.site]).toEqual(['A 0.3.0 good', '0.3.0', 'boot-test']);
  await machine.shutDown(180);
  expect(disk.read('flowspan/grubenv')).toMatch(/A_GOOD=1\n/);
  await collector.vanish();
  certificates.remove();
  folder.server.closeAllConnections();
  folder.server.close();
});

/**
 * Exporters over TLS (RFC 7011 section 11.1): whom they trust, whom they refuse and in which words, and that nothing is
 * lost while certificates are refused or renewed. Certificates are openssl's, the collector is Node's TLS server.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { afterAll, afterEach, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';
import { StreamTransport } from '../../src/forward/ipfix/stream_transport.ts';
import { OpensslServer } from '../interop/openssl_server.ts';
import { addon } from '../meter/metering.ts';
import { CertificateFolder, type KeyPair } from './certificates.ts';
import { Session, TlsCollector, until } from './collector.ts';
import { startBox } from './export_box.ts';
import { anyFamily, blockOf } from './rows.ts';

const folder = new CertificateFolder();
const authority = folder.authority('authority');
const stranger = folder.authority('stranger');
const collectorKeys = folder.signed(authority, 'collector', ['IP:127.0.0.1', 'DNS:localhost']);
const elsewhereKeys = folder.signed(authority, 'elsewhere', ['DNS:elsewhere.example']);
const boxKeys = folder.signed(authority, 'box', ['DNS:box.example']);
const strangeBoxKeys = folder.signed(stranger, 'strange_box', ['DNS:box.example']);
afterAll(() => folder.remove());

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const shows = ({ certificateFile, keyFile }: KeyPair): TlsOptions => ({
  cert: readFileSync(certificateFile),
  key: readFileSync(keyFile),
});
const asksForOurs: TlsOptions = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(authority.certificateFile) };

async function tlsCollector(options: TlsOptions): Promise<TlsCollector> {
  const collector = new TlsCollector(options);
  await collector.listen(0);
  cleanups.push(() => collector.kill());
  return collector;
}
async function boxTo({ port }: { readonly port: number }, settings: object): ReturnType<typeof startBox> {
  const destination = { name: 'a', transport: 'tls', port, profile: 'lean', caFile: authority.certificateFile, ...settings };
  const box = await startBox({ destinations: [destination], measures: addon });
  cleanups.push(() => box.stop(200));
  return box;
}
/** Packet counts of forward directions: row `n` has `n + 1`, so each row is told from the others. */
const rowsOf = (collector: Pick<TlsCollector, 'flows'>): number[] =>
  collector.flows.map(({ values }) => Number(values.packetDeltaCount));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'over %s every row arrives once, in order, and the session ends in order',
  async (version) => {
    const collector = await tlsCollector({ ...shows(collectorKeys), minVersion: version, maxVersion: version });
    const box = await boxTo(collector, {});
    for (let first = 0; first < 4_000; first += 500) box.spool.append(blockOf(first, 500, { familyOf: anyFamily }));
    await until('all is acknowledged', () => box.arrived());
    await box.stop();
    expect(rowsOf(collector)).toEqual(upTo(4_000));
    expect(collector.violations).toEqual([]);
    expect(collector.sessions).toHaveLength(1);
    expect(collector.sessions[0]!.stream.pendingOctets).toBe(0);
    expect(box.exporters.accounts()[0]!.account).toMatchObject({ acknowledged: 4_000, pending: 0 });
  },
);

interface Refusal {
  readonly what: string;
  readonly collector: TlsOptions;
  readonly settings: Record<string, unknown>;
  readonly words: string;
}
const refusals: readonly Refusal[] = [
  {
    what: 'an authority nobody told us of',
    collector: shows(collectorKeys),
    settings: { caFile: stranger.certificateFile },
    words: 'caFile',
  },
  { what: 'no authority at all', collector: shows(collectorKeys), settings: { caFile: '' }, words: 'caFile' },
  { what: 'a certificate of another address', collector: shows(elsewhereKeys), settings: {}, words: 'another name' },
  {
    what: 'a certificate of another name',
    collector: shows(elsewhereKeys),
    settings: { host: 'localhost' },
    words: 'another name',
  },
  {
    what: 'a certificate wanted that we do not have',
    collector: { ...shows(collectorKeys), ...asksForOurs },
    settings: {},
    words: 'certificateFile',
  },
  {
    what: 'nothing in common',
    collector: { ...shows(collectorKeys), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
    settings: {},
    words: 'TLS',
  },
];

test.each(refusals)(
  'refused: $what; rows wait, and the technician reads why',
  async ({ collector: options, settings, words }) => {
    const collector = await tlsCollector(options);
    const box = await boxTo(collector, settings);
    box.spool.append(blockOf(0, 300));
    await until('it is refused', () => box.exporters.statuses()[0]!.state === 'refused');
    expect(box.exporters.statuses()[0]!.reason).toContain(words);
    await until('it was tried again', () => collector.refusals.length + collector.sessions.length >= 3);
    expect(box.exporters.accounts()[0]!.account).toMatchObject({ pending: 300, acknowledged: 0 });
    expect(collector.flows).toEqual([]);
    // Never up in between: nobody is told of an uplink that comes and goes.
    expect(box.heard.map(({ event }) => event)).toEqual(['uplinkDown']);
  },
);

test.each(refusals)('the transport refuses with its own code: $what', async ({ collector: options, settings }) => {
  const { port } = await tlsCollector(options);
  const common = { name: 'a', transport: 'tls', host: '127.0.0.1', port, caFile: authority.certificateFile };
  const { destinations } = settingsSchema.parse({ export: { destinations: [{ ...common, ...settings }] } }).export;
  const transport = new StreamTransport(destinations[0]!, new SystemClock(), addon);
  const error = await transport.open(new AbortController().signal).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ApplianceError);
  expect((error as ApplianceError).code).toBe('tlsFailed');
});

test('our certificate is shown where it is asked for', async () => {
  const collector = await tlsCollector({ ...shows(collectorKeys), ...asksForOurs });
  const names: unknown[] = [];
  collector.onConnection = (socket) => names.push((socket as TLSSocket).getPeerCertificate().subject.CN);
  const box = await boxTo(collector, boxKeys);
  box.spool.append(blockOf(0, 500));
  await until('all is acknowledged', () => box.arrived());
  await until('all is read', () => collector.flows.length >= 500);
  expect(rowsOf(collector)).toEqual(upTo(500));
  expect(names).toEqual(['box']);
});

// Node's server judges our certificate only after the handshake; openssl's within it, as collectors do.
const judging = (keys: KeyPair): string[] => [
  ...['-cert', keys.certificateFile, '-key', keys.keyFile, '-CAfile', authority.certificateFile],
  ...['-Verify', '1', '-verify_return_error'],
];
async function opensslServer(options: readonly string[]): Promise<OpensslServer> {
  const server = await OpensslServer.start(options);
  cleanups.push(() => server.stop());
  return server;
}

test.each(['-tls1_2', '-tls1_3'])(
  'a certificate of ours that the collector does not trust is refused in words (%s)',
  async (version) => {
    const server = await opensslServer([...judging(collectorKeys), version]);
    const box = await boxTo(server, strangeBoxKeys);
    // Far more than the margin that is sent again: none of it may count as arrived while the refusal is under way.
    for (let first = 0; first < 4_000; first += 500) box.spool.append(blockOf(first, 500));
    await until('it is refused', () => box.exporters.statuses()[0]!.state === 'refused');
    expect(box.exporters.statuses()[0]!.reason).toContain('refuses our certificate');
    const waits = new Set<number>();
    await until('it was tried again', () => waits.add(box.exporters.statuses()[0]!.retryAtMs).size > 4);
    expect(box.exporters.statuses()[0]!.state).toBe('refused');
    expect(box.exporters.accounts()[0]!.account).toMatchObject({ pending: 4_000, acknowledged: 0 });
    expect(box.heard.map(({ event }) => event)).toEqual(['uplinkDown']);
  },
);

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'after a break a session of %s is taken up again, without a whole handshake',
  async (version) => {
    const collector = await tlsCollector({ ...shows(collectorKeys), minVersion: version, maxVersion: version });
    const resumed: boolean[] = [];
    collector.onConnection = (socket) => resumed.push((socket as TLSSocket).isSessionReused());
    const box = await boxTo(collector, {});
    for (let round = 0; round < 3; round++) {
      box.spool.append(blockOf(round * 100, 100));
      await until('all is there', () => box.arrived() && new Set(rowsOf(collector)).size === (round + 1) * 100);
      for (const socket of collector.sockets) socket.destroy();
      await until('it was noticed', () => collector.sockets.size === 0);
    }
    await until('it is back', () => resumed.length > 2);
    expect(resumed.slice(0, 3)).toEqual([false, true, true]);
  },
);

test('a collector that gives no session tickets is not waited for in vain', async () => {
  const server = await opensslServer([...judging(collectorKeys), '-tls1_3', '-num_tickets', '0']);
  const box = await boxTo(server, boxKeys);
  for (let first = 0; first < 2_000; first += 500) box.spool.append(blockOf(first, 500));
  await until('all is acknowledged', () => box.arrived());
  const decoded = (): Session => {
    const session = new Session('tcp', 0);
    for (const message of new MessageStream().push(Buffer.concat(server.received))) session.take(message);
    return session;
  };
  await until('all is read', () => decoded().flows.length >= 2_000);
  expect(rowsOf(decoded())).toEqual(upTo(2_000));
  expect(decoded().check.violations).toEqual([]);
});

test('a collector that comes back with another certificate: rows wait until it is trusted, and none is lost', async () => {
  const trusted = folder.path('trusted.pem');
  copyFileSync(authority.certificateFile, trusted);
  const collector = await tlsCollector(shows(collectorKeys));
  const box = await boxTo(collector, { caFile: trusted, resendMarginBytes: 4_096 });
  for (let first = 0; first < 1_000; first += 100) box.spool.append(blockOf(first, 100));
  await until('the first rows are read and acknowledged', () => box.arrived() && collector.flows.length === 1_000);
  await collector.kill();
  for (let first = 1_000; first < 2_000; first += 100) box.spool.append(blockOf(first, 100));

  // Renewed by the same authority: taken without a word.
  collector.options = shows(folder.signed(authority, 'renewed', ['IP:127.0.0.1']));
  await collector.listen();
  await until('the waiting rows are read', () => box.arrived() && rowsOf(collector).includes(2_000));
  await collector.kill();
  for (let first = 2_000; first < 3_000; first += 100) box.spool.append(blockOf(first, 100));

  // Signed by another: refused until the technician adds it to caFile, which needs no restart.
  collector.options = shows(folder.signed(stranger, 'moved', ['IP:127.0.0.1']));
  await collector.listen();
  await until('it is refused for its certificate', () => box.exporters.statuses()[0]!.reason.includes('caFile'));
  expect(box.exporters.accounts()[0]!.account.pending).toBeGreaterThanOrEqual(1_000);
  writeFileSync(trusted, readFileSync(authority.certificateFile, 'utf8') + readFileSync(stranger.certificateFile, 'utf8'));
  await until('the rest is read', () => box.arrived() && rowsOf(collector).includes(3_000));

  expect([...new Set(rowsOf(collector))].sort((a, b) => a - b)).toEqual(upTo(3_000));
  for (const session of collector.sessions.filter(({ flows }) => flows.length > 0)) {
    const rows = rowsOf(session);
    expect(rows).toEqual(upTo(3_000).slice(rows[0]! - 1, rows.at(-1)));
  }
  // What came twice is the margin of two breaks: whole messages, of this profile's 16 KiB each.
  expect(collector.flows.length - 3_000).toBeLessThanOrEqual(2 * 400);
  expect(collector.violations).toEqual([]);
});

test('a renewed certificate of ours is shown at the next connection, and a withdrawn authority is trusted no more', async () => {
  const [shown, trusted] = [folder.path('shown.pem'), folder.path('trusted_for_now.pem')];
  const renewed = folder.signed(authority, 'renewed_box', ['DNS:box.example']);
  copyFileSync(boxKeys.certificateFile, shown);
  copyFileSync(boxKeys.keyFile, folder.path('shown.key'));
  copyFileSync(authority.certificateFile, trusted);
  const collector = await tlsCollector({ ...shows(collectorKeys), ...asksForOurs });
  const names: unknown[] = [];
  collector.onConnection = (socket) => names.push((socket as TLSSocket).getPeerCertificate().subject.CN);
  const box = await boxTo(collector, { certificateFile: shown, keyFile: folder.path('shown.key'), caFile: trusted });
  await until('it is up', () => box.exporters.statuses()[0]!.state === 'up');

  copyFileSync(renewed.certificateFile, shown);
  copyFileSync(renewed.keyFile, folder.path('shown.key'));
  for (const socket of collector.sockets) socket.destroy();
  await until('it is back', () => names.length === 2);
  expect(names).toEqual(['box', 'renewed_box']);

  await until('it is up again', () => box.exporters.statuses()[0]!.state === 'up');
  copyFileSync(stranger.certificateFile, trusted);
  for (const socket of collector.sockets) socket.destroy();
  await until('it is refused', () => box.exporters.statuses()[0]!.state === 'refused');
  expect(box.exporters.statuses()[0]!.reason).toContain('caFile');
});

test('files of certificates that are not there are told before anything is connected', async () => {
  const collector = await tlsCollector(shows(collectorKeys));
  const box = await boxTo(collector, { caFile: folder.path('missing.pem') });
  await until('it is refused', () => box.exporters.statuses()[0]!.state === 'refused');
  expect(box.exporters.statuses()[0]!.reason).toContain('missing.pem: cannot be read');
  expect(collector.refusals).toEqual([]);
});

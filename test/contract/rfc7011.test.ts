/**
 * Our own stream against every rule of RFC 7011 that shows in what an exporter sends, over each transport, from a box composed
 * as in production. Each rule is also shown a stream that breaks it.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { profileSpec } from '../../src/flow/profiles.ts';
import { CertificateFolder } from '../forward/certificates.ts';
import { until } from '../forward/collector.ts';
import { meteringFacts, startBox } from '../forward/export_box.ts';
import { anyFamily, blockOf } from '../forward/rows.ts';
import { privatePen, rules } from './rfc7011_rules.ts';
import { type Stream, type Transport, take } from './rfc7011_stream.ts';

const rows = 300;
const domain = 1;
const folder = mkdtempSync(join(tmpdir(), 'flowspan-rfc7011-'));
const certificates = new CertificateFolder();
const streams = new Map<Transport, Stream>();
const cleanups: (() => void)[] = [() => certificates.remove(), () => rmSync(folder, { recursive: true })];
afterAll(() => {
  for (const cleanup of cleanups) cleanup();
});

/** Everything there is, and times in two more forms. */
const elements = [...profileSpec('full').elements, 'flowStartMicroseconds', 'flowEndNanoseconds'];

/** Messages by their lengths: RFC 7011 section 10.4.3 leaves nothing else to cut a stream by. */
function cut(octets: Buffer): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += octets.readUInt16BE(at + 2))
    messages.push(octets.subarray(at, at + octets.readUInt16BE(at + 2)));
  return messages;
}

async function record(transport: Transport, destination: object, messages: () => Uint8Array[]): Promise<void> {
  const fromMs = Date.now();
  const box = await startBox({
    pen: privatePen,
    destinations: [{ name: 'a', transport, ...destination }],
    facts: () => ({ ...meteringFacts, droppedPackets: 1, observedFlows: 2 }),
  });
  for (let first = 0; first < rows; first += 100) box.spool.append(blockOf(first, 100, { familyOf: anyFamily }));
  await until('all is acknowledged', () => box.arrived());
  // Templates are due again and again over UDP.
  if (transport === 'udp') await new Promise((resolve) => setTimeout(resolve, 3_500));
  await box.stop();
  const octetsMax = transport === 'udp' ? 512 : 65_535;
  streams.set(transport, {
    transport,
    messages: messages().map((message) => Uint8Array.from(message)),
    fromMs,
    toMs: Date.now(),
    domain,
    octetsMax,
  });
}

async function overTcp(transport: 'tcp' | 'tls', server: Server, settings: object): Promise<void> {
  const chunks: Buffer[] = [];
  server.on(transport === 'tls' ? 'secureConnection' : 'connection', (socket: Socket) =>
    socket.on('data', (chunk) => chunks.push(chunk as Buffer)),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  await record(transport, { port, elements, uniflow: false, ...settings }, () => cut(Buffer.concat(chunks)));
}

async function overUdp(): Promise<void> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  const datagrams: Uint8Array[] = [];
  socket.on('message', (datagram) => datagrams.push(datagram));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanups.push(() => socket.close());
  // Its templates fit 512 octets, which those of everything there is do not.
  await record('udp', { port: socket.address().port, profile: 'standard', templateResendS: 1 }, () => datagrams);
}

async function intoFile(): Promise<void> {
  await record('file', { host: '', files: { folder, syncMs: 100 }, elements, uniflow: false }, () => {
    const [name] = readdirSync(folder);
    return cut(readFileSync(join(folder, name!)));
  });
}

beforeAll(async () => {
  const authority = certificates.authority('authority');
  const keys = certificates.signed(authority, 'collector', ['IP:127.0.0.1']);
  const tls = createTlsServer({ cert: readFileSync(keys.certificateFile), key: readFileSync(keys.keyFile) });
  await Promise.all([
    overUdp(),
    overTcp('tcp', createServer(), {}),
    overTcp('tls', tls, { caFile: authority.certificateFile }),
    intoFile(),
  ]);
}, 30_000);

describe.each(['udp', 'tcp', 'tls', 'file'] as const)('over %s', (transport) => {
  const its = rules.filter(({ transports }) => transports?.includes(transport) ?? true);

  test('the stream holds every row and all kinds of templates', () => {
    const { parts } = take(streams.get(transport)!);
    const flows = parts.reduce((sum, part) => sum + (part.kind === 'data' && part.id < 512 ? part.records.length : 0), 0);
    expect(flows).toBe(rows);
    expect(parts.some((part) => part.kind === 'template' && part.options)).toBe(true);
  });

  test.each(its.map((rule) => [`${rule.section}: ${rule.must}`, rule] as const))('%s', (_, rule) => {
    const stream = streams.get(transport)!;
    expect(rule.broken(stream, take(stream))).toEqual([]);
    const broken = rule.breakIt(stream);
    expect(rule.broken(broken, take(broken))).not.toEqual([]);
  });
});

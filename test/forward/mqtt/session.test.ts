/** Everything that can be wrong with a broker before it takes the first message: what the status says, and how often it is tried. */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BrokerSettings } from '../../../src/config/schema.ts';
import type { UplinkStatus } from '../../../src/flow/status_shapes.ts';
import { type Box, startBox } from './box.ts';
import { freePort, Mosquitto, makeCertificates, Relay, Subscriber, temporaryFolder, until } from './broker.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const folder = temporaryFolder();
beforeAll(() => {
  makeCertificates(folder);
  writeFileSync(`${folder}/passwords`, 'box:right\n');
  execFileSync('mosquitto_passwd', ['-U', `${folder}/passwords`]);
});
afterAll(() => {
  execFileSync('rm', ['-rf', folder]);
});

async function box(port: number, changes: Partial<BrokerSettings> = {}): Promise<Box> {
  const started = await startBox(port, changes);
  cleanups.push(() => started.stop(500));
  return started;
}
async function mosquitto(...lines: string[]): Promise<Mosquitto> {
  const started = await Mosquitto.start(['listener PORT 127.0.0.1', ...lines].map((line) => line.replaceAll('CERTS', folder)));
  cleanups.push(() => started.remove());
  return started;
}
/** A server that answers whatever arrives with these octets, once. */
async function answering(octets: readonly number[] | undefined): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    if (octets !== undefined) socket.once('data', () => socket.end(Uint8Array.from(octets)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => void server.close());
  return (server.address() as { port: number }).port;
}
async function settled(started: Box): Promise<UplinkStatus> {
  await until('a verdict', () => ['waiting', 'refused', 'up'].includes(started.uplink.status().state));
  return started.uplink.status();
}

const tls = (name: string): string[] => [
  'cafile CERTS/ca.pem',
  `certfile CERTS/${name}.pem`,
  `keyfile CERTS/${name}.key`,
  'allow_anonymous true',
];

describe('credentials', () => {
  test('a wrong password is said in plain words and tried again slowly; messages wait; the right one heals it', async () => {
    const { port } = await mosquitto('allow_anonymous false', `password_file CERTS/passwords`);
    const passwordFile = `${folder}/password`;
    writeFileSync(passwordFile, 'wrong\n');
    const between = await Relay.start(port);
    cleanups.push(() => between.stop());
    const started = await box(between.port, { username: 'box', passwordFile, retryFirstMs: 10, retryCapMs: 1_500 });
    started.say(5);
    const status = await settled(started);
    expect(status).toMatchObject({ state: 'refused', backlogRecords: 5 });
    // Mosquitto says "not authorized" (135) for a wrong password too.
    expect(status.reason).toMatch(
      /does not (accept the user name or password|allow this user to connect) \(reason code 13[45]\)/,
    );
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(between.connections).toBe(1);
    writeFileSync(passwordFile, 'right\nsecond line\n');
    await until('all are acknowledged', () => started.uplink.status().acknowledgedRecords === 5);
    expect(started.heard.map(({ event }) => event)).toEqual(['uplinkRefused', 'uplinkUp']);
  });

  test.each([
    [134, 'credentialsRefused'],
    [135, 'credentialsRefused'],
  ])('CONNACK with reason code %i is a refusal', async (code) => {
    const started = await box(await answering([0x20, 3, 0, code, 0]));
    expect(await settled(started)).toMatchObject({ state: 'refused' });
    expect(started.uplink.status().reason).toContain(`reason code ${code}`);
  });

  test('a password file that is not there is said by its name', async () => {
    const { port } = await mosquitto('allow_anonymous true');
    const started = await box(port, { username: 'box', passwordFile: '/nonexistent/password' });
    expect((await settled(started)).reason).toContain('passwordFile /nonexistent/password cannot be read');
  });
});

describe('a broker of another kind', () => {
  test('a broker that speaks MQTT 3.1.1 only is refused clearly', async () => {
    // What such a broker answers to a newer CONNECT: return code 1 (MQTT 3.1.1 section 3.2.2.3).
    const started = await box(await answering([0x20, 2, 0, 1]));
    expect(await settled(started)).toMatchObject({ state: 'refused' });
    expect(started.uplink.status().reason).toContain('does not speak MQTT 5');
  });

  test('a broker that allows QoS 0 only is refused clearly', async () => {
    const started = await box(await answering([0x20, 5, 0, 0, 2, 0x24, 0]));
    expect(await settled(started)).toMatchObject({ state: 'refused' });
    expect(started.uplink.status().reason).toContain('QoS 0 only');
  });

  test('a busy broker is no refusal: it is tried again soon', async () => {
    const started = await box(await answering([0x20, 3, 0, 137, 0]));
    expect(await settled(started)).toMatchObject({ state: 'waiting' });
    expect(started.uplink.status().reason).toContain('busy');
  });

  test('a web server in its place, and junk, end in words and not in a crash', async () => {
    const web = await box(await answering([...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]));
    expect((await settled(web)).state).toBe('waiting');
    expect(web.uplink.status().reason).toContain(`127.0.0.1`);
    const junk = await box(await answering([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    expect((await settled(junk)).reason).not.toBe('');
  });

  test('a server that accepts and says nothing is given up after connectTimeoutMs', async () => {
    const started = await box(await answering(undefined), { connectTimeoutMs: 300 });
    expect(await settled(started)).toMatchObject({ state: 'waiting' });
    expect(started.uplink.status().reason).toContain('no answer within 300 ms');
  });
});

describe('the way to the broker', () => {
  test('nothing listens', async () => {
    const started = await box(await freePort());
    expect(await settled(started)).toMatchObject({ state: 'waiting' });
    expect(started.uplink.status().reason).toContain('nothing listens on that port');
    expect(started.uplink.status().retryAtMs).toBeGreaterThan(0);
  });

  test('a name that is not known', async () => {
    const started = await box(1883, { host: 'broker.invalid' });
    expect((await settled(started)).reason).toMatch(/the name is not known|DNS server does not answer/);
  });
});

describe('TLS', () => {
  test('with the right authority and our own certificate all is well', async () => {
    const { port } = await mosquitto(...tls('server'), 'require_certificate true');
    const started = await box(port, {
      tls: true,
      caFile: `${folder}/ca.pem`,
      certificateFile: `${folder}/client.pem`,
      keyFile: `${folder}/client.key`,
    });
    started.say(10);
    await until('all are acknowledged', () => started.uplink.status().acknowledgedRecords === 10);
    expect(started.uplink.status()).toMatchObject({ state: 'up', address: `mqtts://127.0.0.1:${port}` });
    const heard = await Subscriber.connect(port, {
      protocol: 'mqtts',
      rejectUnauthorized: false,
      cert: readFileSync(`${folder}/client.pem`),
      key: readFileSync(`${folder}/client.key`),
    });
    await until('the state is there', () => heard.json('/state').length === 1);
    await heard.end();
  });

  test.each([
    ['an authority that is not known', 'server', {}, /authority this box does not know: set caFile/],
    ['an expired certificate', 'expired', { caFile: 'CERTS/ca.pem' }, /certificate has expired/],
    ['a certificate for another name', 'elsewhere', { caFile: 'CERTS/ca.pem' }, /for another name/],
  ])('%s', async (_, certificate, changes: Partial<BrokerSettings>, words) => {
    const { port } = await mosquitto(...tls(certificate));
    const caFile = (changes.caFile ?? '').replace('CERTS', folder);
    const started = await box(port, { tls: true, caFile });
    const status = await settled(started);
    expect(status.state).toBe('refused');
    expect(status.reason).toMatch(words);
  });

  test('a broker that wants a certificate of ours, and gets none', async () => {
    const { port } = await mosquitto(...tls('server'), 'require_certificate true');
    const started = await box(port, { tls: true, caFile: `${folder}/ca.pem` });
    const status = await settled(started);
    expect(status.reason).toMatch(/asks for a certificate of ours|certificate of ours/);
    expect(status.state).toBe('refused');
  });

  test('TLS to a port without, and no TLS to a port with', async () => {
    const plain = await mosquitto('allow_anonymous true');
    const encrypted = await box(plain.port, { tls: true });
    expect((await settled(encrypted)).reason).toContain('is it the right port, with TLS as it is set?');
    const secure = await mosquitto(...tls('server'));
    const open = await box(secure.port);
    expect((await settled(open)).reason).toContain('is it the right port, with TLS as it is set?');
  });
});

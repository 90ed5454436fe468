/** `flowspan doctor` on a real port of a network namespace: what it finds there, and what it says to do. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DoctorCheck } from '../../src/system/doctor_checks.ts';
import { networkMissing, VethPair } from '../meter/network.ts';
import { RingDriver } from '../meter/ring_driver.ts';
import { mainPath } from './flowspan.ts';

/** Sends a datagram to the broadcast address of the port every 50 ms. */
const speak = `const socket = require('node:dgram').createSocket('udp4');
socket.bind(0, () => {
  socket.setBroadcast(true);
  setInterval(() => socket.send('x', 9, '192.0.2.255'), 50);
  console.log('speaks');
});`;

const missing = networkMissing();
const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(missing !== undefined)(`doctor${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let pair: VethPair;
  beforeAll(() => {
    pair = new VethPair();
  });
  afterAll(() => pair[Symbol.dispose]());

  /** The checks of the mirror port, by the last word of their name. */
  async function portChecks(manageOffloads: boolean): Promise<Record<string, DoctorCheck>> {
    const file = join(folder, 'settings.yaml');
    const meter = `{source: interface, interfaces: [mirror0], manageOffloads: ${manageOffloads}}`;
    writeFileSync(file, `dataFolder: ${join(folder, 'var')}\nmeter: ${meter}\nstatus: {port: 1}\n`);
    const args = ['netns', 'exec', pair.namespace, process.execPath, mainPath, 'doctor', '--config', file, '--json'];
    const out = await new Promise<string>((resolve, reject) =>
      execFile('ip', args, (error, stdout, stderr) => (stdout === '' ? reject(error ?? new Error(stderr)) : resolve(stdout))),
    );
    const { checks } = JSON.parse(out) as { checks: DoctorCheck[] };
    const ours = checks.filter(({ check }) => check.startsWith('port mirror0 '));
    return Object.fromEntries(ours.map((check) => [check.check.slice('port mirror0 '.length), check]));
  }

  test('GRO that merges packets is read off the port, and how to turn it off is said', async () => {
    pair.ethtool('-K', 'mirror0', 'gro', 'on');
    expect((await portChecks(false)).offloads).toEqual({
      check: 'port mirror0 offloads',
      verdict: 'warn',
      found: 'GRO on: packets are merged before they are counted',
      todo: 'ethtool -K mirror0 gro off',
    });
    expect((await portChecks(true)).offloads).toMatchObject({
      verdict: 'ok',
      found: 'GRO on now; the service turns merging off while it meters',
    });
    pair.ethtool('-K', 'mirror0', 'gro', 'off');
    expect((await portChecks(false)).offloads).toMatchObject({
      verdict: 'ok',
      found: 'nothing merges packets: GRO, LRO and rx-gro-hw are off',
      todo: '',
    });
  });

  test('a port without address that only listens is in order; metering makes it promiscuous', async () => {
    const idle = await portChecks(true);
    expect(idle.promiscuous).toMatchObject({ verdict: 'ok', found: 'off now; the service turns it on while it meters' });
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open' });
    const { address, sending, promiscuous } = await portChecks(true);
    expect(address).toMatchObject({ verdict: 'ok', found: 'none, as it should be' });
    expect(sending).toMatchObject({ verdict: 'ok', found: 'nothing was sent while looking' });
    expect(promiscuous).toMatchObject({ verdict: 'ok', found: 'on: frames for others are accepted' });
  });

  test('what could answer the mirror is found on the port; an early drop ends it', async () => {
    expect((await portChecks(true)).quiet).toEqual({
      check: 'port mirror0 quiet',
      verdict: 'warn',
      found: 'the box answers ARP here for addresses of its other ports',
      todo: 'ip link set mirror0 arp off',
    });
    await using meter = new RingDriver(pair);
    await meter.ask({ do: 'open', source: { earlyDrop: true } });
    const { quiet, 'early drop': early } = await portChecks(true);
    expect(quiet).toMatchObject({ verdict: 'ok', found: 'mirrored frames are dropped right behind the capture' });
    // No service of these settings answers, so nobody should have put it there.
    expect(early).toMatchObject({ verdict: 'warn', found: 'on although nothing meters: a service was killed' });
  });

  test('an address and what is sent from it are found, with what to change', async () => {
    pair.address('192.0.2.1/24');
    const speaker = spawn('ip', ['netns', 'exec', pair.namespace, process.execPath, '-e', speak]);
    try {
      await once(speaker.stdout, 'data');
      const { address, sending } = await portChecks(true);
      expect(address).toMatchObject({ verdict: 'warn', found: 'has 192.0.2.1/24' });
      expect(address!.todo).toContain('ip addr flush dev mirror0');
      expect(sending).toMatchObject({ verdict: 'warn', found: expect.stringMatching(/^[1-9]\d* packets sent while looking/) });
      expect(sending!.todo).toContain('end what speaks on mirror0');
    } finally {
      speaker.kill();
      pair.address();
    }
  });
});

/** Facts from this machine: real interfaces, a real folder, a real listener. */
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { doctorChecks } from '../../src/system/doctor_checks.ts';
import { gatherDoctorFacts } from '../../src/system/doctor_facts.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowspan-doctor-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

describe('doctor facts', () => {
  test('a port, a folder, and uplinks that listen, refuse, and are not known', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    writeFileSync(join(folder, 'kept'), 'x'.repeat(1_000));
    const settings = settingsSchema.parse({
      dataFolder: folder,
      meter: { source: 'interface', interfaces: ['lo', 'nosuch0'] },
      export: {
        destinations: [
          { name: 'listens', host: '127.0.0.1', port },
          { name: 'refuses', host: '127.0.0.1', port: 1 },
          { name: 'datagrams', host: '127.0.0.1', transport: 'udp' },
          { name: 'files', transport: 'file', files: { folder: join(folder, 'to be', 'made') } },
          { name: 'nowhere', transport: 'file', files: { folder: join(folder, 'kept', 'flows') } },
        ],
      },
      mqtt: { brokers: [{ name: 'nobody', host: 'broker.invalid', tls: true, port: 8883 }] },
    });
    const facts = await gatherDoctorFacts({ settings, clock: new SystemClock(), running: false });
    server.close();
    expect(facts.interfaces.map(({ name, exists }) => [name, exists])).toEqual([
      ['lo', true],
      ['nosuch0', false],
    ]);
    // Our own connection attempts crossed the loopback while it was looked at.
    expect(facts.receivedWhileLooking.lo).toBeGreaterThan(0);
    expect(facts.uplinks.map(({ name, connects, address }) => [name, connects, address])).toEqual([
      ['listens', true, `tcp://127.0.0.1:${port}`],
      ['refuses', false, 'tcp://127.0.0.1:1'],
      ['datagrams', undefined, 'udp://127.0.0.1:4739'],
      ['files', true, join(folder, 'to be', 'made')],
      ['nowhere', false, join(folder, 'kept', 'flows')],
      ['nobody', undefined, 'mqtts://broker.invalid:8883'],
    ]);
    expect(facts.uplinks[1]!.reason).toBe('nothing listens on that port');
    expect(facts.uplinks[4]!.reason).toContain('ENOTDIR');
    expect(facts.uplinks[5]!.resolved).toEqual([]);
    expect(facts.disk).toMatchObject({ writable: true, usedOctets: 1_000 });
    // Both folders of files are on the disk that was looked at, so what they may take counts.
    const { spool, history, mqtt } = settings;
    const files = 2 * (1_024 + 64) * 1_048_576;
    expect(facts.disk.budgetOctets).toBe(spool.diskBytesMax + history.bytesMax + mqtt.outboxBytesMax + files);
    expect(readdirSync(folder)).toEqual(['kept']);
    expect(
      doctorChecks(facts)
        .filter(({ verdict }) => verdict === 'fail')
        .map(({ check }) => check),
    ).toEqual(expect.arrayContaining(['port nosuch0', 'uplink refuses', 'uplink nowhere', 'uplink nobody']));
  });

  test('a folder that cannot be made is not writable, and nothing else breaks', async () => {
    writeFileSync(join(folder, 'file'), '');
    const settings = settingsSchema.parse({ dataFolder: join(folder, 'file', 'data') });
    const facts = await gatherDoctorFacts({ settings, clock: new SystemClock(), running: false });
    expect(facts.disk).toMatchObject({ writable: false, usedOctets: 0 });
    expect(existsSync(join(folder, 'file', 'data'))).toBe(false);
  });
});

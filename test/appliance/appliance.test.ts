/**
 * The whole box, as a process, against real collectors, a real broker and real disks: what an operator lives through.
 */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { TopAnswer } from '../../src/flow/history_shapes.ts';
import { udpFrame } from '../captures/frames.ts';
import { captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { flowspan } from '../cli/flowspan.ts';
import { Box, endBoxes, until } from './box.ts';
import { Collector } from './collector.ts';

/** 20 s of traffic: 40 flows of 50 packets each, one way, told apart by their ports. */
function capture(folder: string): { path: string; packets: number } {
  const packets = [];
  for (let i = 0; i < 2_000; i++) {
    const frame = udpFrame({ sourcePort: 2_000 + (i % 40), destinationPort: 53, payloadOctets: 100 });
    packets.push({ ns: captureStartNs + BigInt(i) * 10_000_000n, frame });
  }
  const path = join(folder, 'traffic.pcap');
  writeFileSync(path, pcapFile(packets));
  return { path, packets: packets.length };
}

const folderWithCapture = () => {
  const folder = mkdtempSync(join(tmpdir(), 'box-'));
  return { folder, ...capture(folder) };
};
/** Flows end early, so that a test need not wait a minute for records. */
const quick = { activeTimeoutS: 1, idleTimeoutS: 1 };
const toCollector = (port: number) => ({
  destinations: [{ name: 'central', host: '127.0.0.1', port, profile: 'standard' as const, retryFirstMs: 200, retryCapMs: 500 }],
});

afterEach(endBoxes);

describe('a whole box', () => {
  test('meters, keeps, shows and exports; a planned stop delivers everything and says so', async () => {
    const { folder, path } = folderWithCapture();
    const collector = await new Collector().listen();
    await using box = new Box(
      { meter: { source: 'capture', capture: path, loop: false, ...quick }, export: toCollector(collector.port) },
      folder,
    );
    await box.ready();
    expect(box.out).toContain('no MQTT broker is set');
    await box.sees('records arrive', ({ uplinks }) => uplinks[0]!.acknowledgedRecords > 20);
    const page = await fetch(box.url);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await (await fetch(`${box.url}/metrics`)).text()).toMatch(/^flowspan_export_up\{destination="central"\} 1$/m);
    const { ledger } = await box.status();
    expect(ledger.balanced).toBe(true);

    expect(await box.interrupt()).toBe(0);
    expect(box.out).toMatch(/stopped\. Metered [\d,]+ packets into [\d,]+ records/);
    expect(box.out).toContain('nothing waits for a collector');
    const metered = Number(/Metered ([\d,]+)/.exec(box.out)![1]!.replaceAll(',', ''));
    await until(
      () => collector.packets === metered,
      () => `${collector.packets} of ${metered} packets arrived`,
    );
    expect(collector.octets).toBe(metered * 128);
    expect(collector.errors).toEqual([]);
    await collector.vanish();

    // What was kept answers when the box is off.
    const top = await flowspan('top', '--data', join(folder, 'var'), '--by', 'application', '--last', '10m', '--json');
    const answer = JSON.parse(top.out) as TopAnswer;
    expect(answer.total.outPackets + answer.total.inPackets).toBe(metered);
    expect(answer.rows[0]?.key).toBe('udp/53');
  });

  test('a collector that refuses costs nothing: records wait, across a restart and a kill, and arrive in full', async () => {
    const { folder, path } = folderWithCapture();
    const collector = await new Collector().listen();
    await collector.vanish();
    const settings = {
      meter: { source: 'capture' as const, capture: path, loop: false, ...quick },
      export: toCollector(collector.port),
      spool: { persistAfterS: 1 },
    };
    let metered = 0;
    {
      const first = await new Box(settings, folder).ready();
      const status = await first.sees(
        'the refusal is told',
        ({ uplinks }) => uplinks[0]!.state === 'refused' && uplinks[0]!.backlogRecords > 20,
      );
      expect(status.uplinks[0]!.reason).toMatch(/nothing listens there.*ECONNREFUSED/);
      expect(await first.interrupt()).toBe(0);
      expect(first.out).toMatch(/records wait for a collector, on disk/);
      metered += Number(/Metered ([\d,]+)/.exec(first.out)![1]!.replaceAll(',', ''));
    }
    // A second run meters again, and is killed once everything so far is on disk.
    let killed = 0;
    {
      const second = await new Box(settings, folder).ready();
      await second.sees('records of both runs wait', ({ uplinks }) => uplinks[0]!.backlogRecords > 60);
      await second.kill();
      killed = 1;
    }
    await using third = new Box({ ...settings, meter: { source: 'none' } }, folder);
    await third.ready();
    const waiting = await third.sees('what was persisted is found', ({ uplinks }) => uplinks[0]!.backlogRecords > 40);
    await collector.listen();
    const done = await third.sees(
      'the backlog drains',
      ({ uplinks }) => uplinks[0]!.backlogRecords === 0 && uplinks[0]!.acknowledgedRecords > 0,
    );
    expect(collector.packets).toBeGreaterThanOrEqual(metered);
    expect(collector.flows.size).toBeGreaterThanOrEqual(waiting.uplinks[0]!.backlogRecords);
    expect(collector.errors).toEqual([]);
    // The kill is told, not hidden.
    expect(killed === 1 && done.events.some(({ event }) => /gap/i.test(event))).toBe(true);
    await collector.vanish();
  });

  test('a port in use is named with the setting to change; metering and export go on', async () => {
    const { folder, path } = folderWithCapture();
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as AddressInfo;
    const collector = await new Collector().listen();
    await using box = new Box(
      { meter: { source: 'capture', capture: path, ...quick }, export: toCollector(collector.port), status: { port } },
      folder,
    );
    await box.ready();
    expect(box.out).toMatch(new RegExp(`does not work: .*${port}.*in use`));
    expect(box.out).toMatch(/status\.port/);
    await until(
      () => collector.packets > 100,
      () => `only ${collector.packets} packets arrived`,
    );
    expect(await box.interrupt()).toBe(0);
    squatter.close();
    await collector.vanish();
  });

  test('a folder that cannot be written stops the history, not the export, and the page says so', async () => {
    const { folder, path } = folderWithCapture();
    // A file where the folder should be: unwritable for root too.
    writeFileSync(join(folder, 'var'), 'not a folder');
    const collector = await new Collector().listen();
    await using box = new Box(
      { meter: { source: 'capture', capture: path, ...quick }, export: toCollector(collector.port) },
      folder,
    );
    await box.ready();
    const status = await box.sees(
      'the history is stopped',
      ({ stores, uplinks }) => stores[0]!.state === 'stopped' && uplinks[0]!.acknowledgedRecords > 20,
    );
    expect(status.stores[0]!.reason).not.toBe('');
    expect(status.events.some(({ event }) => event === 'historyStopped')).toBe(true);
    expect(collector.packets).toBeGreaterThan(20);
    await box.interrupt();
    await collector.vanish();
  });

  test.each([
    ['a capture that is not there', { source: 'capture' as const, capture: '/nonexistent/x.pcap' }, /nonexistent\/x\.pcap/],
    ['a filter that cannot be read', { source: 'demo' as const, filter: 'port banana' }, /filter.*banana|banana/],
  ])('%s ends the start with 1 and a clear error', async (_, meter, words) => {
    await using box = new Box({ meter });
    expect(await box.ended()).toBe(1);
    expect(box.err).toMatch(words);
  });

  test('a broken settings file ends the start with 1 and names the place', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'box-'));
    const file = join(folder, 'broken.yaml');
    writeFileSync(file, 'meter:\n  threads: 0\n');
    const { code, err } = await flowspan('run', '--config', file);
    expect(code).toBe(1);
    expect(err).toContain(`${file}:2: meter.threads: 0: too small; allowed: at least 1`);
  });

  test('an interface that does not exist is waited for, and said', async () => {
    await using box = new Box({ meter: { source: 'interface', interfaces: ['nonesuch0'] } });
    await box.ready();
    expect(box.out).toMatch(/nonesuch0 \(waiting: .*nonesuch0/);
    const { meter, events } = await box.sees('it waits', (status) => status.meter.state === 'waiting');
    expect(meter).toMatchObject({ code: 'interfaceMissing', reason: expect.stringContaining('nonesuch0') });
    expect(events.some(({ event }) => event === 'meterWaits')).toBe(true);
    expect(await box.interrupt()).toBe(0);
  });

  test('a demo box is alive with its page within ten seconds of its start', async () => {
    await using box = new Box({});
    await box.ready();
    await box.sees('packets come', ({ ledger }) => ledger.received.packets > 100, 10_000);
    expect(box.out).toContain('this is the demo office');
    expect(existsSync(join(box.folder, 'var'))).toBe(true);
    expect(await box.interrupt()).toBe(0);
  });
});

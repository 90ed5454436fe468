/**
 * Sampled records that wait in the spool while the box is started anew under other settings: the collector must be told, before
 * each record, what its selectorId stood for when it was made, and never two things for one number.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';
import { udpFrame } from '../captures/frames.ts';
import { captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { Box, endBoxes, until } from './box.ts';

afterEach(endBoxes);

type Values = Readonly<Record<string, unknown>>;

/** Hears what is told of selectors and what records name, in order, over all sessions. */
class Listener {
  readonly #server: Server;
  readonly told = new Map<number, Set<string>>();
  readonly names = new Map<number, string>();
  readonly packets = new Map<number, number>();
  readonly faults: string[] = [];

  constructor(port: number) {
    this.#server = createServer((socket) => {
      const decoder = new IpfixDecoder();
      const stream = new MessageStream();
      /** Each session has to explain itself. */
      const explained = new Set<number>();
      socket.on('data', (chunk) => {
        for (const message of stream.push(chunk)) {
          for (const { values, scope } of decoder.decode(message).records) {
            if (scope.length > 0) this.#hear(values, explained);
            else this.#count(values, explained);
          }
        }
      });
      socket.on('error', () => {}); // the box may end first
    }).listen(port, '127.0.0.1');
  }

  close(): void {
    this.#server.close();
  }

  #hear(values: Values, explained: Set<number>): void {
    const { selectorId, selectorName, selectorAlgorithm, flowSelectorAlgorithm, samplingProbability, samplingPacketSpace } =
      values;
    if (typeof selectorId !== 'number') return;
    if (typeof selectorName === 'string') this.names.set(selectorId, selectorName);
    if (selectorAlgorithm === undefined && flowSelectorAlgorithm === undefined) return;
    explained.add(selectorId);
    const kind = flowSelectorAlgorithm === undefined ? `packets ${selectorAlgorithm}` : `flows ${flowSelectorAlgorithm}`;
    const meanings = this.told.get(selectorId) ?? new Set<string>();
    this.told.set(selectorId, meanings.add(`${kind} ${samplingProbability ?? `space ${samplingPacketSpace}`}`));
  }

  #count(values: Values, explained: ReadonlySet<number>): void {
    const selectorId = Number(values.selectorId);
    if (!explained.has(selectorId)) this.faults.push(`selector ${selectorId} is named before it is explained`);
    this.packets.set(selectorId, (this.packets.get(selectorId) ?? 0) + Number(values.packetDeltaCount));
  }
}

/** 200 short flows, every tenth of them a call. */
function capture(folder: string): string {
  const packets = Array.from({ length: 2_000 }, (_, i) => ({
    ns: captureStartNs + BigInt(i) * 1_000_000n,
    frame: udpFrame({ sourcePort: 2_000 + (i % 200), destinationPort: i % 10 === 0 ? 5_060 : 53 }),
  }));
  const path = join(folder, 'traffic.pcap');
  writeFileSync(path, pcapFile(packets));
  return path;
}

test('records of earlier runs are explained as what they were, whatever the settings are now', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'box-'));
  const path = capture(folder);
  const port = 20_000 + (process.pid % 20_000);
  const run = async (sampling: object, source: 'capture' | 'none' = 'capture') =>
    new Box(
      {
        meter: { source, capture: path, loop: false, activeTimeoutS: 1, idleTimeoutS: 1, duplicates: 'off', sampling },
        export: {
          destinations: [{ name: 'central', host: '127.0.0.1', port, profile: 'full', retryFirstMs: 100, retryCapMs: 300 }],
        },
        spool: { persistAfterS: 1 },
      },
      folder,
    ).ready();
  const calls = { name: 'calls', ports: [5_060] };
  const metered: number[] = [];
  for (const sampling of [
    { kind: 'random', interval: 4, pools: [calls] },
    { kind: 'flowHash', interval: 2 },
    { kind: 'count', interval: 8, pools: [calls] },
  ]) {
    const box = await run(sampling);
    await box.sees('all is metered', ({ meter }) => meter.state === 'stopped');
    expect(await box.interrupt()).toBe(0);
    metered.push(Number(/Metered ([\d,]+)/.exec(box.out)![1]!.replaceAll(',', '')));
  }
  const listener = new Listener(port);
  await using last = await run({}, 'none');
  await last.sees('the backlog has drained', ({ uplinks }) => {
    const [{ backlogRecords, acknowledgedRecords } = { backlogRecords: 1, acknowledgedRecords: 0 }] = uplinks;
    return backlogRecords === 0 && acknowledgedRecords > 0;
  });
  const all = metered.reduce((sum, one) => sum + one, 0);
  const heard = (): number => [...listener.packets.values()].reduce((sum, one) => sum + one, 0);
  await until(
    () => heard() >= all,
    () => `${heard()} of ${all} packets`,
  );
  expect(listener.faults).toEqual([]);
  expect([...listener.told.values()].every((meanings) => meanings.size === 1)).toBe(true);
  const meaningOf = new Map([...listener.told].map(([selectorId, [meaning]]) => [selectorId, meaning]));
  const byMeaning = [...listener.packets].map(([selectorId, packets]) => [meaningOf.get(selectorId), packets] as const);
  // Both runs with the same pool count under one number: 200 calls' packets each.
  expect(new Map(byMeaning).get('packets 1 space 0')).toBe(400);
  expect(byMeaning.map(([meaning]) => meaning).toSorted()).toEqual([
    'flows 4 0.5',
    'packets 1 space 0',
    'packets 1 space 7',
    'packets 4 0.25',
  ]);
  expect([...listener.names.values()]).toEqual(['calls']);
  listener.close();
});

test('pools come and go with the settings file, without a restart and without losing a flow', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'box-'));
  const meter = {
    source: 'capture' as const,
    capture: capture(folder),
    loop: true,
    activeTimeoutS: 1,
    duplicates: 'off' as const,
  };
  await using box = new Box({ meter }, folder);
  await box.ready();
  await box.sees('every packet counts', ({ meter: { sampling } }) => (sampling.selectors[0]?.observedPackets ?? 0) > 100);
  const file = join(folder, 'settings.yaml');
  const whole = parse(readFileSync(file, 'utf8')) as { meter: object };
  const change = (sampling: object): void => writeFileSync(file, stringify({ ...whole, meter: { ...whole.meter, sampling } }));
  change({ kind: 'random', interval: 8, pools: [{ name: 'calls', ports: [5_060] }] });
  const { meter: pooled, restartNeededFor } = await box.sees('the pool is in force', ({ meter: { sampling } }) => {
    const [first] = sampling.selectors;
    return first?.pool === 'calls' && first.observedPackets > 50;
  });
  expect(restartNeededFor).toEqual([]);
  const [calls, others] = pooled.sampling.selectors;
  expect(calls).toMatchObject({ kind: 'none', inForce: true, selectedPackets: calls!.observedPackets });
  expect(others).toMatchObject({ pool: '', kind: 'random', interval: 8, inForce: true });
  expect(pooled.sampling.selectors[2]).toMatchObject({ selectorId: 0, inForce: false });
  change({});
  const after = await box.sees('every packet counts again', ({ meter: { sampling } }) => {
    return sampling.selectors[0]?.selectorId === 0 && sampling.selectors.filter(({ inForce }) => inForce).length === 1;
  });
  expect(after.events.filter(({ event }) => event === 'samplingChanged').map(({ text }) => text)).toEqual([
    expect.stringMatching(/from every packet to 1 packet in 8: by the settings; pools: calls every packet$/),
    expect.stringMatching(/from 1 packet in 8 to every packet: by the settings$/),
  ]);
  expect(await box.interrupt()).toBe(0);
  expect(box.err).not.toContain('meterBug');
  expect(after.ledger.balanced).toBe(true);
});

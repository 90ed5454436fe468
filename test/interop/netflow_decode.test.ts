/**
 * Our decoders read what others send: softflowd's NetFlow 5, 9 and IPFIX of one capture add up to the capture, and so does what
 * nfdump's nfcapd stored of ours when nfreplay sends it again.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { DecodedMessage } from '../../src/forward/ipfix/decode/decoded.ts';
import { ExportDecoder } from '../../src/forward/netflow/decode/export_decoder.ts';
import { SequenceWatch } from '../../src/forward/netflow/decode/sequence_watch.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { pcapFile } from '../captures/pcap_writer.ts';
import { until } from '../forward/collector.ts';
import { startBox } from '../forward/export_box.ts';
import { blockOf } from '../forward/rows.ts';
import { Nfcapd } from './nfcapd.ts';

const folder = mkdtempSync(join(tmpdir(), 'decode-interop-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a sender against a port of ours and decodes what comes. */
async function heard(
  send: (port: number) => void,
  isAll: (flows: ReturnType<typeof flowsOf>) => boolean,
): Promise<{ messages: DecodedMessage[]; missing: string[] }> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  const decoder = new ExportDecoder();
  const watch = new SequenceWatch();
  const messages: DecodedMessage[] = [];
  const missing: string[] = [];
  socket.on('message', (datagram) => {
    const message = decoder.decode(datagram);
    messages.push(message);
    missing.push(...[watch.missing(message) ?? []].flat());
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  send(socket.address().port);
  await until('all has come', () => isAll(flowsOf(messages)));
  socket.close();
  return { messages, missing };
}

const flowsOf = (messages: readonly DecodedMessage[]) =>
  messages.flatMap(({ records }) => records.filter(({ scope }) => scope.length === 0).map(({ values }) => values));
const total = (flows: ReturnType<typeof flowsOf>, name: string): number =>
  flows.reduce((sum, one) => sum + Number(one[name] ?? 0), 0);

const site = siteConversations({ conversations: 60, segments: 6 });
const capture = join(folder, 'site.pcap');
writeFileSync(capture, pcapFile(site.map(captured)));

test.each(['5', '9', '10'])('softflowd’s version %s is read, and adds up to the capture', async (version) => {
  const { messages } = await heard(
    (port) => execFileSync('softflowd', ['-r', capture, '-v', version, '-n', `127.0.0.1:${port}`, '-d'], { stdio: 'ignore' }),
    (flows) => total(flows, 'packetDeltaCount') >= site.length,
  );
  const flows = flowsOf(messages);
  expect(new Set(messages.map((message) => message.version))).toEqual(new Set([Number(version)]));
  expect(total(flows, 'packetDeltaCount')).toBe(site.length);
  const [one] = site;
  const firstMs = Number(one!.ns / 1_000_000n);
  const same = flows.filter((flow) => flow.sourceIPv4Address === one!.source && flow.sourceTransportPort === one!.sourcePort);
  expect(same.length).toBeGreaterThan(0);
  expect(same[0]).toMatchObject({
    destinationIPv4Address: one!.destination,
    destinationTransportPort: 443,
    protocolIdentifier: 6,
  });
  expect(firstMs).toBeGreaterThan(0);
});

test.each(['5', '9'])('nfreplay’s version %s of what nfcapd stored of ours is what we sent', async (version) => {
  const { nfcapd, port } = await Nfcapd.start();
  try {
    const box = await startBox({ destinations: [{ name: 'a', protocol: 'netflow9', transport: 'udp', port }] });
    const block = blockOf(0, 200, { originNs: BigInt(Date.now() - 60_000) * 1_000_000n });
    box.spool.append(block);
    await until('all is acknowledged', () => box.arrived());
    await box.stop();
    await nfcapd.stop();
    const [file] = readdirSync(nfcapd.folder).filter((name) => name.startsWith('nfcapd.'));
    const stored = join(nfcapd.folder, file!);
    const { messages, missing } = await heard(
      (to) => execFileSync('nfreplay', ['-r', stored, '-H', '127.0.0.1', '-p', String(to), '-v', version], { stdio: 'ignore' }),
      (flows) => flows.length >= 300,
    );
    const flows = flowsOf(messages);
    expect(flows).toHaveLength(300);
    expect(missing).toEqual([]);
    const row8 = flows.find((flow) => flow.sourceIPv4Address === '10.1.0.8');
    expect(row8).toMatchObject({
      destinationIPv4Address: '10.1.200.200',
      sourceTransportPort: 1_032,
      packetDeltaCount: 9,
      octetDeltaCount: 900,
    });
    // nfreplay tells times by an uptime that it takes from its clock anew: a millisecond either way is its own.
    const offMs = Number(row8!.flowStartMilliseconds) - (Number(block.firstStartNs / 1_000_000n) + 8);
    expect(Math.abs(offMs)).toBeLessThanOrEqual(1);
  } finally {
    await nfcapd.remove();
  }
});

/**
 * Names of hosts through the whole program: a capture with each kind, checked by tshark, is replayed by a box, whose API then
 * calls the hosts by name; after the box has stopped nothing of a payload is on its disk but names and addresses.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import type { FlowListAnswer } from '../../src/flow/flow_search_shapes.ts';
import type { HostName } from '../../src/flow/host_names.ts';
import { clientHello } from '../../src/meter/demo/tls_messages.ts';
import { ethernet, ipv4, ipv6, tcp, tcpFlags, udp } from '../captures/frames.ts';
import { cutHello } from '../captures/hellos.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { flowspan } from '../cli/flowspan.ts';
import { a, aaaa, dhcp, dns, labels, textOption, types } from '../pipeline/names/messages.ts';
import { Box, endBoxes } from './box.ts';

const folder = mkdtempSync(join(tmpdir(), 'host-names-'));
afterEach(endBoxes);
afterAll(() => rmSync(folder, { recursive: true }));

const [client, resolver, server, six, late] = ['10.0.0.40', '10.0.0.53', '198.51.100.7', '2001:db8::7', '198.51.100.9'];
const udpTo = (source: string, sourcePort: number, destination: string, destinationPort: number, payload: Uint8Array, id = 0) =>
  ethernet({
    payload: ipv4({ source, destination, identification: id, payload: udp({ sourcePort, destinationPort, payload }) }),
  });
const segment = (from: 'client' | 'server', sequence: number, flags: number, payload: Uint8Array = new Uint8Array()) => {
  const [source, destination] = from === 'client' ? ['2001:db8::40', six] : [six, '2001:db8::40'];
  const [sourcePort, destinationPort] = from === 'client' ? [50_000, 443] : [443, 50_000];
  const acknowledgement = from === 'client' ? 901 : 101;
  return ethernet({
    payload: ipv6({
      source,
      destination,
      payload: tcp({ sourcePort, destinationPort, sequence, acknowledgement, flags, payload }),
    }),
  });
};

/** A hello that ends in a second segment, where the name stands, as post-quantum key shares have it. */
function inTwoSegments(): Uint8Array[] {
  const { first, rest } = cutHello('late.example.com', 1_380);
  const from = { sourcePort: 50_001, destinationPort: 443 };
  const sent = [
    { sequence: 100, flags: tcpFlags.syn },
    { sequence: 101, flags: tcpFlags.ack },
    { sequence: 101, flags: tcpFlags.ack, payload: first },
    { sequence: 101 + first.length, flags: tcpFlags.ack | tcpFlags.psh, payload: rest },
  ];
  return sent.map((fields, identification) =>
    ethernet({ payload: ipv4({ source: client, destination: late, identification, payload: tcp({ ...from, ...fields }) }) }),
  );
}

const frames = [
  udpTo('0.0.0.0', 68, '255.255.255.255', 67, dhcp({ type: 3, options: [textOption(12, 'laptop-9'), [50, [10, 0, 0, 40]]] }), 1),
  udpTo('10.0.0.1', 67, client, 68, dhcp({ fromServer: true, type: 5, yours: client, options: [[51, [0, 0, 14, 16]]] }), 2),
  udpTo(
    client,
    5353,
    '224.0.0.251',
    5353,
    dns({ flags: 0x8400, answers: [a('10.0.0.9', { owner: labels('printer.local'), class: 0x8001 })] }),
    3,
  ),
  udpTo(client, 40_000, resolver, 53, dns({ name: 'www.example.com', flags: 0x0100 }), 4),
  udpTo(
    resolver,
    53,
    client,
    40_000,
    dns({
      name: 'www.example.com',
      answers: [
        { type: types.cname, value: labels('edge.cdn.example') },
        a(server, { owner: labels('edge.cdn.example') }),
        a('198.51.100.8', { owner: labels('edge.cdn.example') }),
      ],
    }),
    5,
  ),
  udpTo(resolver, 53, client, 40_000, dns({ name: 'www.example.com', type: types.aaaa, answers: [aaaa('2001:db8::77')] }), 6),
  udpTo(client, 41_000, server, 4_000, Buffer.from('a secret of the payload'), 7),
  segment('client', 100, tcpFlags.syn),
  segment('server', 900, tcpFlags.syn | tcpFlags.ack),
  segment('client', 101, tcpFlags.ack),
  segment('client', 101, tcpFlags.ack | tcpFlags.psh, clientHello('shop.example.com', new SeededRandom(3))),
  ...inTwoSegments(),
];
const capture = join(folder, 'names.pcap');
writeFileSync(capture, pcapFile(packetsOf(frames, 5_000_000n)));

interface Named extends HostName {
  readonly address: string;
  readonly vendor?: string;
}
const expected = {
  [client]: 'laptop-9',
  '10.0.0.9': 'printer.local',
  [server]: 'www.example.com',
  '198.51.100.8': 'www.example.com',
  '2001:db8::77': 'www.example.com',
  [six]: 'shop.example.com',
  [late]: 'late.example.com',
};

test('tshark reads the same out of the capture', () => {
  const fields = [
    '_ws.malformed',
    'dhcp.option.hostname',
    'dhcp.ip.your',
    'dns.qry.name',
    'dns.a',
    'dns.aaaa',
    'tls.handshake.extensions_server_name',
  ];
  const text = execFileSync(
    'tshark',
    ['-r', capture, '-n', '-T', 'fields', '-E', 'separator=|', ...fields.flatMap((field) => ['-e', field])],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const [lease, granted, announced, , four, sixth, , , , , hello, , , , rest] = text.split('\n').map((line) => line.split('|'));
  expect(text.split('\n').every((line) => line.startsWith('|') || line === '')).toBe(true);
  expect([lease?.[1], granted?.[2]]).toEqual(['laptop-9', client]);
  expect(announced?.[4]).toBe('10.0.0.9');
  expect([four?.[3], four?.[4]]).toEqual(['www.example.com', `${server},198.51.100.8`]);
  expect(sixth?.[5]).toBe('2001:db8::77');
  expect(hello?.[6]).toBe('shop.example.com');
  expect(rest?.[6]).toBe('late.example.com');
});

test('a box calls hosts by the names that the traffic told, keeps them, and keeps nothing else of it', {
  timeout: 120_000,
}, async () => {
  const vendors = join(folder, 'oui.csv');
  writeFileSync(vendors, 'Registry,Assignment,Organization Name,Organization Address\nMA-L,001B21,Example Cards,\n');
  const settings = { meter: { source: 'capture', capture, loop: false }, names: { macVendorFile: vendors } } as const;
  const first = new Box(settings);
  await first.ready();
  const named = async (box: Box): Promise<Record<string, string>> => {
    const { names } = await box.get<{ names: Named[] }>('/api/v1/names');
    return Object.fromEntries(names.map(({ address, name }) => [address, name]));
  };
  await expect.poll(() => named(first), { timeout: 30_000 }).toEqual(expected);
  await first.sees('records', ({ ledger }) => ledger.handedOver.records > 0);
  await expect
    .poll(async () => (await first.get<FlowListAnswer>('/api/v1/flows?filter=port+4000')).names, { timeout: 20_000 })
    .toMatchObject({ [client]: { name: 'laptop-9', source: 'dhcp' }, [server]: { name: 'www.example.com', source: 'dns' } });
  const metrics = await (await fetch(`${first.url}/metrics`)).text();
  for (const line of ['observed_dns 2', 'observed_dhcp 2', 'observed_mdns 1', 'observed_tls 3', 'observations_over_rate 0'])
    expect(metrics).toContain(`flowspan_meter_${line}\n`);
  const data = ['--data', join(first.folder, 'var')];
  const asked = async (...args: string[]): Promise<string> => (await flowspan(...args, ...data)).out;
  expect(await asked('flows', 'port', '4000')).toMatch(
    /10\.0\.0\.40:41000 \(laptop-9\) +198\.51\.100\.7:4000 \(www\.example\.com\)/,
  );
  expect(JSON.parse(await asked('flows', 'port', '4000', '--json'))).toMatchObject({
    sourceHostName: 'laptop-9',
    destinationHostName: 'www.example.com',
  });
  expect(await asked('flows', 'port', '4000', '--csv', '--fields', 'sourceIPv4Address,sourceHostName')).toBe(
    'sourceIPv4Address,sourceHostName\n"10.0.0.40","laptop-9"\n',
  );
  expect(await asked('query', 'port', '4000', '--by', 'conversation')).toContain('10.0.0.40 (laptop-9)');
  // By name as by address, and not by a name that nobody bears.
  const ofLaptop = await asked('flows', 'src host 10.0.0.40', '--json');
  expect(ofLaptop.trim().split('\n').length).toBeGreaterThan(1);
  expect(await asked('flows', 'src hostname laptop-*', '--json')).toBe(ofLaptop);
  expect(await asked('query', 'dst hostname *.example.com and port 4000', '--by', 'destination')).toContain('198.51.100.7');
  const mistyped = await flowspan('flows', 'port 4000 and hostname lapdog-9', ...data);
  expect([mistyped.code, mistyped.err]).toEqual([1, expect.stringMatching(/filter, at 23: no host .* called 'lapdog-9'/)]);
  expect(await asked('query', 'port', '4000', '--by', 'source,destination', '--csv')).toMatch(/,"laptop-9 www\.example\.com"\n$/);
  expect(await asked('names', 'laptop')).toMatch(/10\.0\.0\.40 +laptop-9 +dhcp .* 00:1b:21:00:00:09 +Example Cards\n$/);
  expect(await asked('names', '--csv')).toMatch(/^address,name,source,.*\n(.*\n){7}$/);
  expect(await first.interrupt()).toBe(0);
  expect(await asked('names', 'laptop')).toMatch(/10\.0\.0\.40 +laptop-9 +dhcp .* 00:1b:21:00:00:09\n$/);
  // The stopped box's store and file tell the same.
  expect(await asked('top', '--by', 'host')).toMatch(/10\.0\.0\.40 \(laptop-9\)/);
  expect(await asked('top', '--by', 'host', '--csv')).toMatch(/"10\.0\.0\.40",.*,"laptop-9"\n/);
  expect(JSON.parse(await asked('top', '--by', 'host', '--json')).names[client]).toMatchObject({ name: 'laptop-9' });

  // What the page was not told since: a box without traffic has the names of before.
  const second = new Box({ meter: { source: 'none' } }, first.folder);
  await second.ready();
  await expect.poll(() => named(second), { timeout: 20_000 }).toEqual(expected);
  expect(await second.interrupt()).toBe(0);
  const files = readdirSync(join(first.folder, 'var'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(3);
  for (const { parentPath, name } of files) expect(readFileSync(join(parentPath, name)).includes('a secret')).toBe(false);

  // Switched off, nothing is looked into, and what was known is forgotten.
  const off = { dns: false, dhcp: false, mdns: false, tls: false };
  const third = new Box({ meter: settings.meter, names: off }, first.folder);
  await third.ready();
  await third.sees('records', ({ ledger }) => ledger.handedOver.records > 0);
  expect(await named(third)).toEqual({});
  expect(await (await fetch(`${third.url}/metrics`)).text()).toContain('flowspan_meter_observed_dns 0\n');
  expect(await third.interrupt()).toBe(0);
});

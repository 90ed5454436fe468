/**
 * NetFlow 9 and 5 at nfdump's nfcapd and pmacct's nfacctd: counts to the packet and octet, single records, times, and the rate of a sampler. Rows
 * without a form are on the account, not at the collector.
 */
import { afterEach, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import type { RowFamily } from '../../src/flow/row_layout.ts';
import { until } from '../forward/collector.ts';
import { meteringFacts, startBox } from '../forward/export_box.ts';
import { blockOf } from '../forward/rows.ts';
import { Nfacctd } from './nfacctd.ts';
import { type Flow, Nfcapd, sumOf } from './nfcapd.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const rows = 1_000;
/** On a minute, an hour and something ago: nfcapd shows milliseconds. */
const originMs = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
const shown = (ms: number): string => new Date(ms).toISOString().replace('Z', '');
const familyOf = (n: number): RowFamily =>
  n % 5 === 0 ? 'ipv6' : n % 7 === 0 ? 'ethernet' : n % 11 === 0 ? 'aggregate' : 'ipv4';

/** Of rows that the protocol has a form for. */
function expected(carries: (family: RowFamily) => boolean): {
  packets: number;
  octets: number;
  records: number;
  leftOut: number;
} {
  let [packets, octets, records, leftOut] = [0, 0, 0, 0];
  for (let n = 0; n < rows; n++) {
    if (!carries(familyOf(n))) {
      leftOut++;
      continue;
    }
    const twoWay = n % 2 === 0;
    packets += n + 1 + (twoWay ? Math.ceil((n + 1) / 2) : 0);
    octets += 100 * (n + 1) + (twoWay ? 50 * (n + 1) : 0);
    records += twoWay ? 2 : 1;
  }
  return { packets, octets, records, leftOut };
}

type Change = (row: RowCursor, n: number) => void;

/** A box that sends the rows, changed, to that port. */
async function sendTo(port: number, protocol: 'netflow9' | 'netflow5', change: Change, selectors = meteringFacts.selectors) {
  const box = await startBox({
    destinations: [{ name: 'a', protocol, transport: 'udp', port, messageBytesMax: 1_472 }],
    facts: () => ({ ...meteringFacts, selectors }),
  });
  cleanups.push(() => box.stop(100));
  for (let first = 0; first < rows; first += 250) {
    const block = blockOf(first, 250, { familyOf, originNs: BigInt(originMs) * 1_000_000n });
    const row = new RowCursor(block.bytes);
    for (let i = 0; i < block.count; i++) change(row.at(i, block.firstRow), first + i);
    box.spool.append(block);
  }
  const sent = async (): Promise<void> => {
    await until('all is acknowledged', () => box.arrived());
    await box.stop();
  };
  return { sent, account: () => box.exporters.accounts()[0]!.account };
}

async function send(protocol: 'netflow9' | 'netflow5', change: Change, selectors = meteringFacts.selectors) {
  const { nfcapd, port } = await Nfcapd.start();
  cleanups.push(() => nfcapd.remove());
  const { sent, account } = await sendTo(port, protocol, change, selectors);
  await sent();
  return { flows: await nfcapd.flows(), account: account(), output: nfcapd.output.join('') };
}

const find = (flows: readonly Flow[], port: number, address: string): Flow | undefined =>
  flows.find((flow) => flow.src_port === port && flow.src4_addr === address);

test('version 9: both IP versions and sums of short flows arrive; frames without IP are on the account', async () => {
  const { flows, account, output } = await send('netflow9', (row) => {
    row.dot1qVlanId = 0x1000 | 12;
  });
  const { packets, octets, records, leftOut } = expected((family) => family !== 'ethernet');
  expect(sumOf(flows)).toEqual({ packets, octets });
  expect(flows).toHaveLength(records);
  expect(account).toMatchObject({ notRepresentable: leftOut, acknowledged: rows - leftOut, pending: 0 });
  expect(find(flows, 1024 + 8, '10.1.0.8')).toMatchObject({
    ...{ dst_port: 443, dst4_addr: '10.1.200.200', proto: 6, in_packets: 9, in_bytes: 900, tcp_flags: '...AP.SF', src_vlan: 12 },
    ...{ first: shown(originMs + 8), last: shown(originMs + 13), in_src_mac: '02:00:00:00:00:08' },
  });
  expect(output).toMatch(/Sequence Errors: 0, Bad Packets: 0/);
});

test('version 5: IPv4 arrives with its times, each direction a record; the rest is on the account', async () => {
  const { flows, account, output } = await send('netflow5', () => {});
  const { packets, octets, records, leftOut } = expected((family) => family === 'ipv4' || family === 'aggregate');
  expect(sumOf(flows)).toEqual({ packets, octets });
  expect(flows).toHaveLength(records);
  expect(account).toMatchObject({ notRepresentable: leftOut, acknowledged: rows - leftOut, pending: 0 });
  const reverse = flows.find((flow) => flow.src_port === 443 && flow.dst4_addr === '10.1.0.8');
  expect(reverse).toMatchObject({
    ...{ dst_port: 1024 + 8, proto: 6, in_packets: 5, in_bytes: 450, tcp_flags: '...AP.S.' },
    ...{ first: shown(originMs + 9), last: shown(originMs + 12) },
  });
  expect(output).toMatch(/Sequence Errors: 0, Bad Packets: 0/);
});

test('version 5: a counter beyond 32 bits becomes several records that add up', async () => {
  const large = 10_000_000_001;
  const { flows } = await send('netflow5', (row, n) => {
    if (n === 3) row.octetDeltaCount = large;
  });
  const parts = flows.filter((flow) => flow.src_port === 1024 + 3 && flow.src4_addr === '10.1.0.3');
  expect(parts).toHaveLength(3);
  expect(parts.reduce((sum, { in_bytes }) => sum + Number(in_bytes), 0)).toBe(large);
  expect(parts.reduce((sum, { in_packets }) => sum + Number(in_packets), 0)).toBe(4);
});

// Collectors multiply by the rate that they were told, so sums show whether they understood. nfcapd 1.7.1 reads no sampler of
// version 9, however it is told.
test('version 9: nfacctd takes each record at the rate of its own selector', async () => {
  const rates = [1, 10, 64, 4];
  const nfacctd = await Nfacctd.start(['nfacctd_renormalize: true']);
  cleanups.push(async () => {
    await nfacctd.stop();
    nfacctd.remove();
  });
  const { sent, account } = await sendTo(
    nfacctd.port,
    'netflow9',
    (row, n) => {
      row.selectorId = 1 + (n % 4);
    },
    [
      { selectorId: 1, kind: 'none', interval: 1 },
      { selectorId: 2, kind: 'count', interval: 10 },
      { selectorId: 3, kind: 'random', interval: 64 },
      { selectorId: 4, kind: 'flowHash', interval: 4, pool: 'guests' },
    ],
  );
  await sent();
  const { packets: whole } = expected((family) => family !== 'ethernet');
  const sums = await nfacctd.sums(whole);
  expect(account().pending).toBe(0);
  expect(nfacctd.complaints).toEqual([]);
  for (let n = 1; n < 60; n++) {
    if (familyOf(n) !== 'ipv4') continue;
    const mine = sums.filter(({ port_src, ip_src }) => port_src === 1024 + n && ip_src === `10.1.0.${n}`);
    expect({ n, packets: mine.reduce((sum, { packets }) => sum + packets, 0) }).toEqual({ n, packets: (n + 1) * rates[n % 4]! });
  }
});

test('version 5: records are taken at the rate of the header', async () => {
  const { flows } = await send(
    'netflow5',
    (row) => {
      row.selectorId = 7;
    },
    [{ selectorId: 7, kind: 'random', interval: 10 }],
  );
  const { packets, octets } = expected((family) => family === 'ipv4' || family === 'aggregate');
  expect(sumOf(flows)).toEqual({ packets: packets * 10, octets: octets * 10 });
});

test('rows a month old and rows of now go out in one session, each with its time', async () => {
  const monthNs = BigInt(30 * 86_400_000) * 1_000_000n;
  const { flows } = await send('netflow9', (row, n) => {
    if (n % 2 === 0) return;
    for (const name of ['flowStartNs', 'flowEndNs', 'forwardFlowStartNs', 'forwardFlowEndNs'] as const) row[name] -= monthNs;
  });
  expect(find(flows, 1024 + 8, '10.1.0.8')!.first).toBe(shown(originMs + 8));
  expect(find(flows, 1024 + 9, '10.1.0.9')!.first).toBe(shown(originMs + 9 - Number(monthNs / 1_000_000n)));
});

/** Profiles made for a collector, at that collector: nothing that it takes is misread. */
import { afterEach, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit } from '../../src/flow/row_layout.ts';
import { until } from '../forward/collector.ts';
import { meteringFacts, startBox } from '../forward/export_box.ts';
import { blockOf, sumsOf } from '../forward/rows.ts';
import { Nfacctd } from './nfacctd.ts';
import { Nfcapd, sumOf } from './nfcapd.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const rows = 400;

async function send(port: number, destination: object, kind: 'count' | 'random' = 'count'): Promise<void> {
  const box = await startBox({
    destinations: [{ name: 'a', transport: 'udp', port, messageBytesMax: 1_400, ...destination }],
    facts: () => ({ ...meteringFacts, selectors: [{ selectorId: 2, kind, interval: 8 }] }),
  });
  cleanups.push(() => box.stop(100));
  const block = blockOf(0, rows, { familyOf: (n) => (n % 5 === 0 ? 'ipv6' : 'ipv4') });
  const row = new RowCursor(block.bytes);
  for (let i = 0; i < rows; i++) {
    row.at(i, block.firstRow);
    row.selectorId = 2;
    row.dot1qVlanId = 12;
    row.ipClassOfService = 0x28;
    row.setPresent(presenceBit('vlan'));
  }
  box.spool.append(block);
  await until('all is acknowledged', () => box.arrived());
  await box.stop();
}

test('nfdump: one record for both directions; flags, class of service and VLAN are those of the first', async () => {
  const { nfcapd, port } = await Nfcapd.start();
  cleanups.push(() => nfcapd.remove());
  await send(port, { profile: 'nfdump' });
  const flows = await nfcapd.flows();
  expect(flows).toHaveLength(rows);
  expect(sumOf(flows)).toEqual(sumsOf(0, rows));
  // Row 8 has a reverse direction without FIN: a list with all reverse elements shows that direction's flags.
  expect(flows.find((flow) => flow.src4_addr === '10.1.0.8')).toMatchObject({
    ...{ in_packets: 9, in_bytes: 900, out_packets: 5, out_bytes: 450, tcp_flags: '...AP.SF', src_tos: 0x28, src_vlan: 12 },
    ...{ src_port: 1_032, dst_port: 443, proto: 6, aggr_flows: 1, in_src_mac: '02:00:00:00:00:08' },
  });
  expect(nfcapd.output.join('')).toContain('Sequence Errors: 0, Bad Packets: 0');
});

// nfacctd 1.7.7 does not know samplingProbability (311), which uniform random sampling is told by.
test.each([
  ['pmacct scales up each record by its selector', 'count', { profile: 'pmacct' }, 8],
  ['a probability is passed over', 'random', { profile: 'pmacct' }, 1],
  ['samplingInterval is taken', 'random', { profile: 'pmacct', legacySampling: true }, 8],
] as const)('nfacctd: %s', async (_, kind, destination, factor) => {
  const nfacctd = await Nfacctd.start(['nfacctd_renormalize: true']);
  cleanups.push(async () => {
    await nfacctd.stop();
    nfacctd.remove();
  });
  await send(nfacctd.port, destination, kind);
  const sums = await nfacctd.sums(factor * sumsOf(0, rows).packets);
  expect(sums.reduce((sum, one) => sum + one.packets, 0)).toBe(factor * sumsOf(0, rows).packets);
  expect(sums.reduce((sum, one) => sum + one.bytes, 0)).toBe(factor * sumsOf(0, rows).octets);
  expect(nfacctd.complaints).toEqual([]);
});

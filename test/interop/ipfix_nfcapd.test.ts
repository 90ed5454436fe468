/**
 * nfdump's nfcapd as the collector: it must count what was handed over, to the packet and octet, and show single records
 * as the rows say.
 */
import { afterEach, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { presenceBit, ROW_BYTES } from '../../src/flow/row_layout.ts';
import { until } from '../forward/collector.ts';
import { startBox } from '../forward/export_box.ts';
import { blockOf, sumsOf } from '../forward/rows.ts';
import { Nfcapd, sumOf } from './nfcapd.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test.each(['generic', 'lean', 'standard'])('nfcapd counts what was sent with profile %s', async (profile) => {
  const { nfcapd, port } = await Nfcapd.start();
  cleanups.push(() => nfcapd.remove());
  const box = await startBox({ destinations: [{ name: 'a', transport: 'udp', port, profile, messageBytesMax: 1_400 }] });
  cleanups.push(() => box.stop(100));
  for (let first = 0; first < 2_000; first += 500)
    box.spool.append(blockOf(first, 500, { familyOf: (n) => (n % 5 === 0 ? 'ipv6' : 'ipv4') }));
  await until('all is acknowledged', () => box.arrived());
  await box.stop();
  const flows = await nfcapd.flows();
  expect(sumOf(flows)).toEqual(sumsOf(0, 2_000));
  expect(flows).toHaveLength(profile === 'generic' ? 3_000 : 2_000);
  const one = flows.find((flow) => flow.src_port === 1024 + 7 && flow.src4_addr === '10.1.0.7');
  expect(one).toMatchObject({
    dst_port: 443,
    dst4_addr: '10.1.200.200',
    proto: 6,
    in_packets: 8,
    in_bytes: 800,
    tcp_flags: '...AP.SF',
  });
  // The records of options and statistics were understood or passed over, never a complaint.
  expect(nfcapd.output.join('')).toContain('Sequence Errors: 0, Bad Packets: 0');
  expect(nfcapd.output.join('')).not.toMatch(/corrupt|short|unknown|skip/i);
});

/** What is not known of many flows has no element: without addresses, ports or protocol their packets must count all the same. */
test.each(['generic', 'standard', 'nfdump'])(
  'nfcapd counts records of many flows, whatever they share, with profile %s',
  async (profile) => {
    const { nfcapd, port } = await Nfcapd.start();
    cleanups.push(() => nfcapd.remove());
    const box = await startBox({ destinations: [{ name: 'a', transport: 'udp', port, profile, messageBytesMax: 1_400 }] });
    cleanups.push(() => box.stop(100));
    const block = blockOf(0, 500, { familyOf: () => 'aggregate' });
    const keys = ['addresses', 'ports', 'protocol'] as const;
    for (let n = 0; n < 500; n++) {
      const row = new RowCursor(block.bytes).at(0, block.firstRow + n * ROW_BYTES);
      const unshared = keys.slice(0, n % 4).reduce((bits, key) => bits | presenceBit(key), 0);
      row.view.setUint32(row.base + 4, (row.view.getUint32(row.base + 4) & ~unshared) >>> 0);
      if (n % 8 === 4) row.ipVersion = 6;
      row.deltaFlowCount = 7;
    }
    box.spool.append(block);
    await until('all is acknowledged', () => box.arrived());
    await box.stop();
    const flows = await nfcapd.flows();
    expect(sumOf(flows)).toEqual(sumsOf(0, 500));
    expect(nfcapd.output.join('')).toContain('Sequence Errors: 0, Bad Packets: 0');
    const ofService = flows.find((flow) => Number(flow.in_packets) === 2 || Number(flow.out_packets) === 2);
    expect(ofService).toMatchObject({ dst_port: 443, proto: 6 });
  },
);

/**
 * nfdump's nfcapd as the collector: it must count what was handed over, to the packet and octet, and show single records
 * as the rows say.
 */
import { afterEach, expect, test } from 'vitest';
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

/** nfdump's nfcapd through an outage: live records and the backlog come in two sessions at once, and it must tell them apart. */
import { afterEach, expect, test } from 'vitest';
import { until } from '../forward/collector.ts';
import { startBox } from '../forward/export_box.ts';
import { blockOf, sumsOf } from '../forward/rows.ts';
import { Nfcapd, sumOf } from './nfcapd.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test.each(['ipfix', 'netflow9'])(
  'nfcapd counts live records and a backlog of %s side by side, to the packet',
  async (protocol) => {
    const { nfcapd, port } = await Nfcapd.start();
    cleanups.push(() => nfcapd.remove());
    // What the probe is told: while the host is not there, nothing is sent.
    let there = false;
    const box = await startBox({
      destinations: [{ name: 'a', protocol, transport: 'udp', port, messageBytesMax: 1_400, probe: 'tcp' }],
      probe: () => Promise.resolve(there),
      catchUp: { afterS: 1, recordsPerSecondMax: 2_000 },
      spool: { persistAfterS: 1 },
    });
    cleanups.push(() => box.stop(100));
    for (let first = 0; first < 3_000; first += 500) box.spool.append(blockOf(first, 500));
    await new Promise((resolve) => setTimeout(resolve, 2_300));
    there = true;
    await until('the backlog is on its way', () => box.exporters.statuses()[0]!.catchUp?.state === 'sending');
    for (let first = 3_000; first < 4_000; first += 50) {
      box.spool.append(blockOf(first, 50));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until('all is acknowledged', () => box.arrived());
    await box.stop();
    const flows = await nfcapd.flows();
    expect(sumOf(flows)).toEqual(sumsOf(0, 4_000));
    expect(flows).toHaveLength(6_000); // one record a direction; half of the rows are two-way
    const said = nfcapd.output.join('');
    expect(said).toContain('Bad Packets: 0');
    // An exporter for each domain: sequence numbers of the one are no gaps of the other. Of IPFIX it does not count options
    // records that it passes over, so its own count of sequence errors says nothing there.
    if (protocol === 'netflow9') expect(said).toContain('Sequence Errors: 0');
    else for (const domain of [1, 2_147_483_649]) expect(said).toContain(`Observation domain ${domain} from: 127.0.0.1`);
  },
  60_000,
);

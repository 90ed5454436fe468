/**
 * Layers in orders that nobody thought of: frames composed at random from a seed, behind tags, MPLS, PPPoE or SNAP, up to three tunnels
 * of every kind in each other, IPv6 extension headers and IPv4 options at every depth. The flow must be that of the innermost datagram,
 * and tshark, which shares no code with the meter, has to find the same one.
 */
import { afterAll, expect, test } from 'vitest';
import { defaultSettings } from '../../src/config/load.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { tunnelTypes } from '../../src/flow/decode_annotations.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { OfflineMeter } from '../../src/meter/offline.ts';
import { captureStartNs, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder } from '../meter/metering.ts';
import { dissect, sumsOf } from './dissection.ts';
import { flowOf, type GoldenFlow } from './golden_flow.ts';
import { type Composed, compose, firstPort, type Innermost } from './layers/nesting.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

/** Each datagram has a source port of its own, by which it is found again. */
function innermostOf(path: string): Map<number, Innermost> {
  const tunnels = tunnelTypes.slice(1) as string[];
  const offline = new OfflineMeter(addon, { path, settings: { ...defaultSettings().meter, cacheFlows: 1_024, tunnels } });
  try {
    const all = new Map<number, Innermost>();
    for (const { bytes, firstRow, count } of offline.blocks()) {
      for (let i = 0; i < count; i++) {
        const row = bytes.slice(firstRow + i * ROW_BYTES, firstRow + (i + 1) * ROW_BYTES);
        const { from, to, protocol, out, vlan, customerVlan, tunnel } = flowOf(row) as GoldenFlow;
        const within = tunnel && `${tunnel.type} ${tunnel.id}`;
        const port = Number(/:(\d+)$/.exec(from)?.[1]);
        all.set(port, { from, to, protocol: protocol ?? 0, ip: out.ip, frames: out.frames, vlan, customerVlan, tunnel: within });
      }
    }
    expect(offline.ledger().balanced).toBe(true);
    return all;
  } finally {
    offline.close();
  }
}

/** As tshark's sums name a direction. */
function nameOf({ from, to, protocol }: Innermost): string {
  const end = (text: string): string => text.replace(/[[\]]/g, '').replace(/:(\d+)$/, '/$1');
  return `${end(from)}>${end(to)} ${protocol}`;
}

test.each([1, 2, 3])('frames composed from seed %i', (seed) => {
  const random = new SeededRandom(seed);
  const all: Composed[] = Array.from({ length: 500 }, (_, n) => compose(random, n));
  const packets = all.map(({ frame }, i) => ({ ns: captureStartNs + BigInt(i) * 1_000_000n, frame }));
  const path = folder.write(`nested-${seed}.pcap`, pcapFile(packets, { nanoseconds: true }));
  const ours = innermostOf(path);
  const theirs = dissect(path);
  all.forEach(({ layers, innermost }, n) => {
    expect({ layers, ...ours.get(firstPort + n) }).toEqual({ layers, ...innermost });
    const { ip, frames } = innermost;
    expect({ layers, sums: sumsOf([theirs[n]!], 'inner') }).toEqual({
      layers,
      sums: { [nameOf(innermost)]: { packets: 1, ip, frames } },
    });
  });
  expect(ours.size).toBe(all.length);
});

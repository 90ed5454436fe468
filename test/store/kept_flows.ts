/** A search over a few flows of a small office, for the tests of what asks it. */
import { SystemClock } from '../../src/core/clock.ts';
import { FlowSearch } from '../../src/store/flow_search.ts';
import { blockOf, type RowFacts } from '../pipeline/rows.ts';
import { recentFlows, runOfBlock } from './packed_flows.ts';

/** `count` flows, one a second, the last of them just now: 10.20.1.x to a web server, every fourth to a name server. */
export function officeFlows(count: number, nowMs = new SystemClock().wallMs()): RowFacts[] {
  const firstMs = Math.floor(nowMs) - count * 1_000;
  return Array.from({ length: count }, (_, i): RowFacts => {
    const isDns = i % 4 === 0;
    return {
      source: `10.20.1.${10 + (i % 5)}`,
      destination: isDns ? '10.20.0.53' : '198.51.100.7',
      protocol: isDns ? 17 : 6,
      sourcePort: 40_000 + (i % 1_000),
      destinationPort: isDns ? 53 : 443,
      startNs: BigInt(firstMs + i * 1_000) * 1_000_000n,
      endNs: BigInt(firstMs + i * 1_000 + 250) * 1_000_000n,
      octets: 1_000 + i,
      packets: 4,
      reverseOctets: 10_000 + i,
      reversePackets: 8,
      vlan: 20,
    };
  });
}

export function searchOver(facts: readonly RowFacts[]): FlowSearch {
  const flows = recentFlows(64 * 2 ** 20);
  flows.add(runOfBlock(blockOf(facts, 'wall', 0n)));
  return new FlowSearch({ flows, clock: new SystemClock() });
}

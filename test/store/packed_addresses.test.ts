import { expect, test } from 'vitest';
import { addressColumns } from '../../src/flow/flow_columns.ts';
import { OpenSegment, SegmentMemory, segmentRows } from '../../src/store/flow_segment.ts';
import { blockOf } from '../pipeline/rows.ts';
import { packFlows, runOfBlock } from './packed_flows.ts';

test('addresses that no row has cost a segment nothing, whole or not', () => {
  const outer = addressColumns.findIndex(({ name }) => name === 'outerSourceAddress');
  const row = { source: [10, 0, 0, 1, 0], destination: [10, 0, 0, 2, 0], startNs: 0n, endNs: 1n, octets: 60, packets: 1 };
  const run = runOfBlock(blockOf([row], 'wall', 0n));
  const segment = new OpenSegment(0, new SegmentMemory(packFlows));
  const codesOf = (count: number): Uint16Array => {
    while (segment.count < count) segment.add(run, 0);
    const { addresses, memory } = segment.seal();
    expect(addresses[outer]!.codes.buffer).not.toBe(memory);
    expect(addresses[outer]!.list.version(0)).toBe(0);
    return addresses[outer]!.codes;
  };
  expect(codesOf(3)).toEqual(new Uint16Array(3));
  expect(codesOf(segmentRows)).toEqual(new Uint16Array(segmentRows));
});

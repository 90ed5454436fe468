/** What rows tell about the mirror, across the seam: where it goes, and what is refused. What it means is in test/pipeline/mirror_truth.test.ts. */
import { describe, expect, test } from 'vitest';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import type { RowEvidencePlan } from '../../src/flow/row_evidence.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { evidenceKinds } from '../../src/pipeline/mirror_sums.ts';
import { blockOf, type RowFacts } from '../pipeline/rows.ts';
import { refusalOf } from './refusal.ts';

const { readEvidence } = loadAddon();
const planOf = (more: Partial<RowEvidencePlan> = {}): RowEvidencePlan => ({
  ...{ windowMs: 300_000, seed: 7n, kinds: evidenceKinds, sums: new Float64Array(evidenceKinds.length) },
  ...more,
});
const row = (facts: Partial<RowFacts> = {}): RowFacts => ({ startNs: 0n, endNs: 0n, octets: 100, packets: 3, ...facts });

test('sums are added to where the owner has them, whatever their order', () => {
  const kinds = [...evidenceKinds].reverse();
  const plan = planOf({ kinds });
  const evidence = readEvidence(plan);
  const at = (kind: string): number => plan.sums[kinds.indexOf(kind as never)]!;
  const { bytes, firstRow, count } = blockOf([row({ vlan: 3 }), row({ reverseOctets: 90, reversePackets: 2 })], 'boot', 0n);
  expect(evidence.add(bytes, firstRow, 1, 1_000)).toBe(false);
  expect(evidence.add(bytes, firstRow, count, 2_000)).toBe(true);
  expect([at('rowPackets'), at('taggedRows'), at('untaggedRows')]).toEqual([3 + 3 + 5, 2, 1]);
  expect(plan.sums.reduce((sum, one) => sum + one, 0)).toBe(11 + 2 + 1);
});

test('subnets are counted by their broadcasts, the newest eight, for as long as the window is', () => {
  const evidence = readEvidence(planOf());
  const everybody = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const show = (subnet: number, nowMs: number): void => {
    const ends = {
      source: '10.0.0.1',
      destination: [10, 0, subnet, 255, 0],
      sourceMac: [2, 0, 0, 0, 0, 1],
      destinationMac: everybody,
    };
    const { bytes, firstRow, count } = blockOf([row(ends)], 'boot', 0n);
    evidence.add(bytes, firstRow, count, nowMs);
  };
  const found = [];
  for (let subnet = 0; subnet < 10; subnet++) {
    show(subnet, subnet * 1_000);
    show(0, subnet * 1_000);
    found.push(evidence.subnets(subnet * 1_000));
  }
  expect(found).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8, 8]);
  // Since 4 s five and the first, which was shown each time; since 8.5 s the last and the first.
  expect([304_000, 308_500, 309_000].map((nowMs) => evidence.subnets(nowMs))).toEqual([6, 2, 0]);
});

test.each([
  { before: 1, after: 2, ttl: 63, pairs: [1, 0], what: 'another MAC and a hop less: a router' },
  { before: 1, after: 1, ttl: 63, pairs: [0, 0], what: 'the same MAC and a hop less: another path' },
  { before: 1, after: 2, ttl: 64, pairs: [0, 1], what: 'no hop less: a copy' },
  { before: 1, after: 2, ttl: 61, pairs: [0, 0], what: 'more hops than routers have copies on both sides' },
])('a conversation in another VLAN: $what', ({ before, after, ttl, pairs }) => {
  const plan = planOf();
  const evidence = readEvidence(plan);
  const show = (vlan: number, mac: number, minimumTTL: number): void => {
    const ends = {
      source: '10.0.0.1',
      destination: '10.0.1.1',
      sourceMac: [2, 0, 0, 0, 0, mac],
      destinationMac: [2, 0, 0, 0, 0, 9],
    };
    const { bytes, firstRow, count } = blockOf(
      [row({ ...ends, vlan, protocol: 17, sourcePort: 5_000, destinationPort: 53 })],
      'boot',
      0n,
    );
    new RowCursor(bytes, firstRow).minimumTTL = minimumTTL;
    evidence.add(bytes, firstRow, count, 1_000);
  };
  show(10, before, 64);
  show(20, after, ttl);
  expect(['routedPairs', 'vlanPairs'].map((kind) => plan.sums[evidenceKinds.indexOf(kind as never)])).toEqual(pairs);
});

describe('what is refused, and by name', () => {
  test.each<[string, object, RegExp]>([
    ['a window of no length', { windowMs: 0 }, /windowMs is 0/],
    ['a seed that is no bigint', { seed: 7 }, /seed is 7/],
    ['kinds that lack one', { kinds: evidenceKinds.filter((kind) => kind !== 'superRows') }, /kinds .* a list with superRows/],
    ['too few sums', { sums: new Float64Array(3) }, /sums .* a Float64Array of at least/],
    ['sums of another kind', { sums: new Float32Array(64) }, /sums .* a Float64Array/],
  ])('%s', (_, wrong, message) => {
    expect(refusalOf(() => readEvidence(planOf(wrong)))).toMatch(/^EINVAL/);
    expect(refusalOf(() => readEvidence(planOf(wrong)))).toMatch(message);
  });

  test('rows that are not there, and no time', () => {
    const evidence = readEvidence(planOf());
    expect(refusalOf(() => evidence.add(new Uint8Array(ROW_BYTES), 8, 1, 0))).toMatch(/^EINVAL .*past the end of rows/);
    expect(refusalOf(() => evidence.add([] as never, 0, 1, 0))).toMatch(/^EINVAL .*rows must be a Uint8Array/);
    expect(refusalOf(() => evidence.add(new Uint8Array(ROW_BYTES), 0, 1, 'now' as never))).toMatch(
      /^EINVAL .*nowMs must be a number/,
    );
    expect(refusalOf(() => evidence.subnets(undefined as never))).toMatch(/^EINVAL .*nowMs must be a number/);
  });
});

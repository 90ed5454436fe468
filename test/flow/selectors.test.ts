import { expect, test } from 'vitest';
import { SelectorLog } from '../../src/flow/selectors.ts';

const counts = (meteredPackets: number, sampledOutPackets: number) => ({ meteredPackets, sampledOutPackets });

test('every selector is told with the packets it was shown and took; together they are all packets', () => {
  const log = new SelectorLog();
  log.enter(0, { kind: 'none', interval: 1 }, counts(0, 0));
  log.enter(1, { kind: 'random', interval: 4 }, counts(100, 0));
  log.enter(2, { kind: 'count', interval: 10 }, counts(125, 75));
  const facts = log.facts(counts(135, 165));
  expect(facts).toEqual([
    { selectorId: 0, kind: 'none', interval: 1, observedPackets: 100, selectedPackets: 100 },
    { selectorId: 1, kind: 'random', interval: 4, observedPackets: 100, selectedPackets: 25 },
    { selectorId: 2, kind: 'count', interval: 10, observedPackets: 100, selectedPackets: 10 },
  ]);
  expect(log.facts(counts(135, 165))).toEqual(facts);
});

test('a selector that comes back goes on counting, and is the newest again', () => {
  const log = new SelectorLog();
  log.enter(0, { kind: 'none', interval: 1 }, counts(0, 0));
  log.enter(1, { kind: 'random', interval: 2 }, counts(10, 0));
  log.enter(0, { kind: 'none', interval: 1 }, counts(20, 10));
  expect(log.facts(counts(25, 10))).toEqual([
    { selectorId: 1, kind: 'random', interval: 2, observedPackets: 20, selectedPackets: 10 },
    { selectorId: 0, kind: 'none', interval: 1, observedPackets: 15, selectedPackets: 15 },
  ]);
});

test('rows of a number that nobody knows are not scaled; the log stays bounded', () => {
  const log = new SelectorLog();
  for (let id = 1; id <= 1_000; id++) log.enter(id, { kind: 'random', interval: 2 ** (id % 7) }, counts(id, id));
  expect(log.facts(counts(1_000, 1_000))).toHaveLength(256);
  expect(log.of(1_000)).toMatchObject({ kind: 'random', interval: 2 ** (1_000 % 7) });
  expect(log.of(1)).toBeUndefined();
});

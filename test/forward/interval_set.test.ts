/** Interval sets against a set of numbers, and what closing holes may and may not do. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closeHoles, type Interval, IntervalSet } from '../../src/forward/interval_set.ts';

const range = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: -2, max: 12 }));
const positionsOf = (intervals: readonly Interval[]): number[] =>
  intervals.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
const numbers = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

test('whatever is added and removed, it holds what a set of numbers holds, in order and joined', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), range), { maxLength: 60 }), (steps) => {
      const [set, model] = [new IntervalSet(), new Set<number>()];
      for (const [adds, [from, width]] of steps) {
        const before = model.size;
        for (const position of numbers(from, from + width)) adds ? model.add(position) : model.delete(position);
        const changed = adds ? set.add(from, from + width) : set.remove(from, from + width);
        expect(changed).toBe(Math.abs(model.size - before));
        const held = [...model].sort((a, b) => a - b);
        expect(positionsOf(set.intervals)).toEqual(held);
        expect(set.count).toBe(model.size);
        set.intervals.forEach((one, i) => {
          if (i > 0) expect(one.from).toBeGreaterThan(set.intervals[i - 1]!.to);
        });
        const asked = numbers(from, from + width).filter((position) => model.has(position));
        expect(positionsOf(set.within(from, from + width))).toEqual(asked);
        expect(set.touches(from, from + width)).toBe(asked.length > 0);
      }
    }),
  );
});

test('closing holes keeps all that is owed in no more ranges than allowed, and closes the narrowest', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), (ranges, most) => {
      const set = new IntervalSet(ranges.map(([from, width]) => ({ from, to: from + width })));
      const kept = closeHoles(set.intervals, most);
      expect(kept.length).toBe(Math.min(most, set.intervals.length));
      const covered = new Set(positionsOf(kept));
      for (const position of positionsOf(set.intervals)) expect(covered.has(position)).toBe(true);
    }),
  );
  const holes = [
    { from: 0, to: 1 },
    { from: 10, to: 20 },
    { from: 22, to: 30 },
  ];
  expect(closeHoles(holes, 2)).toEqual([
    { from: 0, to: 1 },
    { from: 10, to: 30 },
  ]);
});

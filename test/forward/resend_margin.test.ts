import { describe, expect, test } from 'vitest';
import { ResendMargin } from '../../src/forward/resend_margin.ts';

const timesOf = ({ from, to }: { from: number; to: number }) => ({ fromMs: from * 1_000, toMs: to * 1_000 });
const rowsOf = (margin: ResendMargin) => margin.intervals.map(({ from, to }) => [from, to]);

describe('the margin', () => {
  test('keeps the newest whole messages that reach so many octets', () => {
    const margin = new ResendMargin();
    for (let i = 0; i < 10; i++) margin.add({ from: i, to: i + 1, octets: 40 }, 100);
    expect(rowsOf(margin)).toEqual([
      [7, 8],
      [8, 9],
      [9, 10],
    ]);
  });

  test('rows that cannot be sent again leave their octets: what is older does not come back', () => {
    const margin = new ResendMargin();
    for (let i = 0; i < 3; i++) margin.add({ from: i, to: i + 1, octets: 40 }, 100);
    margin.forget(1, 3, timesOf);
    expect([rowsOf(margin), margin.touches(1, 3), margin.touches(0, 1)]).toEqual([[[0, 1]], false, true]);
    margin.add({ from: 3, to: 4, octets: 40 }, 100);
    expect(rowsOf(margin)).toEqual([[3, 4]]);
    // Their times are held as long as they would have been.
    expect(margin.gone).toEqual([timesOf({ from: 1, to: 2 }), timesOf({ from: 2, to: 3 })]);
    margin.add({ from: 4, to: 5, octets: 80 }, 100);
    expect(margin.gone).toEqual([]);
  });

  test('a message whose rows are gone counts with its octets alone', () => {
    const margin = new ResendMargin();
    margin.add({ from: 0, to: 5, octets: 40 }, 100);
    margin.add({ from: 5, to: 5, octets: 120 }, 100);
    expect([rowsOf(margin), margin.touches(0, 9)]).toEqual([[], false]);
  });
});

import { describe, expect, test } from 'vitest';
import { DiskGrowth } from '../../../src/system/figures/disk_growth.ts';

const hourMs = 3_600_000;
const total = 64e9;
const unknown = { storageGrowthOctets: null, daysToFull: null };

/** Runs for so many hours, a look every ten minutes: the stores take 100 MB an hour, the disk loses 200 MB. */
function run(growth: DiskGrowth, hours: number, from: { kept: number; free: number; total?: number }, startMs = 5_000) {
  let at = { kept: from.kept, free: from.free, total: from.total ?? total };
  for (let minute = 0; minute <= hours * 60; minute += 10) {
    at = { ...at, kept: from.kept + (minute / 60) * 1e8, free: from.free - (minute / 60) * 2e8 };
    growth.add(at, startMs + minute * 60_000);
  }
  return at;
}

/** As the file of figures keeps it. */
function restarted(growth: DiskGrowth): DiskGrowth {
  const next = new DiskGrowth();
  next.restore(JSON.parse(JSON.stringify({ growth })).growth);
  return next;
}

describe('growth of what is kept, and days to full', () => {
  test('are known at once after a restart, at the pace of the hours in which the box ran', () => {
    const first = new DiskGrowth();
    const end = run(first, 10, { kept: 1e9, free: 40e9 });
    expect(first.growth().storageGrowthOctets).toBeCloseTo(2.4e9, 0);
    const second = restarted(first);
    expect(second.growth()).toEqual(unknown);
    second.add(end, 1_000);
    expect(second.growth().storageGrowthOctets).toBeCloseTo(2.4e9, 0);
    expect(second.growth().daysToFull).toBeCloseTo(end.free / 4.8e9, 6);
  });

  test('what changed while it did not run is no growth: files that were copied, an update', () => {
    const first = new DiskGrowth();
    const end = run(first, 10, { kept: 1e9, free: 40e9 });
    const second = restarted(first);
    const later = run(second, 2, { kept: end.kept - 5e8, free: end.free - 20e9 });
    expect(second.growth().storageGrowthOctets).toBeCloseTo(2.4e9, 0);
    expect(second.growth().daysToFull).toBeCloseTo(later.free / 4.8e9, 6);
  });

  test('a disk of another size, at a start or while running, begins anew; one that cannot be asked changes nothing', () => {
    const first = new DiskGrowth();
    const end = run(first, 10, { kept: 1e9, free: 40e9 });
    first.add({ kept: end.kept, free: 0, total: 0 }, 5_000 + 10 * hourMs);
    expect(first.growth().daysToFull).toBeCloseTo(end.free / 4.8e9, 6);
    const grown = restarted(first);
    run(grown, 5, { ...end, total: 2 * total });
    expect(grown.growth()).toEqual(unknown);
    run(grown, 7, { ...end, total: 2 * total }, 5_000 + 5 * hourMs);
    expect(grown.growth().storageGrowthOctets).not.toBeNull();
    grown.add({ ...end, total: 3 * total }, 13 * hourMs);
    expect(grown.growth()).toEqual(unknown);
  });

  test('over many short runs nothing older than a day of running counts, and no more than its samples are kept', () => {
    let growth = new DiskGrowth();
    let at: { kept: number; free: number } = { kept: 0, free: 60e9 };
    for (let start = 0; start < 40; start++) {
      at = run(growth, 1, at);
      expect(JSON.stringify(growth).length).toBeLessThan(2_000);
      growth = restarted(growth);
    }
    growth.add({ ...at, total }, 0);
    expect(growth.growth().storageGrowthOctets).toBeCloseTo(2.4e9, 0);
    // Once nothing grows any more, a day of running says so.
    for (let hour = 0; hour <= 26; hour++) growth.add({ ...at, total }, hour * hourMs);
    expect(growth.growth()).toEqual({ storageGrowthOctets: 0, daysToFull: 3_650 });
  });

  test.each([
    undefined,
    null,
    7,
    [],
    { total: 1 },
    { total, samples: [] },
    { total, samples: [[0, -1, 2]] },
    { total, samples: [[5, 1, 2]] },
  ])('what is no such thing is left: %j', (kept) => {
    const growth = new DiskGrowth();
    growth.restore(kept);
    growth.add({ kept: 1, free: 2, total }, 0);
    expect(growth.growth()).toEqual(unknown);
  });
});

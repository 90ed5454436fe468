/**
 * The whole appliance in a simulated branch, by seed. Seeds that once showed a fault stay here, with the length of their
 * story; long ones are told by `npm run soak`. FLOWSPAN_SEED and FLOWSPAN_SEEDS as in the other tests under random actions; `npm run sim` runs longer ones.
 */
import { describe, expect, test } from 'vitest';
import { seedsOf } from '../forward/seeds.ts';
import { uplinkKinds } from './branch_settings.ts';
import { Play } from './play.ts';

const days = 0.01;
const seeds = [1, 2, 3];
const onceFailed = [
  [302, 0.015, 'single'], // a planned stop on a dead line left no turn to anything else
] as const;

describe('the whole appliance', () => {
  test.each([...seedsOf(seeds).map((seed, at) => [seed, days, uplinkKinds[at % uplinkKinds.length]!] as const), ...onceFailed])(
    'seed %i, %f days, %s: everything arrives, or is told to be missing',
    async (seed, length, uplinks) => {
      const { faults } = await new Play(seed, length, { uplinks }).run();
      const again = `npm run sim -- --seed ${seed} --days ${length} --uplinks ${uplinks} --trace`;
      expect(faults.slice(0, 5), again).toEqual([]);
    },
  );

  test('the same seed tells the same story', async () => {
    const [first, second] = [await new Play(5, 0.005).run(), await new Play(5, 0.005).run()];
    expect(second).toEqual(first);
    expect((await new Play(6, 0.005).run()).digest).not.toBe(first.digest);
  });

  test.each(uplinkKinds)('a network that claims what is not so is noticed: %s', async (uplinks) => {
    const { faults } = await new Play(302, 0.015, { lies: true, uplinks }).run();
    expect(faults.some((fault) => /is missing/.test(fault))).toBe(true);
  });
});

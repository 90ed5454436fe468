/**
 * The spool against a model under random actions: rows, acknowledgements, lost sessions and collectors that fall, slow, full,
 * silent and damaged stores, planned stops, kills, power cuts, destinations that come and go. After each action the account
 * of every destination is the model's, number by number.
 */
import { describe, expect, test } from 'vitest';
import { seedsOf, withSeed } from './seeds.ts';
import { SpoolPlay } from './spool_play.ts';

const file = 'test/forward/spool_model.test.ts';
const steps = 300;
const seeds = [
  ...Array.from({ length: 20 }, (_, i) => i + 1),
  ...[1_692_795_728, 44_990_458, 877_358_318, 1_401_032_962, 915_304_954, 1_174_670_400, 1_782_590_102, 1_476_204_049],
  ...[1_005_934_820, 1_274_787_478, 364_460_453, 576_506_519, 687_267_730, 235_427_642, 348_187_489, 2_013_993_237],
  ...[1_146_454_209, 992_457_884, 1_706_495_364, 1_348_759_865, 317_989_188],
];

describe('spool against a model', () => {
  const happened: Record<string, number> = {};

  test.each(seedsOf(seeds))('seed %i: nothing is forgotten, nothing comes unasked, every count is right', (seed) =>
    withSeed(seed, file, async () => {
      const play = new SpoolPlay(seed);
      await play.start();
      for (let step = 0; step < steps; step++) await play.step();
      await play.finish();
      for (const [what, times] of Object.entries(play.happened)) happened[what] = (happened[what] ?? 0) + times;
    }),
  );

  test.skipIf(process.env.FLOWSPAN_SEED !== undefined)('the seeds together try everything', () => {
    for (const what of ['acknowledged', 'broken', 'told', 'full', 'silent', 'damaged', 'kill', 'powerCut', 'stop'])
      expect(happened[what] ?? 0, what).toBeGreaterThan(20);
  });
});

/** The image for x86-64, booted (boot_case.ts): part of `scripts/test` too. */
import { afterEach, beforeAll, describe, test } from 'vitest';
import { bootsAndMeters, sinceS } from './boot_case.ts';
import { type BuiltImage, buildImage, imageMissing } from './built.ts';
import { endMachines } from './machine.ts';

const missing = imageMissing();

describe.skipIf(missing !== undefined)(`the image${missing === undefined ? '' : ` (not made, not booted: ${missing})`}`, () => {
  let built: BuiltImage;
  beforeAll(async () => {
    const beganMs = performance.now();
    built = await buildImage();
    process.stdout.write(`image: there after ${sinceS(beganMs)}\n`);
  }, 1_500_000);
  afterEach(endMachines, 30_000);

  test(
    'boots, takes its settings from the FAT, meters, exports what the ledger names, shows the page, and stops as planned',
    {
      timeout: 1_500_000,
    },
    () => bootsAndMeters(built),
  );
});

import { expect, test } from 'vitest';
import { samplingOfBoth } from '../../src/flow/selectors.ts';

test('the kernel’s stage and the meter’s make one rate, and after a random stage nothing is by count', () => {
  expect(samplingOfBoth({ kind: 'count', interval: 10 })).toEqual({ kind: 'count', interval: 10 });
  expect(samplingOfBoth({ kind: 'none', interval: 1, kernelInterval: 4 })).toEqual({ kind: 'random', interval: 4 });
  expect(samplingOfBoth({ kind: 'count', interval: 10, kernelInterval: 4 })).toEqual({ kind: 'random', interval: 40 });
  expect(samplingOfBoth({ kind: 'flowHash', interval: 8, kernelInterval: 2 })).toEqual({ kind: 'flowHash', interval: 16 });
});

import { expect, test } from 'vitest';
import { addedError, packetsError } from '../../src/flow/estimates.ts';

test('errors of independent estimates add up by their squares', () => {
  expect(addedError({ octets: 3, packets: 6 }, { octets: 4, packets: 8 })).toEqual({ octets: 5, packets: 10 });
  expect(addedError({ octets: 3, packets: 6 }, undefined)).toEqual({ octets: 3, packets: 6 });
  expect(addedError(undefined, undefined)).toBeUndefined();
});

test('packets of a selector vary by N (N − 1) for each it took; of whole flows nobody can say', () => {
  expect(packetsError(3, 'random', 4)).toBe(6);
  expect(packetsError(3, 'count', 1)).toBe(0);
  expect(packetsError(3, 'flowHash', 4)).toBeUndefined();
});

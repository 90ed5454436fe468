import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  elementNamed,
  elementNumbered,
  elements,
  findElement,
  PRIVATE_REVERSE_OFFSET,
  penOf,
  REVERSE_PEN,
} from '../../src/flow/elements.ts';

const csv = readFileSync(new URL('../../config/ipfix-iana-elements.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1);

describe('element registry', () => {
  test('every IANA element is there with its number, type and semantics', () => {
    expect(csv.length).toBeGreaterThan(450);
    for (const line of csv) {
      const [id, name, type, semantics, units] = line.split(',');
      const element = elementNumbered(Number(id), 0);
      expect(element, name).toMatchObject({ id: Number(id), name, type, semantics, units, enterprise: 'iana' });
    }
  });

  test('names and numbers are unique', () => {
    expect(new Set(elements.map((e) => e.name)).size).toBe(elements.length);
    expect(new Set(elements.map((e) => `${e.enterprise}/${e.id}`)).size).toBe(elements.length);
  });

  test('the reverse of an IANA element keeps its number under PEN 29305', () => {
    const reverse = elementNamed('reverseOctetDeltaCount');
    expect(reverse).toMatchObject({ id: 1, enterprise: 'reverse', octets: 8 });
    expect(penOf(reverse, 0)).toBe(REVERSE_PEN);
    expect(elementNumbered(1, REVERSE_PEN)).toBe(reverse);
  });

  test('elements that describe no direction have no reverse', () => {
    for (const name of ['reverseBiflowDirection', 'reverseFlowId', 'reverseTemplateId'])
      expect(findElement(name)).toBeUndefined();
  });

  test('own elements exist only under the user’s number', () => {
    const rtt = elementNamed('roundTripTimeMicroseconds');
    expect(penOf(rtt, 0)).toBeUndefined();
    expect(penOf(rtt, 32473)).toBe(32473);
    expect(elementNumbered(rtt.id, 32473)).toBeUndefined();
    expect(elementNumbered(rtt.id, 32473, 32473)).toBe(rtt);
    expect(elementNamed('reverseRoundTripTimeMicroseconds').id).toBe(rtt.id + PRIVATE_REVERSE_OFFSET);
  });
});

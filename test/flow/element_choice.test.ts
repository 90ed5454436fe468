import { expect, test } from 'vitest';
import { collectorPresets } from '../../src/flow/collector_presets.ts';
import { elementFault, exportableNames } from '../../src/flow/element_choice.ts';
import { elementNamed } from '../../src/flow/elements.ts';
import { compileProfile, profileNames, profileSpec } from '../../src/flow/profiles.ts';

test('every name that may be listed can be sent, each by itself beside a counter', () => {
  for (const name of exportableNames) {
    expect(elementFault(name)).toBeUndefined();
    for (const uniflow of [true, false]) {
      const { plans } = compileProfile({ uniflow, elements: [name, 'octetDeltaCount'] }, 99_999);
      expect(plans.every(({ recordOctets }) => recordOctets >= 4)).toBe(true);
    }
  }
});

test.each([
  ['octetdeltacount', /as IANA spells it; did you mean octetDeltaCount\?/],
  ['octetsDeltaCount', /did you mean octetDeltaCount\?/],
  ['flowStartMiliseconds', /did you mean flowStartMilliseconds\?/],
  ['bytes', /^the name of an information element, as IANA spells it$/],
  ['ipNextHopIPv4Address', /this one is not measured/],
  ['reverseOctetDeltaCount', /come by themselves with uniflow: false/],
])('%s is told as what it is', (name, message) => {
  expect(elementFault(name)).toMatch(message);
});

test('presets name elements that rows have and IANA has a number for; of pairs only those that are listed go out twice', () => {
  for (const [name, { elements }] of Object.entries(collectorPresets)) {
    expect(profileNames).toContain(name);
    for (const element of elements) {
      expect(elementFault(element)).toBeUndefined();
      expect(elementNamed(element).enterprise).toBe('iana');
    }
  }
  const names = compileProfile(profileSpec('nfdump'), 0).plans.flatMap(({ fields }) => fields.map(({ element }) => element.name));
  expect([...new Set(names.filter((name) => name.startsWith('reverse')))].sort()).toEqual([
    'reverseOctetDeltaCount',
    'reversePacketDeltaCount',
  ]);
});

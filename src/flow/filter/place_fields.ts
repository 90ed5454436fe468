/** The fields of a filter that ask where an end is: country and autonomous system. Pure. */
import type { FieldEntry } from './filter_fields.ts';

export const placeEntries: readonly FieldEntry[] = [
  {
    name: 'as',
    columns: ['bgpSourceAsNumber', 'bgpDestinationAsNumber'],
    max: 2 ** 32 - 1,
    what: 'the AS number, where known',
    example: 'dst as 64500',
  },
  {
    name: 'country',
    kind: 'country',
    columns: ['sourceCountryCode', 'destinationCountryCode'],
    max: 65_535,
    what: 'the country by its two letters, where known; none for the site’s own ends',
    example: 'dst country [de, fr]',
  },
];

/** The section `places`: where addresses are, told by files that the operator provides. */
import { z } from 'zod';
import { text } from './setting_kinds.ts';

export const places = z
  .strictObject({
    countryFile: text('', {
      reason:
        'Database of countries in MMDB format, such as GeoLite2-Country or DB-IP; rows then bear country codes, and the history counts by country. Read again when the file changes',
    }),
    asFile: text('', {
      reason: 'Database of autonomous systems in MMDB format, such as GeoLite2-ASN; likewise for AS numbers (elements 16 and 17)',
    }),
  })
  .prefault({});

/** What the files tell, and so what the history can count by. */
export function placesTold({ countryFile, asFile }: z.output<typeof places>): ('country' | 'as')[] {
  return [...(countryFile === '' ? [] : ['country' as const]), ...(asFile === '' ? [] : ['as' as const])];
}

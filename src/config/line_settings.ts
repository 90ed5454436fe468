/** The section `line`: what the line at the mirrored port carries and costs. Part of `schema.ts`. */
import { z } from 'zod';
import { facts, integer } from './setting_kinds.ts';

const price = (reason: string) => z.number().min(0).max(1_000_000_000).default(0).meta(facts({ reason }));

export const line = z
  .strictObject({
    kbitsPerSecond: integer(0, 800_000_000, 0, {
      reason:
        'What the line carries, both directions together (100 down and 40 up are 140000 kbit/s): use and growth are shown against it; 0: not told',
      unit: 'kbit/s',
    }),
    costPerMonth: price(
      'What the line costs a month: shown by label (cost centre, tenant, site, service), by their shares of the volume',
    ),
    costPerGigabyte: price('What a gigabyte (10⁹ octets, either direction) costs, beside costPerMonth'),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'a code of ISO 4217, such as EUR')
      .default('EUR')
      .meta(facts({ reason: 'Currency of both, as in ISO 4217' })),
  })
  .prefault({});

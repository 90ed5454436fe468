/** The settings of `meter.sampling`: how packets are selected, pools with rates of their own, sampling under pressure. Part of `schema.ts`. */
import { z } from 'zod';
import { choice, facts, flag, integer, name, prefix } from './setting_kinds.ts';

export const samplingKinds = ['none', 'count', 'random', 'flowHash'] as const;

const selection = (about: { kind: string; interval: string }) => ({
  kind: choice(samplingKinds, 'none', { reason: about.kind, restart: false }),
  interval: integer(1, 1_000_000, 1, { reason: about.interval, unit: 'packets', restart: false }),
});

const selects = (one: { kind: string; interval: number }): boolean => one.kind !== 'none' || one.interval === 1;
const selectsFault = { path: ['kind'], message: 'count, random or flowHash when interval is above 1' };

const adaptive = z
  .strictObject({
    enabled: flag(false, {
      reason:
        'Sample, or sample more, only while the box cannot keep up: every interval is multiplied by n, a power of two that rises at once under pressure and falls again later; random where every packet counted before. Pools of kind none stay exact',
      restart: false,
    }),
    intervalMax: integer(2, 65_536, 64, { reason: 'Largest n, a power of two', unit: 'packets', restart: false }).refine(
      (n) => Number.isInteger(Math.log2(n)),
      'a power of two',
    ),
    kernelIntervalMax: integer(1, 65_536, 64, {
      reason:
        'When packets are lost although the box samples, the kernel passes one in m on before it copies it, at random, from all pools alike; m rises and falls as n does. Largest m, a power of two; 1 turns this off. Only with meter.captureBy ring',
      unit: 'packets',
      restart: false,
    }).refine((n) => Number.isInteger(Math.log2(n)), 'a power of two'),
    ringPercentMax: integer(5, 95, 50, {
      reason: 'A capture ring as full as this is pressure; so are packets that the kernel dropped',
      unit: '%',
      restart: false,
    }),
    cpuPercentMax: integer(10, 100, 85, {
      reason: 'Metering threads as busy as this are pressure; n falls only when the lower one would stay below it',
      unit: '%',
      restart: false,
    }),
    dwellS: integer(5, 3_600, 60, {
      reason: 'n falls one step after this long without pressure; up to 16 times this where falling has just proved wrong',
      unit: 's',
      restart: false,
    }),
  })
  .prefault({});

const portRange = z.union([z.int().min(0).max(65_535), z.string().regex(/^\d{1,5}-\d{1,5}$/)], {
  error: 'a port from 0 to 65535, or a range such as 5060-5061',
});

/** First and last port; undefined for a range that is none. */
export function portsOf(range: number | string): readonly [number, number] | undefined {
  const [first, last = first] = String(range).split('-').map(Number) as [number, number?];
  return first <= last && last <= 65_535 ? [first, last] : undefined;
}

const lists = ['vlans', 'prefixes', 'protocols', 'ports'] as const;

const pool = z
  .strictObject({
    name: name.meta(
      facts({ reason: 'How this pool is called on the page, in figures and to collectors (selectorName)', restart: false }),
    ),
    ...selection({
      kind: 'How packets of this pool are selected, as meter.sampling.kind; none keeps every packet, also under pressure',
      interval: 'One packet of this many is selected, with flowHash one flow',
    }),
    vlans: z
      .array(z.int().min(0).max(4_094))
      .max(64)
      .default([])
      .meta(
        facts({
          reason: '802.1Q identifiers, of the outer or the customer tag; 0 is a frame without one. Empty: any',
          restart: false,
        }),
      ),
    prefixes: z
      .array(prefix)
      .max(32)
      .default([])
      .meta(facts({ reason: 'Address prefixes; source or destination lies in one of them. Empty: any', restart: false })),
    protocols: z
      .array(z.int().min(0).max(255))
      .max(32)
      .default([])
      .meta(facts({ reason: 'IP protocol numbers. Empty: any', restart: false })),
    ports: z
      .array(portRange.refine((range) => portsOf(range) !== undefined, 'first port not above the last, at most 65535'))
      .max(32)
      .default([])
      .meta(
        facts({
          reason: 'Ports or ranges (5060-5061), of the end whose address matches where prefixes are given too. Empty: any',
          restart: false,
        }),
      ),
  })
  .refine(selects, selectsFault)
  .refine((p) => lists.some((list) => p[list].length > 0), {
    path: ['prefixes'],
    message: `at least one of ${lists.join(', ')}: what matches no pool is selected by meter.sampling.kind`,
  });

export const sampling = z
  .strictObject({
    ...selection({
      kind: 'How packets are selected: all, every n-th (RFC 5475 5.1), each with probability 1/n (RFC 5475 5.2.2), or all packets of one flow in n, both directions, by a keyed hash of the flow key (RFC 7014)',
      interval: 'One packet of this many is selected, with flowHash one flow',
    }),
    pools: z
      .array(pool)
      .max(8)
      .default([])
      .refine((all) => new Set(all.map((one) => one.name)).size === all.length, 'every pool needs a name of its own')
      .meta(
        facts({
          reason:
            'Traffic that is selected at a rate of its own. All lists that a pool gives must match, by one member each; a flow belongs to the first pool that matches, both directions',
          restart: false,
        }),
      ),
    adaptive,
  })
  .prefault({})
  .refine(selects, selectsFault);

/** The settings of the section `alerts`: from when the box complains about itself, and to whom. Part of `schema.ts`. */
import { z } from 'zod';
import { choice, facts, flag, integer, MIB, name, text } from './setting_kinds.ts';

const webhook = z.strictObject({
  name: name.meta(facts({ reason: 'How this receiver is called in logs' })),
  url: z
    .url({ protocol: /^https?$/, error: 'an address that begins with https:// or http://' })
    .max(1_000)
    .meta(facts({ reason: 'Where alerts are posted as JSON; redirects are not followed' })),
  secretFile: text('', {
    reason: 'File whose first line is the key of the HMAC-SHA-256 signature in x-flowspan-signature; empty: not signed',
  }),
  caFile: text('', { reason: 'Certificates that sign the receiver’s; empty for the system’s' }),
  severity: choice(['page', 'all'], 'all', { reason: 'Which alerts are posted: those that want somebody now, or all' }),
  timeoutMs: integer(500, 60_000, 10_000, { reason: 'An attempt is given up after this', unit: 'ms' }),
  retryFirstMs: integer(100, 600_000, 5_000, {
    reason: 'Bound of the first wait before trying again; doubles up to retryCapMs',
    unit: 'ms',
  }),
  retryCapMs: integer(100, 3_600_000, 600_000, { reason: 'Longest wait before trying again', unit: 'ms' }),
  ageMaxS: integer(60, 604_800, 86_400, { reason: 'What could not be posted for this long is given up, and counted', unit: 's' }),
});

export const alerts = z
  .strictObject({
    enabled: flag(true, { reason: 'Raise alerts about the box itself' }),
    coolDownS: integer(0, 86_400, 900, {
      reason: 'What is raised again within this after it cleared is told to nobody once more',
      unit: 's',
    }),
    uplinkDownAfterS: integer(5, 86_400, 120, { reason: 'An uplink that is not up for this long is an alert', unit: 's' }),
    // Silence is a finding of the mirror's after two minutes; earlier it could not be told.
    noTrafficAfterS: integer(120, 86_400, 300, {
      reason: 'A mirror port that shows nothing for this long is an alert',
      unit: 's',
    }),
    backlogAgeMaxS: integer(60, 31_536_000, 3_600, { reason: 'Records that wait longer than this are an alert', unit: 's' }),
    budgetPercentMax: integer(10, 100, 60, {
      reason: 'A spool or outbox fuller than this is an alert; from 90 % it pages',
      unit: '%',
    }),
    dropsPerMillionMax: integer(1, 1_000_000, 1_000, {
      reason: 'More packets than this lost before the meter, of a million in five minutes, are an alert',
      unit: 'ppm',
    }),
    diskFreePercentMin: integer(1, 90, 10, {
      reason: 'Less free disk than this is an alert; below a third of it, it pages',
      unit: '%',
    }),
    writtenBytesPerDayMax: integer(MIB, 1_048_576 * MIB, 4_096 * MIB, {
      reason:
        'More than this written to the card in a day is an alert: it wears it out. On a box of the image by the card’s own count; elsewhere what the program wrote, without what a file system adds',
      unit: 'octets',
    }),
    temperatureMaxC: integer(30, 120, 80, { reason: 'A processor hotter than this is an alert', unit: '°C' }),
    memoryFreePercentMin: integer(1, 50, 8, { reason: 'Less available memory than this is an alert', unit: '%' }),
    clockUnsynchronisedAfterS: integer(60, 604_800, 1_800, {
      reason: 'A clock not synchronised for this long is an alert',
      unit: 's',
    }),
    webhooks: z
      .array(webhook)
      .max(8)
      .default([])
      .refine((all) => new Set(all.map((w) => w.name)).size === all.length, 'every webhook needs a name of its own')
      .meta(facts({ reason: 'Receivers of alerts over HTTP' })),
  })
  .prefault({});

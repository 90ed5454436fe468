/** The settings of the section `updates`: where a box that updates itself looks for new versions, and when it may. Part of `schema.ts`. */
import { z } from 'zod';
import { choice, facts, flag, integer, text } from './setting_kinds.ts';

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 01:30');

/** A name that this system's time zone database knows. */
function isTimeZone(name: string): boolean {
  // The default is there everywhere; to look for it loads the language tables, 12 ms of every start.
  if (name === 'UTC') return true;
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name });
    return true;
  } catch {
    return false; // a RangeError, which is how it says that it does not know the zone
  }
}

const folder = z
  .strictObject({
    url: z
      .string()
      .max(1_000)
      .refine((url) => url === '' || (/^https:\/\/[^\s@?#]+$/.test(url) && URL.canParse(url)), {
        error: 'an address that begins with https://, without a user, ? or #',
      })
      .default('')
      .meta(
        facts({
          reason:
            'Folder with index.json and signed bundles, such as https://updates.example/flowspan; empty: no updates are fetched. Redirects are not followed',
        }),
      ),
    caFile: text('', { reason: 'Certificates that sign the server’s; empty for the usual authorities' }),
    certificateFile: text('', { reason: 'Our certificate, where the server asks for one' }),
    keyFile: text('', { reason: 'Private key of certificateFile' }),
    tokenFile: text('', { reason: 'File whose first line is sent as Authorization: Bearer' }),
  })
  .prefault({})
  .refine((one) => (one.certificateFile === '') === (one.keyFile === ''), {
    path: ['keyFile'],
    message: 'certificateFile and keyFile go together',
  });

const window = z
  .strictObject({
    days: z
      .array(z.enum(weekdays as unknown as [Weekday, ...Weekday[]]))
      .min(1)
      .max(7)
      .default([...weekdays])
      .meta(facts({ reason: 'Days on which the window opens' })),
    from: timeOfDay.default('01:00').meta(facts({ reason: 'Local time at which it opens' })),
    until: timeOfDay
      .default('05:00')
      .meta(facts({ reason: 'Local time at which it closes; before from: the next morning; the same as from: open all day' })),
    timeZone: z
      .string()
      .max(64)
      .refine(isTimeZone, { error: 'the name of a time zone, such as Europe/Lisbon' })
      .default('UTC')
      .meta(facts({ reason: 'Zone of from and until' })),
  })
  .prefault({});

export const updates = z
  .strictObject({
    folder,
    checkEveryS: integer(300, 2_592_000, 21_600, {
      reason: 'How often the folder’s index is asked for, give or take a quarter',
      unit: 's',
    }),
    window,
    stage: choice(['share', 'early'], 'share', {
      reason:
        'Which boxes go first: share waits until the index gives a version to a large enough share of the fleet; early takes it at any share',
    }),
    allowOlder: flag(false, {
      reason:
        'Follow the folder to an older version too, and take one that is uploaded. Never needed to go back after an update that does not work',
    }),
    announcements: flag(true, {
      reason: 'A message on the topic update of a broker of mqtt.brokers starts a check; it carries no version and no code',
    }),
    rateKbps: integer(64, 1_000_000, 8_000, { reason: 'Bundles are fetched no faster than this', unit: 'kbit/s' }),
    confirmWithinS: integer(60, 86_400, 3_600, {
      reason: 'A bundle that was uploaded and not confirmed for this long is removed',
      unit: 's',
    }),
  })
  .prefault({});

/** The settings of the section `status`: the page, the API, who may use them. Part of `schema.ts`. */
import { z } from 'zod';
import { choice, facts, flag, host, integer, text } from './setting_kinds.ts';

export const status = z
  .strictObject({
    enabled: flag(true, { reason: 'Serve the status page and the API' }),
    address: text('127.0.0.1', {
      reason: 'Address the page listens on: loopback, an address of this box, or 0.0.0.0 or :: for all',
    }),
    port: integer(0, 65535, 8480, { reason: 'Port of the page' }),
    allowedHosts: z
      .array(host)
      .max(32)
      .default([])
      .meta(
        facts({
          reason:
            'Further names by which browsers may call this box, such as one given by your DNS; others are refused, since a foreign web site could point a name of its own here',
        }),
      ),
    streamsMax: integer(1, 1_000, 32, { reason: 'Browsers that are shown live figures at once' }),
    signIn: choice(['auto', 'on', 'off'], 'auto', {
      reason:
        'Whether people must sign in and programs need a token. auto: always, except on loopback while there is no user and no allowedHosts',
    }),
    setUpCode: z
      .string()
      .regex(/^([A-Za-z0-9-]{8,64})?$/, '8 to 64 letters, digits and dashes')
      .default('')
      .meta(
        facts({
          reason:
            'Code that makes the first user on the page, while there is none; empty makes one up, which the console and the log tell. Any case, dashes left out, O is 0, I and L are 1',
          secret: true,
        }),
      ),
    tls: choice(['auto', 'on', 'off'], 'auto', {
      reason:
        'Whether the page speaks HTTPS. auto: on every address but loopback, and wherever certificateFile is set. off is for a proxy before it',
    }),
    certificateFile: text('', {
      reason:
        'Your certificate for the page, PEM with its chain; empty: one that the box makes for itself. Taken up again when the file changes',
    }),
    keyFile: text('', { reason: 'Private key of certificateFile, PEM' }),
    sessionIdleS: integer(60, 2_592_000, 3_600, {
      reason: 'A browser in which nobody moves is signed out after this; a display on the wall wants more',
      unit: 's',
    }),
    sessionMaxS: integer(300, 31_536_000, 43_200, { reason: 'Everybody signs in again after this', unit: 's' }),
    viewerAddresses: choice(['whole', 'truncated'], 'whole', {
      reason:
        'What viewers see of IP and MAC addresses: all, or prefixes only, wherever one stands; they can then not ask for single hosts either',
    }),
    viewerIpv4PrefixLength: integer(0, 32, 24, {
      reason: 'Bits of an IPv4 address that viewers see when truncated',
      unit: 'bits',
    }),
    viewerIpv6PrefixLength: integer(0, 128, 48, {
      reason: 'Bits of an IPv6 address that viewers see when truncated',
      unit: 'bits',
    }),
  })
  .prefault({})
  .refine((s) => (s.certificateFile === '') === (s.keyFile === ''), {
    path: ['keyFile'],
    message: 'certificateFile and keyFile go together',
  });

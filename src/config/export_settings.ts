/** The settings of the section `export`: destinations, what they are sent, how, and what they must not see. Part of `schema.ts`. */
import { z } from 'zod';
import { elementFault } from '../flow/element_choice.ts';
import { findElement } from '../flow/elements.ts';
import { compressions } from '../flow/file_compression.ts';
import { profileNames } from '../flow/profiles.ts';
import { choice, facts, flag, hostOrNone, integer, MIB, name, port, text } from './setting_kinds.ts';

const privacy = z
  .strictObject({
    addresses: choice(['keep', 'truncate', 'pseudonymise'], 'keep', {
      reason:
        'What becomes of IP addresses before they are sent: kept, cut to their prefix, or replaced by prefix-preserving pseudonyms (Crypto-PAn) under a key. With either, host names and tunnels’ outer addresses are left out. IPFIX collectors are told (RFC 6235); NetFlow has no form for it',
    }),
    ipv4PrefixLength: integer(0, 32, 24, { reason: 'Bits of an IPv4 address that truncation keeps', unit: 'bits' }),
    ipv6PrefixLength: integer(0, 128, 48, { reason: 'Bits of an IPv6 address that truncation keeps', unit: 'bits' }),
    keyFile: text('', {
      reason:
        'File with the key of the pseudonyms: 64 hexadecimal digits (openssl rand -hex 32). The same key gives the same pseudonyms, also at another box',
    }),
    leaveOut: z
      .array(z.enum(['ports', 'macs']))
      .default([])
      .meta(facts({ reason: 'What is not sent at all: transport ports, MAC addresses' })),
  })
  .prefault({})
  .refine((p) => (p.addresses === 'pseudonymise') === (p.keyFile !== ''), {
    path: ['keyFile'],
    message: 'a file name when addresses is pseudonymise, and only then',
  });

const files = z
  .strictObject({
    folder: text('', { reason: 'Folder of the files; made when it is not there' }),
    rotateS: integer(60, 604_800, 3_600, {
      reason: 'The next file begins this often, at multiples of it by the clock (UTC)',
      unit: 's',
    }),
    rotateBytes: integer(65_536, 65_536 * MIB, 64 * MIB, { reason: 'Or when the file is this large', unit: 'octets' }),
    syncMs: integer(100, 60_000, 2_000, {
      reason:
        'What was written is synced to the disk, and so acknowledged, after this; above spool.persistAfterS rows are written twice',
      unit: 'ms',
    }),
    compression: choice(compressions, 'none', { reason: 'What a finished file is compressed with' }),
    filesMax: integer(2, 1_000_000, 10_000, { reason: 'Finished files kept; the oldest are deleted first', unit: 'files' }),
    bytesMax: integer(MIB, 1_048_576 * MIB, 1_024 * MIB, { reason: 'Disk for finished files', unit: 'octets' }),
    ageMaxS: integer(3_600, 315_360_000, 2_592_000, { reason: 'Finished files older than this are deleted', unit: 's' }),
  })
  .prefault({});

/** One that rows can give; what is wrong with another is said in words. */
const element = z.string().superRefine((name, context) => {
  const message = elementFault(name);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const destination = z
  .strictObject({
    name: name.meta(
      facts({ reason: 'How this destination is called on the page, in logs and in the spool; renaming starts it anew' }),
    ),
    protocol: choice(['ipfix', 'netflow9', 'netflow5'], 'ipfix', {
      reason:
        'What is spoken; NetFlow over UDP alone, for collectors without IPFIX: one record per direction, fewer fields, and what it has no form for is counted',
    }),
    transport: choice(['udp', 'tcp', 'tls', 'file'], 'tcp', {
      reason: 'How it is carried; TCP and TLS can prove arrival, UDP cannot; file writes IPFIX files (RFC 5655) on this box',
    }),
    host: hostOrNone.meta(facts({ reason: 'Name or address of the collector; names are resolved again on every reconnect' })),
    port: port.default(4739).meta(facts({ reason: 'Port of the collector (4739 is IANA’s for IPFIX, 4740 over TLS)' })),
    failoverGroup: name
      .or(z.literal(''))
      .default('')
      .meta(
        facts({
          reason:
            'Destinations of one group get each record once: the first in this file that takes it. Empty: this destination gets everything for itself',
        }),
      ),
    balanceGroup: name
      .or(z.literal(''))
      .default('')
      .meta(
        facts({
          reason:
            'Destinations of one group share the flows by a hash of addresses, protocol and ports: both directions of a flow go to the same one. The share of one that is down goes to the next in this file, and returns with it. What waits for a group is not merged when the spool nears its budget: the oldest is dropped, and each is told of its own share of that',
        }),
      ),
    profile: choice(profileNames, 'generic', {
      reason:
        'Which elements are sent; generic is understood by every collector, lean, standard and full are RFC 5103 biflows, the others are made for the collector of that name',
    }),
    elements: z
      .array(element)
      .default([])
      .meta(facts({ reason: 'Elements to send instead of a profile’s; addresses and ICMP type and code come by themselves' })),
    legacySampling: flag(false, {
      reason:
        'Tell the sampling rate as samplingInterval (34) and samplingAlgorithm (35) too, for collectors that read nothing else: one rate for all records, that of the newest selector in force',
    }),
    files,
    privacy,
    uniflow: flag(true, { reason: 'With elements: one record per direction instead of RFC 5103 biflows' }),
    templateResendS: integer(1, 86_400, 60, { reason: 'Over UDP templates are resent this often (RFC 7011 8.1)', unit: 's' }),
    messageBytesMax: integer(0, 65_535, 0, {
      reason: 'Largest message; 0 takes 512 or the known path over UDP, 16 384 over TCP',
      unit: 'octets',
    }),
    udpMessagesPerSecondMax: integer(1, 1_000_000, 5_000, {
      reason: 'Over UDP no more messages a second than this, so that a backlog does not overrun the collector',
      unit: 'messages/s',
    }),
    probe: choice(['auto', 'tcp', 'none'], 'auto', {
      reason:
        'Over UDP arrival is taken for proven when the collector’s host answers a TCP connection attempt (accepted or refused) begun after the send; auto relies on it once an answer has been seen, none trusts the local network port alone',
    }),
    probePort: integer(0, 65535, 0, { reason: 'TCP port that the probe tries; 0 takes the collector’s own' }),
    connectTimeoutMs: integer(100, 120_000, 10_000, { reason: 'A connection attempt is given up after this', unit: 'ms' }),
    retryFirstMs: integer(10, 600_000, 1_000, {
      reason: 'Bound of the first wait before reconnecting; doubles up to retryCapMs',
      unit: 'ms',
    }),
    retryCapMs: integer(10, 3_600_000, 120_000, {
      reason:
        'Longest wait before reconnecting. Waits are spread by chance between a tenth of the bound and all of it, so that branches do not come back together: at 120 s that is about one attempt a minute',
      unit: 'ms',
    }),
    resendMarginBytes: integer(0, 16 * MIB, 65_536, {
      reason:
        'Octets before the proven point that are sent again in the next session, since proxies and crashed collectors lose what they acknowledged',
      unit: 'octets',
    }),
    caFile: text('', { reason: 'TLS: certificates that sign the collector’s; empty for the system’s' }),
    certificateFile: text('', { reason: 'TLS: our certificate, where the collector asks for one' }),
    keyFile: text('', { reason: 'TLS: our private key' }),
  })
  .refine((d) => (d.certificateFile === '') === (d.keyFile === ''), {
    path: ['keyFile'],
    message: 'certificateFile and keyFile go together',
  })
  .refine((d) => (d.transport === 'file') === (d.host === ''), {
    path: ['host'],
    message: 'the name or address of the collector; none when transport is file',
  })
  .refine((d) => (d.transport === 'file') === (d.files.folder !== ''), {
    path: ['files', 'folder'],
    message: 'a folder when transport is file, and only then',
  })
  // Shares are taken over by one another, and two would write to one file.
  .refine((d) => d.transport !== 'file' || d.balanceGroup === '', {
    path: ['balanceGroup'],
    message: 'none when transport is file',
  })
  .refine((d) => d.protocol === 'ipfix' || d.transport === 'udp', {
    path: ['transport'],
    message: 'udp with NetFlow',
  })
  .refine((d) => d.protocol === 'ipfix' || d.elements.length === 0, {
    path: ['elements'],
    message: 'none with NetFlow, whose fields are fixed',
  })
  .refine((d) => d.elements.length === 0 || d.elements.some((name) => /^(octet|packet)DeltaCount$/.test(name)), {
    path: ['elements'],
    message: 'octetDeltaCount or packetDeltaCount among them: records without either count nothing',
  });

const catchUp = z
  .strictObject({
    afterS: integer(1, 86_400, 30, {
      reason:
        'After an outage live records go first: what has waited longer than this follows in a transport session of its own, in the order of time, with its original times',
      unit: 's',
    }),
    observationDomainId: integer(0, 4_294_967_295, 0, {
      reason:
        'observationDomainId of that session, so that a collector can tell; 0 takes the box’s own with its highest bit changed (1 becomes 2147483649)',
    }),
    recordsPerSecondMax: integer(1, 10_000_000, 20_000, {
      reason: 'No more rows a second than this leave that way (a row is one record, or two with uniflow)',
      unit: 'rows/s',
    }),
    kbitsPerSecondMax: integer(8, 100_000_000, 100_000, { reason: 'No more than this leaves that way', unit: 'kbit/s' }),
    uplinkPercentMax: integer(1, 100, 50, {
      reason:
        'Over TCP and TLS no more than this share of what the uplink is measured to carry, by a short burst every 30 s; 100 measures and limits nothing',
      unit: '%',
    }),
  })
  .prefault({});

export const exporting = z
  .strictObject({
    observationDomainId: integer(1, 4_294_967_295, 1, { reason: 'observationDomainId (149) of this box’s records' }),
    privateEnterpriseNumber: integer(0, 4_294_967_295, 0, {
      reason: 'Your IANA private enterprise number, for elements that IANA has none for; 0 leaves those out',
    }),
    catchUp,
    destinations: z
      .array(destination)
      .max(16)
      .default([])
      .refine((all) => new Set(all.map((d) => d.name)).size === all.length, 'every destination needs a name of its own')
      .refine(
        (all) => !all.some((d) => all.some(({ failoverGroup }) => failoverGroup === d.name)),
        'a failover group needs a name that no destination has',
      )
      .refine(
        (all) => all.every((d) => d.balanceGroup === '' || all.every((o) => ![o.name, o.failoverGroup].includes(d.balanceGroup))),
        'a balance group needs a name that no destination and no failover group has',
      )
      .refine(
        (all) => all.every((d) => d.balanceGroup === '' || d.failoverGroup === ''),
        'balanceGroup or failoverGroup, not both',
      )
      .meta(facts({ reason: 'Collectors that receive flow records' })),
    failoverReturnS: integer(1, 86_400, 60, {
      reason: 'While a later collector of a failover group is used, the first is tried this often',
      unit: 's',
    }),
  })
  .prefault({})
  .refine((e) => e.observationDomainId !== e.catchUp.observationDomainId, {
    path: ['catchUp', 'observationDomainId'],
    message: 'another number than observationDomainId, or 0',
  })
  .superRefine(({ destinations, privateEnterpriseNumber }, context) => {
    if (privateEnterpriseNumber > 0) return;
    for (const [index, { elements }] of destinations.entries()) {
      for (const [place, name] of elements.entries()) {
        if (findElement(name)?.enterprise !== 'private') continue;
        const message = `elements that IANA has a number for; ${name} needs a number of your own: set export.privateEnterpriseNumber`;
        context.addIssue({ code: 'custom', path: ['destinations', index, 'elements', place], message });
      }
    }
  });

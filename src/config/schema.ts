/**
 * Every setting, once: type, default, bounds, unit, reason, and whether a change needs a restart. Validation, defaults,
 * the reference in `config/`, the JSON schema for editors and the settings view all derive from this file and the sections
 * beside it (`alert_settings.ts`, `export_settings.ts`, `status_settings.ts`, `target_settings.ts`, `update_settings.ts`).
 *
 * Keys are spelled as in code, unit last. Unknown keys are refused. What is marked `secret` is redacted wherever shown, and of web
 * addresses all but the origin.
 */
import { z } from 'zod';
import { tunnelTypes } from '../flow/decode_annotations.ts';
import { alerts } from './alert_settings.ts';
import { device } from './device_settings.ts';
import { exporting } from './export_settings.ts';
import { labels } from './label_settings.ts';
import { line } from './line_settings.ts';
import { names } from './name_settings.ts';
import { places } from './place_settings.ts';
import { sampling } from './sampling_settings.ts';
import { choice, facts, flag, host, integer, MIB, name, port, prefix, text } from './setting_kinds.ts';
import { status } from './status_settings.ts';
import { targets } from './target_settings.ts';
import { updates } from './update_settings.ts';

const meter = z
  .strictObject({
    source: choice(['interface', 'capture', 'demo', 'none'], 'demo', {
      reason: 'Where packets come from: a mirror port, a capture file replayed in real time, the bundled demo office, or nowhere',
    }),
    interfaces: z
      .array(name)
      .max(8)
      .default([])
      .meta(facts({ reason: 'Mirror ports to meter when source is interface' })),
    captureBy: choice(['ring', 'libpcap'], 'ring', {
      reason:
        'How mirror ports are read: the kernel’s capture ring (TPACKET_V3), or the npm package pcap for hosts without it: ' +
        'one thread, and packets are lost while the program is busy',
    }),
    capture: text('', { reason: 'Capture file to replay when source is capture' }),
    loop: flag(true, { reason: 'Replay the capture again when it ends' }),
    filter: text('', { reason: 'Only packets that match this pcap-filter expression are metered' }),
    threads: integer(1, 16, 1, { reason: 'Metering threads; packets are spread over them by address pair' }),
    ringBytes: integer(MIB, 1024 * MIB, 16 * MIB, {
      reason:
        'Capture ring per interface and thread, taken at start: longer rides over pauses. 16 MiB hold 0.2 s of a full gigabit of mixed packets',
      unit: 'octets',
    }),
    snapLength: integer(64, 262_144, 256, {
      reason:
        'Octets of each frame that are looked at; lengths are always the whole frame. The ring keeps those of packets that name hosts (section names) whole',
      unit: 'octets',
    }),
    promiscuous: flag(true, { reason: 'A mirror port must accept frames for others' }),
    manageOffloads: flag(true, {
      reason: 'Turn GRO, LRO, rx-gro-hw and the like off while metering, since merged packets falsify counts; restored on exit',
    }),
    earlyDrop: flag(false, {
      reason:
        'Drop mirrored frames right behind the capture (tc ingress), so that the kernel’s stack has no work with them and nothing on this box answers them; never on a port with an IP address, and only with captureBy ring',
    }),
    cacheFlows: integer(1_024, 16_777_216, 65_536, {
      reason:
        'Flows held at once; memory for all, 255 octets each, is taken at start. 25 times the new flows of a busy second are enough; when it is full, short flows share records, and no packet is lost',
      unit: 'flows',
    }),
    activeTimeoutS: integer(1, 3_600, 60, {
      reason: 'A long flow is reported this often, aligned to minute boundaries',
      unit: 's',
      restart: false,
    }),
    idleTimeoutS: integer(1, 3_600, 15, { reason: 'A flow without packets for this long has ended', unit: 's', restart: false }),
    idleTimeoutByProtocolS: z
      .record(z.string().regex(/^(25[0-5]|2[0-4]\d|1?\d?\d)$/, 'a protocol number from 0 to 255'), z.int().min(1).max(3_600))
      .default({})
      .meta(facts({ reason: 'Idle time-outs that differ by IP protocol number', unit: 's' })),
    lingerMs: integer(0, 60_000, 1_000, { reason: 'A TCP flow that has ended waits this long for late packets', unit: 'ms' }),
    vlanInKey: flag(true, { reason: 'The same addresses in different VLANs are different flows' }),
    duplicates: choice(['off', 'report', 'remove'], 'report', { reason: 'What to do with packets that the mirror shows twice' }),
    duplicateWindowMs: integer(1, 2_000, 50, { reason: 'A copy arrives within this time of the first', unit: 'ms' }),
    tunnels: z
      .array(z.enum(tunnelTypes.slice(1) as unknown as [string, ...string[]]))
      .default([])
      .meta(facts({ reason: 'Tunnels that are opened to the inner flow' })),
    sampling,
    blocks: integer(4, 4_096, 64, { reason: 'Blocks of finished rows that can wait for the pipeline', unit: 'blocks' }),
    rowsPerBlock: integer(16, 8_192, 512, { reason: 'Rows in one block', unit: 'rows' }),
  })
  .prefault({})
  .refine((m) => m.source !== 'interface' || m.interfaces.length > 0, {
    path: ['interfaces'],
    message: 'at least one interface name when source is interface',
  })
  .refine((m) => m.source !== 'capture' || m.capture !== '', {
    path: ['capture'],
    message: 'a file name when source is capture',
  })
  .superRefine((m, context) => {
    if (m.vlanInKey) return;
    m.sampling.pools.forEach(({ vlans }, index) => {
      if (vlans.length === 0) return;
      const path = ['sampling', 'pools', index, 'vlans'];
      context.addIssue({ code: 'custom', path, message: 'none while vlanInKey is false: a flow would be in several pools' });
    });
  });

const spool = z
  .strictObject({
    memoryBytesMax: integer(MIB, 4_096 * MIB, 32 * MIB, {
      reason: 'Newest rows held in memory before they must go to disk',
      unit: 'octets',
    }),
    diskBytesMax: integer(MIB, 1_048_576 * MIB, 2_048 * MIB, {
      reason: 'Disk for rows that wait for a collector',
      unit: 'octets',
    }),
    ageMaxS: integer(60, 31_536_000, 2_592_000, { reason: 'Rows older than this are dropped, and counted', unit: 's' }),
    persistAfterS: integer(1, 3_600, 5, { reason: 'Rows not acknowledged for this long go to disk', unit: 's' }),
    thin: flag(true, {
      reason:
        'Near diskBytesMax the oldest rows are merged by minute, then by hour, before any is dropped; packets and octets stay exact. What a balance group waits for is dropped unmerged',
    }),
  })
  .prefault({});

const broker = z
  .strictObject({
    name: name.meta(facts({ reason: 'How this broker is called on the page and in logs' })),
    host: host.meta(facts({ reason: 'Name or address of the MQTT 5 broker' })),
    port: port.default(1883).meta(facts({ reason: 'Port of the broker (8883 over TLS)' })),
    tls: flag(false, { reason: 'Speak TLS' }),
    caFile: text('', { reason: 'TLS: certificates that sign the broker’s; empty for the system’s' }),
    certificateFile: text('', { reason: 'TLS: our certificate, where the broker asks for one' }),
    keyFile: text('', { reason: 'TLS: our private key' }),
    username: text('', { reason: 'User name; empty for none' }),
    password: text('', { reason: 'Password; passwordFile keeps it out of this file', secret: true }),
    passwordFile: text('', { reason: 'File whose first line is the password' }),
    keepAliveS: integer(5, 3_600, 30, { reason: 'The broker notices our loss after one and a half times this', unit: 's' }),
    encoding: choice(['json', 'msgpack'], 'json', { reason: 'How payloads are written' }),
    homeAssistantPrefix: text('', {
      reason:
        'Announce the box to Home Assistant below this topic (homeassistant by default there), so that it shows health and traffic by itself; empty announces nothing',
    }),
    inFlightMax: integer(1, 1_000, 50, { reason: 'Messages on the way that are not acknowledged yet' }),
    connectTimeoutMs: integer(100, 120_000, 10_000, { reason: 'A connection attempt is given up after this', unit: 'ms' }),
    acknowledgeTimeoutMs: integer(1_000, 600_000, 60_000, {
      reason: 'A broker that acknowledges nothing for this long is taken for dead',
      unit: 'ms',
    }),
    offlineAfterS: integer(0, 3_600, 5, {
      reason: 'The broker announces our loss (the last will) after this; a reconnect within it is not announced',
      unit: 's',
    }),
    sessionExpiryS: integer(0, 86_400, 60, {
      reason: 'The broker remembers our session this long after a loss; at least offlineAfterS',
      unit: 's',
    }),
    retryFirstMs: integer(10, 600_000, 1_000, {
      reason: 'Bound of the first wait before reconnecting; doubles up to retryCapMs',
      unit: 'ms',
    }),
    retryCapMs: integer(10, 3_600_000, 60_000, { reason: 'Longest wait before reconnecting', unit: 'ms' }),
  })
  .refine((b) => b.homeAssistantPrefix === '' || b.encoding === 'json', {
    path: ['encoding'],
    message: 'json where homeAssistantPrefix is set, which reads nothing else',
  });

const mqtt = z
  .strictObject({
    brokers: z
      .array(broker)
      .max(4)
      .default([])
      .refine((all) => new Set(all.map((b) => b.name)).size === all.length, 'every broker needs a name of its own')
      .meta(facts({ reason: 'MQTT 5 brokers that receive summaries and health' })),
    topicPrefix: text('flowspan/v1', { reason: 'First levels of every topic; site and node follow' }),
    healthPeriodS: integer(5, 3_600, 60, { reason: 'How often health is published', unit: 's' }),
    summaryTop: integer(1, 100, 10, { reason: 'Hosts, conversations and applications named in a summary' }),
    outboxBytesMax: integer(MIB, 65_536 * MIB, 64 * MIB, { reason: 'Disk for messages that wait for a broker', unit: 'octets' }),
    outboxMemoryBytesMax: integer(65_536, 1_024 * MIB, 4 * MIB, {
      reason: 'Newest messages held in memory before they must go to disk',
      unit: 'octets',
    }),
    outboxPersistAfterS: integer(1, 3_600, 5, { reason: 'Messages not acknowledged for this long go to disk', unit: 's' }),
    outboxAgeMaxS: integer(60, 31_536_000, 604_800, { reason: 'Messages older than this are dropped, and counted', unit: 's' }),
  })
  .prefault({});

const history = z
  .strictObject({
    enabled: flag(true, { reason: 'Keep the local history' }),
    tenSecondsForS: integer(60, 86_400, 3_600, { reason: 'How long 10 s windows are kept (in memory)', unit: 's' }),
    minutesForS: integer(3_600, 31_536_000, 172_800, { reason: 'How long 1 min windows are kept', unit: 's' }),
    hoursForS: integer(86_400, 315_360_000, 34_214_400, { reason: 'How long 1 h windows are kept', unit: 's' }),
    daysForS: integer(86_400, 630_720_000, 157_680_000, { reason: 'How long 1 d windows (of UTC) are kept', unit: 's' }),
    topK: integer(5, 1_000, 100, { reason: 'Keys kept per dimension and window; the rest is summed as other' }),
    keysMax: integer(100, 1_000_000, 20_000, { reason: 'Keys counted per dimension while a window is open', unit: 'keys' }),
    bytesMax: integer(MIB, 1_048_576 * MIB, 512 * MIB, {
      reason: 'Disk for the history; the oldest minutes go first, then the oldest hours',
      unit: 'octets',
    }),
    recentFlowsBytesMax: integer(0, 4_096 * MIB, 40 * MIB, {
      reason:
        'Memory for the newest flow records, which can be searched by filters (Explore, flowspan flows): about 75 octets a record, and 10 MiB beside it; 0 keeps none',
      unit: 'octets',
    }),
    memoryPercentMax: integer(5, 100, 32, {
      reason:
        'Share of the machine’s memory, or of its container’s where that is smaller, that the whole program may take, files that it only reads left out; above it the flow records in memory make room, the oldest first, and come to recentFlowsBytesMax again when there is room',
      unit: 'percent',
    }),
    flowArchive: z
      .strictObject({
        bytesMax: integer(0, 1_048_576 * MIB, 0, {
          reason:
            'Disk for flow records behind those in memory, which the same searches find: 20 to 35 octets a record; the oldest go first; 0 keeps none on disk. The page’s thread writes them, so status.enabled must be true',
          unit: 'octets',
        }),
        forS: integer(3_600, 315_360_000, 2_592_000, { reason: 'How long flow records are kept on disk', unit: 's' }),
        writtenBytesPerDayMax: integer(MIB, 1_048_576 * MIB, 1_024 * MIB, {
          reason:
            'No more than this is written in 24 h for flow records, since cards wear out; records beyond stay in memory only, which is an event',
          unit: 'octets',
        }),
      })
      .prefault({}),
    lateS: integer(0, 3_600, 75, {
      reason: 'A window closes this long after its end, for flows that are reported late',
      unit: 's',
    }),
  })
  .prefault({});

const logging = z
  .strictObject({
    level: choice(['debug', 'info', 'warn', 'error'], 'info', { reason: 'Least level that is written', restart: false }),
    format: choice(['auto', 'json', 'text'], 'auto', { reason: 'auto writes text to a terminal and JSON lines elsewhere' }),
  })
  .prefault({});

export const settingsSchema = z
  .strictObject({
    site: name.default('site').meta(facts({ reason: 'The branch this box stands at; part of MQTT topics' })),
    node: name
      .or(z.literal(''))
      .default('')
      .meta(facts({ reason: 'This box’s name; empty takes the host name' })),
    siteNetworks: z
      .array(prefix)
      .max(1_000)
      .default(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'])
      .meta(facts({ reason: 'Prefixes inside the site: they decide what is upload and download', restart: false })),
    labels,
    places,
    line,
    names,
    dataFolder: text('var', { reason: 'Where everything that is kept lives' }),
    safeMode: z
      .boolean()
      .default(false)
      .meta(
        facts({
          reason:
            'Page and health over MQTT only: nothing is metered, kept or exported, whatever else is set. The service manager does the same by itself to a box that cannot stay up',
        }),
      ),
    meter,
    export: exporting,
    spool,
    mqtt,
    history,
    status,
    alerts,
    targets,
    log: logging,
    updates,
    device,
  })
  .prefault({});

export type Settings = z.output<typeof settingsSchema>;
export type SettingsInput = z.input<typeof settingsSchema>;
export type NameSettings = Settings['names'];
export type MeterSettings = Settings['meter'];
export type DestinationSettings = Settings['export']['destinations'][number];
export type FileDestinationSettings = DestinationSettings['files'];
export type PrivacySettings = DestinationSettings['privacy'];
export type SpoolSettings = Settings['spool'];
export type BrokerSettings = Settings['mqtt']['brokers'][number];
export type MqttSettings = Settings['mqtt'];
export type HistorySettings = Settings['history'];
export type StatusSettings = Settings['status'];
export type TargetSettings = Settings['targets'];
export type DeviceSettings = Settings['device'];
export type UpdateSettings = Settings['updates'];
export type AlertSettings = Settings['alerts'];
export type WebhookSettings = AlertSettings['webhooks'][number];

/** The part of the API's description that is what the box says about itself: `Status` and what it is made of. Pure. */
import { errorCodes } from '../core/errors.ts';
import { alertCodes } from '../flow/alert_shapes.ts';
import { decodeAnnotations } from '../flow/decode_annotations.ts';
import { figureNames } from '../flow/figure_shapes.ts';
import { healthParts } from '../flow/health_shapes.ts';
import { labelKinds } from '../flow/labels.ts';
import { threadCounters } from '../flow/meter_threads.ts';
import { mirrorTroubles } from '../flow/mirror_findings.ts';
import { uplinkStates } from '../flow/status_shapes.ts';
import {
  about,
  flag,
  type Json,
  list,
  mapOf,
  number,
  numbers,
  object,
  oneOf,
  orNull,
  reference,
  text,
  texts,
  time,
} from './open_api_shapes.ts';

const sampling = { kind: oneOf(['none', 'count', 'random', 'flowHash']), interval: number };
const term = object({ packets: number, octets: orNull(number) }, 'Frame octets; null where nobody can know');
const terms = [
  ...['received', 'droppedByNic', 'droppedByKernel', 'sampledByKernel', 'filtered', 'undecodable', 'decoded'],
  ...['duplicates', 'sampledOut', 'metered', 'cached'],
];

const selector = object(
  {
    ...sampling,
    selectorId: number,
    pool: about('Empty for what no pool takes', text),
    kernelInterval: number,
    inForce: flag,
    ...numbers('observedPackets', 'selectedPackets', 'estimatedPackets'),
    within95Packets: orNull(number),
  },
  'One packet (with flowHash one flow) of `interval` is taken',
);

const port = object({
  name: text,
  index: number,
  present: flag,
  up: flag,
  mtu: number,
  speedMbps: orNull(number),
  ...numbers('receivedPackets', 'droppedByKernelPackets', 'droppedByNicPackets', 'sampledByKernelPackets'),
  earlyDrop: about('on, off, or skipped: and why', text),
});

const thread = numbers(...threadCounters, 'ringFilledPercent');
const pace = { packetsPerSecond: orNull(number), cpuPercent: orNull(number) };

const meter = object({
  source: oneOf(['interface', 'capture', 'demo', 'none']),
  state: oneOf(['metering', 'waiting', 'stopped', 'failed']),
  reason: about('Why it waits or has failed; empty when it meters', text),
  code: orNull(oneOf(Object.keys(errorCodes))),
  interfaces: list(port),
  ...numbers('cachedFlows', 'cacheCapacityFlows', 'blocksFilled', 'blocksCapacity', 'duplicatesSeenPackets'),
  threads: about('Their counters add up to those of allThreads', list(object({ thread: number, ...thread, ...pace }))),
  allThreads: object(
    { ...thread, ...pace },
    'Counters since the start; cachedFlows, blocksFilled and ringFilledPercent as of now; packetsPerSecond and cpuPercent (of one core’s time) over ten seconds',
  ),
  sampling: object(
    {
      ...sampling,
      ...numbers('kernelInterval', 'selectorId', 'factor'),
      adaptive: flag,
      sinceMs: time,
      why: text,
      selectors: list(selector),
    },
    'What is in force now, outside of pools',
  ),
});

const catchUp = object(
  {
    state: oneOf(['waiting', 'sending']),
    ...numbers('observationDomainId', 'recordsLeft', 'recordsDone', 'recordsPerSecond', 'bitsPerSecondMax'),
    remainingMs: orNull(number),
    uplinkBitsPerSecond: orNull(number),
  },
  'What waited too long to be called live',
);

const uplink = object({
  name: text,
  kind: oneOf(['ipfix', 'netflow', 'mqtt']),
  address: text,
  state: oneOf(uplinkStates),
  sinceMs: time,
  reason: about('Why it is not up; empty when it is', text),
  ...numbers('backlogRecords', 'backlogOctets', 'backlogAgeMs'),
  catchUp: orNull(catchUp),
  ...numbers('sentRecords', 'acknowledgedRecords', 'droppedRecords'),
  latencyP50Ms: orNull(about('From a flow’s end to sent', number)),
  latencyP99Ms: orNull(number),
  proof: about('What the acknowledgement is worth', text),
  retryAtMs: about('Next attempt, or 0', number),
});

const store = object({
  name: oneOf(['history', 'spool', 'outbox']),
  state: oneOf(['open', 'stopped', 'repaired']),
  reason: text,
  ...numbers('octetsOnDisk', 'octetsMax'),
});

const host = object(
  {
    ...texts('model', 'os', 'kernel'),
    ...numbers('uptimeS', 'cpuPercent', 'cpuCores', 'load1', 'memoryTotalOctets', 'memoryAvailableOctets', 'processOctets'),
    temperatureC: orNull(number),
    ...numbers('diskTotalOctets', 'diskFreeOctets', 'writtenOctetsPerDay'),
    diskWrittenOctetsPerDay: about('By all programs, by the disk’s own count', orNull(number)),
    wearBy: about('Which of the two is judged', oneOf(['disk', 'program'])),
    clockSynchronised: orNull(flag),
    complaints: about('Of the board: supply voltage, heat', list(text)),
  },
  'Null where this machine does not tell',
  ['complaints'],
);

const ports = object(
  numbers('overMs', 'portPackets', 'portOctets', 'receivedPackets', 'receivedOctets', 'leftOutPackets', 'droppedPackets'),
  'The counters of the mirror ports beside the meter’s, over the same time',
);

const lacking = ['locality', 'application', 'label', 'country', 'name'];
const enrichment = object({
  completePercent: orNull(number),
  lackingPercent: object(
    Object.fromEntries(lacking.map((name) => [name, orNull(number)])),
    'Share of records that lack a part; null for what is not set up',
  ),
});

const mirror = object(
  {
    ...numbers('windowS', 'packets', 'tcpConversations', 'tcpOneWay', 'tcpSeenOctets', 'tcpUnseenOctets', 'tcpUnseenOctetsMax'),
    findings: list(
      object({
        code: oneOf(mirrorTroubles),
        level: oneOf(['warn', 'error']),
        ...texts('title', 'evidence'),
        figures: mapOf(number),
        sinceMs: time,
        todo: text,
      }),
    ),
  },
  'What the traffic of the last windowS seconds tells about the mirror port',
);

export const statusSchemas: Json = {
  LedgerTerm: term,
  Ledger: object({
    ...Object.fromEntries(terms.map((name) => [name, reference('LedgerTerm')])),
    handedOver: object({ packets: number, octets: number, records: number }),
    annotations: object(
      Object.fromEntries(decodeAnnotations.map((name) => [name, number])),
      'Packets that were not decoded further, by reason; those that are none are absent',
      decodeAnnotations,
    ),
    balanced: about('Every exact equation holds', flag),
  }),
  Meter: meter,
  Uplink: uplink,
  Store: store,
  Host: host,
  Event: object({ atMs: time, level: oneOf(['info', 'warn', 'error']), event: text, text }),
  TrafficSecond: object({ atMs: time, ...numbers('packets', 'octets', 'droppedPackets', 'newFlows') }),
  Mirror: mirror,
  Health: object(
    {
      healthy: flag,
      parts: list(object({ part: oneOf(healthParts), healthy: flag, found: text })),
    },
    'A quiet line and a lost uplink are healthy. The parts are told to those only who have signed in.',
    ['parts'],
  ),
  Alert: object({
    id: text,
    code: oneOf(alertCodes),
    severity: oneOf(['page', 'ticket']),
    state: oneOf(['raised', 'cleared']),
    ...texts('title', 'text', 'runbook'),
    raisedMs: time,
    clearedMs: time,
    times: number,
    acknowledgedBy: text,
    acknowledgedMs: time,
    mutedUntilMs: time,
    mutedBy: text,
  }),
  Figure: object({
    name: oneOf(figureNames),
    value: orNull(number),
    target: orNull(number),
    met: orNull(flag),
    metPercentLastDay: orNull(number),
    hours: list(orNull(number)),
  }),
  Status: object(
    {
      ...texts('version', 'site', 'node'),
      nowMs: time,
      startedMs: time,
      meter: reference('Meter'),
      ledger: reference('Ledger'),
      mirror: reference('Mirror'),
      uplinks: list(reference('Uplink')),
      stores: list(reference('Store')),
      host: reference('Host'),
      dataPlane: reference('Health'),
      events: list(reference('Event')),
      alerts: list(reference('Alert')),
      figures: list(reference('Figure')),
      notConfigured: list(text),
      restartNeededFor: list(text),
      labelKinds: list(oneOf(labelKinds)),
      places: list(oneOf(['country', 'as'])),
      ports: orNull(ports),
      enrichment,
      updates: reference('Updates'),
      line: object({ ...numbers('kbitsPerSecond', 'costPerMonth', 'costPerGigabyte'), currency: text }),
    },
    'What the box says about itself, as of this second',
  ),
};

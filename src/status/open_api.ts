/** The API's description in OpenAPI 3.1, parameters from the schemas that check them. Pure. */
import { z } from 'zod';
import { alertCodes } from '../flow/alert_shapes.ts';
import { figureNames } from '../flow/figure_shapes.ts';
import { flowKeys } from '../flow/flow_search_shapes.ts';
import { healthParts } from '../flow/health_shapes.ts';
import { dimensions, tiers } from '../flow/history_shapes.ts';
import { nameSources } from '../flow/host_names.ts';
import { labelKinds } from '../flow/labels.ts';
import { threadCounters } from '../flow/meter_threads.ts';
import { mirrorTroubles } from '../flow/mirror_findings.ts';
import { VERSION } from '../flow/version.ts';
import { apiErrors } from './answers.ts';
import { flowParameters, flowSumParameters } from './flow_questions.ts';
import { accessPaths, securitySchemes } from './open_api_access.ts';
import { nameParameters, seriesParameters, topParameters } from './questions.ts';

type Json = Record<string, unknown>;

const number = { type: 'number' };
const time = { type: 'integer', description: 'Milliseconds since 1970' };
/** Absent where every packet was metered; where nothing is known about hosts, or may not be told. */
const mayBeAbsent = ['rates', 'estimated', 'standardError', 'counted', 'names', 'vendors'];
const object = (properties: Json, description = ''): Json => ({
  type: 'object',
  ...(description === '' ? {} : { description }),
  properties,
  required: Object.keys(properties).filter((name) => !mayBeAbsent.includes(name)),
});
const list = (items: Json): Json => ({ type: 'array', items });
const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const volume = {
  outOctets: number,
  inOctets: number,
  outPackets: number,
  inPackets: number,
  flows: number,
  estimated: { type: 'boolean', description: 'packets were sampled: octets and packets are estimates' },
  standardError: { type: 'object', properties: { octets: number, packets: number } },
  counted: {
    type: 'object',
    description: 'what was counted of the sampled packets, both directions together',
    properties: { octets: number, packets: number },
  },
};
const sums = { records: number, flows: number, packets: number, octets: number, estimated: { type: 'boolean' } };
const range = { fromMs: time, toMs: time };
const aboutHosts = {
  names: {
    type: 'object',
    description: 'Names of the addresses in this answer',
    additionalProperties: { $ref: '#/components/schemas/HostName' },
  },
  vendors: {
    type: 'object',
    description: 'Vendors of the MAC addresses in this answer',
    additionalProperties: { type: 'string' },
  },
};

const schemas: Json = {
  Volume: object(volume, 'Octets are those of whole frames. out: what the key sent, or from initiator to responder.'),
  KeyVolume: object({ key: { type: 'string' }, ...volume }),
  HostName: {
    type: 'object',
    description:
      'Hearsay: whoever sends packets can name anything. A host’s own name (DHCP, mDNS) comes before what clients asked for (TLS, DNS), that before a reverse look-up',
    properties: {
      name: { type: 'string' },
      source: { enum: [...nameSources] },
      learnedMs: time,
      holdsUntilMs: { ...time, description: 'When its time to live is over' },
      mac: { type: 'string', description: 'Where DHCP told it' },
      vendor: { type: 'string', description: 'In the list of names: of that MAC' },
      address: { type: 'string', description: 'In the list of names' },
    },
    required: ['name', 'source', 'learnedMs', 'holdsUntilMs'],
  },
  Top: object({
    dimension: { enum: dimensions },
    tier: { enum: [...tiers] },
    ...range,
    rows: list(reference('KeyVolume')),
    other: reference('Volume'),
    total: reference('Volume'),
    ...aboutHosts,
    distinct: object(
      { keys: number, standardError: number, atLeast: { type: 'boolean' } },
      'Different keys; standardError 0: exact; atLeast: some of the time does not tell',
    ),
  }),
  Series: object({
    tier: { enum: [...tiers] },
    ...range,
    stepMs: number,
    points: list(
      object(
        { startMs: time, present: { type: 'boolean' }, ...volume, rates: reference('Rates') },
        'present: false where nothing was metered',
      ),
    ),
    rates: reference('Rates'),
  }),
  FlowSum: object(sums, 'Octets are those of whole frames; estimated: packets were sampled'),
  FlowCoverage: object(
    {
      ...{ recordsKept: number, keptFromMs: time, recordsMissed: number, recordsScanned: number, tookMs: number },
      complete: { type: 'boolean', description: 'false: the search ended before the range did; nextBefore goes on' },
      searchedFromMs: time,
      archive: object(
        { records: number, octets: number, blocksUnreadable: number, recordsSkipped: number, trouble: { type: 'string' } },
        'On disk, where records are kept there: recordsSkipped were in memory only (budget of writing, disk)',
      ),
    },
    'How far memory and disk reach, and what was looked at',
  ),
  Flows: object({
    ...range,
    matched: reference('FlowSum'),
    listed: reference('FlowSum'),
    flows: list({ type: 'object', description: 'Elements by their registry names' }),
    coverage: reference('FlowCoverage'),
    ...aboutHosts,
  }),
  FlowSums: object({
    ...range,
    by: list({ enum: [...flowKeys] }),
    matched: reference('FlowSum'),
    groups: list(
      object({ keys: list({ type: 'string' }), ...sums, outOctets: number, inOctets: number, firstMs: time, lastMs: time }),
    ),
    groupsFound: number,
    crowded: { type: 'boolean', description: 'too many keys: the smallest are one group, (other)' },
    coverage: reference('FlowCoverage'),
    ...aboutHosts,
  }),
  Rates: object(
    { p50Bits: number, p95Bits: number, maxBits: number, seconds: number },
    'What the seconds of a time were like, in bit/s, from the meter’s counters; percentiles within 2 %, the maximum exact. Of the line as a whole alone',
  ),
  SettingChange: object({
    atMs: time,
    by: { enum: ['restart', 'reload'] },
    path: { type: 'string' },
    before: { type: 'string' },
    after: { type: 'string' },
    inForce: { type: 'boolean' },
  }),
  TrafficSecond: object({ atMs: time, packets: number, octets: number, droppedPackets: number, newFlows: number }),
  Mirror: object(
    {
      windowS: number,
      packets: number,
      tcpConversations: number,
      tcpOneWay: number,
      tcpSeenOctets: number,
      tcpUnseenOctets: number,
      findings: list(
        object({
          code: { enum: mirrorTroubles },
          level: { enum: ['warn', 'error'] },
          title: { type: 'string' },
          evidence: { type: 'string' },
          figures: { type: 'object', additionalProperties: number },
          sinceMs: time,
          todo: { type: 'string' },
        }),
      ),
    },
    'What the traffic of the last windowS seconds tells about the mirror port',
  ),
  Health: {
    type: 'object',
    description: 'A quiet line and a lost uplink are healthy. The parts are told to those only who have signed in.',
    properties: {
      healthy: { type: 'boolean' },
      parts: list(object({ part: { enum: [...healthParts] }, healthy: { type: 'boolean' }, found: { type: 'string' } })),
    },
    required: ['healthy'],
  },
  Alert: object({
    id: { type: 'string' },
    code: { enum: alertCodes },
    severity: { enum: ['page', 'ticket'] },
    state: { enum: ['raised', 'cleared'] },
    title: { type: 'string' },
    text: { type: 'string' },
    runbook: { type: 'string' },
    raisedMs: time,
    clearedMs: time,
    times: number,
    acknowledgedBy: { type: 'string' },
    acknowledgedMs: time,
    mutedUntilMs: time,
    mutedBy: { type: 'string' },
  }),
  Figure: object({
    name: { enum: figureNames },
    value: { type: ['number', 'null'] },
    target: { type: ['number', 'null'] },
    met: { type: ['boolean', 'null'] },
    metPercentLastDay: { type: ['number', 'null'] },
    hours: list({ type: ['number', 'null'] }),
  }),
  MeterThread: object(
    {
      ...Object.fromEntries(threadCounters.map((name) => [name, { type: 'integer' }])),
      ringFilledPercent: { type: 'number' },
      packetsPerSecond: { type: ['number', 'null'] },
      cpuPercent: { type: ['number', 'null'] },
    },
    'Counters since the start; cachedFlows, blocksFilled and ringFilledPercent as of now; packetsPerSecond and cpuPercent (of one core’s time) over ten seconds',
  ),
  Meter: object({
    source: { enum: ['interface', 'capture', 'demo', 'none'] },
    state: { enum: ['metering', 'waiting', 'stopped', 'failed'] },
    reason: { type: 'string' },
    threads: {
      ...list({ allOf: [reference('MeterThread'), object({ thread: { type: 'integer' } })] }),
      description: 'Counters of the threads add up to those of allThreads',
    },
    allThreads: reference('MeterThread'),
  }),
  Status: object(
    {
      version: { type: 'string' },
      site: { type: 'string' },
      node: { type: 'string' },
      nowMs: time,
      startedMs: time,
      meter: reference('Meter'),
      ledger: { type: 'object' },
      mirror: reference('Mirror'),
      uplinks: list({ type: 'object' }),
      stores: list({ type: 'object' }),
      host: { type: 'object' },
      dataPlane: reference('Health'),
      events: list({ type: 'object' }),
      alerts: list(reference('Alert')),
      figures: list(reference('Figure')),
      notConfigured: list({ type: 'string' }),
      restartNeededFor: list({ type: 'string' }),
      labelKinds: list({ enum: labelKinds }),
      places: list({ enum: ['country', 'as'] }),
      ports: { oneOf: [{ type: 'object' }, { type: 'null' }] },
      enrichment: object({ completePercent: {}, lackingPercent: { type: 'object' } }),
      line: object({
        kbitsPerSecond: { type: 'number' },
        costPerMonth: { type: 'number' },
        costPerGigabyte: { type: 'number' },
        currency: { type: 'string' },
      }),
    },
    'What the box says about itself, as of this second',
  ),
  Error: object({
    error: {
      ...object({ code: { enum: Object.keys(apiErrors) }, message: { type: 'string' } }),
      properties: {
        code: { enum: Object.keys(apiErrors) },
        message: { type: 'string' },
        parameter: { type: 'string' },
        value: { type: 'string' },
        allowed: { type: 'string' },
      },
    },
  }),
};

function parametersOf(schema: z.ZodObject): Json[] {
  return Object.entries(schema.shape).map(([name, type]) => {
    const {
      description,
      default: byDefault,
      ...json
    } = z.toJSONSchema(type as z.ZodType, { io: 'input', unrepresentable: 'any' }) as Json;
    const { $schema: _, ...plain } = json;
    return {
      name,
      in: 'query',
      required: false,
      ...(description === undefined ? {} : { description }),
      schema: byDefault === undefined ? plain : { ...plain, default: byDefault },
    };
  });
}

const failure = {
  description: 'What is wrong, and what is allowed',
  content: { 'application/json': { schema: reference('Error') } },
};
const get = (summary: string, type: string, schema: Json, parameters: Json[] = []): Json => ({
  get: {
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    responses: { 200: { description: summary, content: { [type]: { schema } } }, default: failure },
  },
});

/** Needs neither token nor session. */
const open = ({ get: one }: Json): Json => ({ get: { ...(one as Json), security: [] } });

export function openApi(): Json {
  const json = 'application/json';
  const text = { type: 'string' };
  return {
    openapi: '3.1.0',
    info: { title: 'flowspan', version: VERSION, description: 'Status and history of one box, and who may use it.' },
    security: [{ token: [] }, { session: [] }],
    paths: {
      '/api/v1/status': get('The box as of this second', json, reference('Status')),
      '/api/v1/traffic/seconds': get(
        'Traffic second by second, the last ten minutes',
        json,
        object({ seconds: list(reference('TrafficSecond')) }),
      ),
      '/api/v1/top': get('Largest keys of a dimension in a time range', json, reference('Top'), parametersOf(topParameters)),
      '/api/v1/series': get('A line over time: the total, or one key', json, reference('Series'), parametersOf(seriesParameters)),
      '/api/v1/flows': get('Recent flow records that match a filter', json, reference('Flows'), parametersOf(flowParameters)),
      '/api/v1/flows/sums': get(
        'Recent flow records that match a filter, summed by keys',
        json,
        reference('FlowSums'),
        parametersOf(flowSumParameters),
      ),
      '/api/v1/names': get(
        'Names of hosts that mirrored traffic told, newest first; not for viewers from whom addresses are hidden',
        json,
        object({ matched: number, names: list(reference('HostName')) }),
        parametersOf(nameParameters),
      ),
      '/api/v1/settings/changes': get(
        'Changes of settings, the oldest first (operators)',
        json,
        object({ changes: list(reference('SettingChange')) }),
      ),
      '/api/v1/events': get(
        'Server-sent events: `second` (TrafficSecond) and `status` (Status; `events`, `alerts` and `figures` only when they have changed) once a second; `skipped` to a browser that reads too slowly',
        'text/event-stream',
        text,
      ),
      '/api/v1/alerts': get(
        'Alerts about the box that stand, and the last that have cleared',
        json,
        object({ alerts: list(reference('Alert')) }),
      ),
      ...accessPaths,
      '/healthz': open(get('200 while the page’s thread answers', 'text/plain', text)),
      '/readyz': open(get('200 while the box reports and its meter has not failed', 'text/plain', text)),
      '/api/v1/health': open(
        get('Whether the data plane works (503 where not): what an update is judged by', json, reference('Health')),
      ),
      '/metrics': get('Figures for Prometheus', 'text/plain', text),
    },
    components: { schemas, securitySchemes, responses: { Failure: failure } },
  };
}

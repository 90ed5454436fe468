/** The API's description in OpenAPI 3.1, parameters from the schemas that check them. Pure. */
import { z } from 'zod';
import { type Element, elementNamed } from '../flow/elements.ts';
import { flowKeys } from '../flow/flow_search_shapes.ts';
import { dimensions, tiers } from '../flow/history_shapes.ts';
import { nameSources } from '../flow/host_names.ts';
import { rowJsonKeys } from '../flow/row_json.ts';
import { VERSION } from '../flow/version.ts';
import { apiErrors } from './answers.ts';
import { flowParameters, flowSumParameters } from './flow_questions.ts';
import { accessPaths, securitySchemes } from './open_api_access.ts';
import { settingsPaths, settingsSchemas } from './open_api_settings.ts';
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
import { statusSchemas } from './open_api_status.ts';
import { updatePaths, updateSchemas } from './open_api_updates.ts';
import { nameParameters, seriesParameters, topParameters } from './questions.ts';

/** Where packets were sampled. */
const ofEstimates = ['estimated', 'standardError', 'counted'];
const volume = {
  ...numbers('outOctets', 'inOctets', 'outPackets', 'inPackets', 'flows'),
  estimated: about('packets were sampled: octets and packets are estimates', flag),
  standardError: object(numbers('octets', 'packets')),
  counted: object(numbers('octets', 'packets'), 'what was counted of the sampled packets, both directions together'),
};
const sums = { ...numbers('records', 'flows', 'packets', 'octets'), estimated: flag };
const range = { fromMs: time, toMs: time };
/** Absent where nothing is known about hosts, or may not be told. */
const ofHosts = ['names', 'vendors'];
const aboutHosts = {
  names: mapOf(reference('HostName'), 'Names of the addresses in this answer'),
  vendors: mapOf(text, 'Vendors of the MAC addresses in this answer'),
};
const hostName = {
  name: text,
  source: oneOf(nameSources),
  learnedMs: time,
  holdsUntilMs: about('When its time to live is over', time),
  mac: about('Where DHCP told it', text),
};

function elementSchema({ type, units }: Element): Json {
  const unit = units === '' ? {} : { description: units };
  if (['ipv4Address', 'ipv6Address', 'macAddress', 'octetArray'].includes(type)) return { ...text, ...unit };
  // Above 2^53 − 1 as a decimal text.
  return { type: type === 'unsigned64' ? ['integer', 'string'] : 'integer', ...unit };
}

const schemas: Json = {
  Anomalies: object({
    detection: about('Who looks for anomalies: nothing yet', oneOf(['none'])),
    anomalies: about(
      'Empty while nothing looks for them',
      list(object({ ...texts('id', 'kind', 'dimension', 'key', 'text'), startedMs: time, endedMs: orNull(time) })),
    ),
    weekBefore: object(
      {
        ...range,
        timesLeast: number,
        sharePercentLeast: number,
        notComparable: about('Why; empty where they are compared', text),
        changes: list(
          object({
            dimension: oneOf(['application']),
            key: text,
            octets: number,
            octetsBefore: about('Null: less than what windows did not keep by name', orNull(number)),
            isMore: flag,
            times: about('At least; null where there was none on one of the days', orNull(number)),
            estimated: flag,
          }),
        ),
      },
      'The last 24 whole hours against the same ones a week before',
    ),
  }),
  Volume: object(
    volume,
    'Octets are those of whole frames. out: what the key sent, or from initiator to responder.',
    ofEstimates,
  ),
  KeyVolume: object({ key: text, ...volume }, '', ofEstimates),
  HostName: object(
    hostName,
    'Hearsay: whoever sends packets can name anything. A host’s own name (DHCP, mDNS) comes before what clients asked for (TLS, DNS), that before a reverse look-up',
    ['mac'],
  ),
  NamedHost: object({ address: text, ...hostName, vendor: about('Of that MAC', text) }, '', ['mac', 'vendor']),
  Top: object(
    {
      dimension: oneOf(dimensions),
      tier: oneOf(tiers),
      ...range,
      rows: list(reference('KeyVolume')),
      other: reference('Volume'),
      total: reference('Volume'),
      ...aboutHosts,
      distinct: object(
        { ...numbers('keys', 'standardError'), atLeast: flag },
        'Different keys; standardError 0: exact; atLeast: some of the time does not tell',
      ),
    },
    '',
    ofHosts,
  ),
  Series: object(
    {
      tier: oneOf(tiers),
      ...range,
      stepMs: number,
      points: list(
        object(
          { startMs: time, present: flag, partial: flag, ...volume, rates: reference('Rates') },
          'present: false where nothing was metered; partial: in part, or not over yet',
          [...ofEstimates, 'rates'],
        ),
      ),
      rates: reference('Rates'),
    },
    'rates are absent of a key, and where no second was measured',
    ['rates'],
  ),
  Rates: object(
    numbers('p50Bits', 'p95Bits', 'maxBits', 'seconds'),
    'What the seconds of a time were like, in bit/s, from the meter’s counters; percentiles within 2 %, the maximum exact. Of the line as a whole alone',
  ),
  FlowSum: object(sums, 'Octets are those of whole frames; estimated: packets were sampled'),
  FlowCoverage: object(
    {
      ...numbers('recordsKept', 'recordsMissed', 'recordsScanned', 'tookMs'),
      keptFromMs: time,
      complete: about('false: the search ended before the range did; nextBefore goes on', flag),
      searchedFromMs: about('Where not complete: how far back it came', time),
      archive: object(
        { ...numbers('records', 'octets', 'blocksUnreadable', 'recordsSkipped'), trouble: text },
        'On disk, where records are kept there: recordsSkipped were in memory only (budget of writing, disk)',
      ),
    },
    'How far memory and disk reach, and what was looked at',
    ['searchedFromMs', 'archive'],
  ),
  Flow: object(
    Object.fromEntries(rowJsonKeys.map((name) => [name, elementSchema(elementNamed(name))])),
    'One record: elements by their registry names, those that it does not have left out',
    rowJsonKeys,
  ),
  Flows: object(
    {
      ...range,
      matched: reference('FlowSum'),
      listed: reference('FlowSum'),
      flows: list(reference('Flow')),
      nextBefore: about('In order of arrival: before of the next page; absent of the last one', number),
      coverage: reference('FlowCoverage'),
      ...aboutHosts,
    },
    '',
    ['nextBefore', ...ofHosts],
  ),
  FlowSums: object(
    {
      ...range,
      by: list(oneOf(flowKeys)),
      matched: reference('FlowSum'),
      groups: list(object({ keys: list(text), ...sums, ...numbers('outOctets', 'inOctets'), firstMs: time, lastMs: time })),
      groupsFound: number,
      crowded: about('too many keys: the smallest are one group, (other)', flag),
      coverage: reference('FlowCoverage'),
      ...aboutHosts,
    },
    '',
    ofHosts,
  ),
  SettingChange: object({
    atMs: time,
    by: oneOf(['restart', 'reload']),
    path: text,
    before: text,
    after: text,
    inForce: flag,
  }),
  ...statusSchemas,
  ...settingsSchemas,
  ...updateSchemas,
  Error: object({
    error: object(
      {
        code: oneOf(Object.keys(apiErrors)),
        message: about('A sentence that names parameter and value, and says what is allowed or what to do', text),
        parameter: text,
        value: text,
        allowed: text,
        retryAfterS: number,
        at: about('Of a filter: where in it, from 0', number),
        length: about('How long that place is', number),
      },
      '',
      ['parameter', 'value', 'allowed', 'retryAfterS', 'at', 'length'],
    ),
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
/** @param not what 503 means where it answers in the same form */
const get = (summary: string, type: string, schema: Json, parameters: Json[] = [], not = ''): Json => {
  const content = { [type]: { schema } };
  const good = { 200: { description: summary, content } };
  return {
    get: {
      summary,
      ...(parameters.length === 0 ? {} : { parameters }),
      responses: { ...good, ...(not === '' ? {} : { 503: { description: not, content } }), default: failure },
    },
  };
};

/** Needs neither token nor session. */
const open = ({ get: one }: Json): Json => ({ get: { ...(one as Json), security: [] } });

export function openApi(): Json {
  const json = 'application/json';
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
      '/api/v1/anomalies': get(
        'Anomalies in the traffic: nothing looks for them yet. And which applications carried much more, or much less, than a week before',
        json,
        reference('Anomalies'),
      ),
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
        object({ matched: number, names: list(reference('NamedHost')) }),
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
      ...settingsPaths,
      ...updatePaths,
      '/healthz': open(get('200 while the page’s thread answers', 'text/plain', text)),
      '/readyz': open(
        get('200 while the box reports and its meter has not failed', 'text/plain', text, [], 'Why it is not ready'),
      ),
      '/api/v1/health': open(
        get('Whether the data plane works: what an update is judged by', json, reference('Health'), [], 'It does not'),
      ),
      '/metrics': get('Figures for Prometheus', 'text/plain', text),
    },
    components: { schemas, securitySchemes, responses: { Failure: failure } },
  };
}

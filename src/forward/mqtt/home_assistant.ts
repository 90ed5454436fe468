/**
 * What Home Assistant is told so that it shows the box by itself: one retained discovery message for the device with its
 * sensors, each a path into a payload of ours (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). Pure.
 */
import { VERSION } from '../../flow/version.ts';
import { type Identity, type Topic, topicName } from './topics.ts';

interface Sensor {
  readonly id: string;
  readonly platform: 'sensor' | 'binary_sensor';
  readonly name: string;
  readonly topic: Topic;
  /** Expression over `value_json`; for a binary sensor, true is ON. */
  readonly value: string;
  readonly unit?: string;
  readonly deviceClass?: string;
  readonly diagnostic?: boolean;
  readonly digits?: number;
}

const perSecond = (direction: 'out' | 'in'): string => `value_json.total.${direction}Octets * 8 / 60`;
const sensors: readonly Sensor[] = [
  {
    id: 'upload',
    name: 'Upload',
    topic: 'summary1m',
    value: perSecond('out'),
    unit: 'bit/s',
    deviceClass: 'data_rate',
    digits: 0,
  },
  {
    id: 'download',
    name: 'Download',
    topic: 'summary1m',
    value: perSecond('in'),
    unit: 'bit/s',
    deviceClass: 'data_rate',
    digits: 0,
  },
  { id: 'flows', name: 'Flows per minute', topic: 'summary1m', value: 'value_json.total.flows', unit: 'flows' },
  { id: 'cached_flows', name: 'Flows in the cache', topic: 'health', value: 'value_json.meter.cachedFlows', unit: 'flows' },
  { id: 'findings', name: 'Mirror findings', topic: 'health', value: 'value_json.mirror.findings | count' },
  {
    ...{ id: 'backlog', name: 'Records waiting', topic: 'health', unit: 'records' },
    value: "value_json.uplinks | map(attribute='backlogRecords') | sum",
  },
  {
    ...{ id: 'uplinks_down', name: 'Uplinks down', topic: 'health' },
    value: "value_json.uplinks | rejectattr('state', 'eq', 'up') | list | count",
  },
  { id: 'cpu', name: 'Processor', topic: 'health', value: 'value_json.host.cpuPercent', unit: '%', digits: 0, diagnostic: true },
  {
    ...{ id: 'memory', name: 'Memory free', topic: 'health', unit: 'B', deviceClass: 'data_size', diagnostic: true },
    value: 'value_json.host.memoryAvailableOctets',
  },
  {
    ...{ id: 'disk', name: 'Disk free', topic: 'health', unit: 'B', deviceClass: 'data_size', diagnostic: true },
    value: 'value_json.host.diskFreeOctets',
  },
  {
    ...{ id: 'written', name: 'Written per day', topic: 'health', unit: 'B', deviceClass: 'data_size', diagnostic: true },
    value: 'value_json.host.writtenOctetsPerDay',
  },
  {
    ...{ id: 'temperature', name: 'Temperature', topic: 'health', unit: '°C', deviceClass: 'temperature', diagnostic: true },
    value: 'value_json.host.temperatureC',
    digits: 1,
  },
].map((sensor) => ({ platform: 'sensor' as const, ...sensor }) as Sensor);

const binarySensors: readonly Sensor[] = [
  {
    ...{ id: 'connected', platform: 'binary_sensor', name: 'Connected', topic: 'state', deviceClass: 'connectivity' },
    ...{ value: 'value_json.online', diagnostic: true },
  },
  {
    ...{ id: 'clock', platform: 'binary_sensor', name: 'Clock', topic: 'health', deviceClass: 'problem', diagnostic: true },
    value: 'not value_json.host.clockSynchronised',
  },
];

/** What Home Assistant allows in a topic: letters, digits, dash and underscore. */
const idOf = ({ site, node }: Identity): string => `flowspan_${site}_${node}`.replaceAll(/[^A-Za-z0-9_-]/g, '_');

export function discoveryTopic(prefix: string, identity: Identity): string {
  return `${prefix}/device/${idOf(identity)}/config`;
}

export function discoveryPayload(topicPrefix: string, identity: Identity): object {
  const id = idOf(identity);
  const state = topicName('state', topicPrefix, identity);
  return {
    device: {
      identifiers: [id],
      name: `flowspan ${identity.site} ${identity.node}`,
      manufacturer: 'flowspan',
      sw_version: VERSION,
    },
    origin: { name: 'flowspan', sw_version: VERSION },
    // The last will speaks for a box that is gone.
    availability: [{ topic: state, value_template: "{{ 'online' if value_json.online else 'offline' }}" }],
    qos: 1,
    components: Object.fromEntries(
      [...sensors, ...binarySensors].map((one) => [one.id, component(one, id, topicPrefix, identity)]),
    ),
  };
}

function component(sensor: Sensor, device: string, topicPrefix: string, identity: Identity): object {
  const { id, platform, name, topic, value, unit, deviceClass, diagnostic, digits } = sensor;
  const isSensor = platform === 'sensor';
  return {
    platform,
    name,
    unique_id: `${device}_${id}`,
    state_topic: topicName(topic, topicPrefix, identity),
    value_template: isSensor ? `{{ ${value} }}` : `{{ 'ON' if ${value} else 'OFF' }}`,
    ...(isSensor ? { state_class: 'measurement' } : {}),
    ...(unit === undefined ? {} : { unit_of_measurement: unit }),
    ...(deviceClass === undefined ? {} : { device_class: deviceClass }),
    ...(digits === undefined ? {} : { suggested_display_precision: digits }),
    ...(diagnostic === true ? { entity_category: 'diagnostic' } : {}),
    // Connected is told by its own topic, also while the box is not.
    ...(topic === 'state' ? { availability: [] } : {}),
    // A minute that does not come is not the last one over again.
    ...(topic === 'summary1m' ? { expire_after: 300 } : {}),
  };
}

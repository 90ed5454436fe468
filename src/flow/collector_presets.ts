/**
 * Profiles made for a known collector: what it reads, in a form that it does not misread. `tested` names the release that the
 * tests ran against; the others follow the collector's documentation. Pure.
 */
const core = ['flowStartMilliseconds', 'flowEndMilliseconds', 'octetDeltaCount', 'packetDeltaCount', 'ingressInterface'];
const ip = ['protocolIdentifier', 'ipClassOfService', 'tcpControlBits', 'sourceTransportPort', 'destinationTransportPort'];
const macs = ['sourceMacAddress', 'destinationMacAddress'];
const enriched = ['flowDirection', 'bgpSourceAsNumber', 'bgpDestinationAsNumber'];

export interface CollectorPreset {
  readonly uniflow: boolean;
  readonly elements: readonly string[];
  /** Of biflows, the elements whose reverse copy is sent too; all that there are where it is absent. */
  readonly reverse?: readonly string[];
  /** Release of the collector that the tests ran against. */
  readonly tested?: string;
  readonly note: string;
}

export const collectorPresets = {
  nfdump: {
    uniflow: false,
    elements: [...core, ...ip, ...macs, ...enriched, 'vlanId', 'flowEndReason', 'deltaFlowCount'],
    // nfcapd 1.7.1 writes any other reverse element over its forward one: flags and class of service of the wrong direction.
    reverse: ['octetDeltaCount', 'packetDeltaCount'],
    tested: 'nfdump 1.7.1',
    note: 'biflows as nfcapd stores them: the second direction’s packets and octets, its flags left out; VLANs as vlanId',
  },
  pmacct: {
    uniflow: true,
    elements: [...core, ...ip, ...macs, ...enriched, 'vlanId', 'selectorId', 'deltaFlowCount'],
    tested: 'pmacct 1.7.7',
    note: 'one record per direction, since nfacctd passes over reverse elements; set legacySampling where packets are selected at random',
  },
  goflow2: {
    uniflow: true,
    elements: [...core, ...ip, ...macs, ...enriched, 'vlanId', 'minimumTTL', 'flowLabelIPv6'],
    note: 'one record per direction; set legacySampling where rates matter',
  },
  elastiflow: {
    uniflow: true,
    elements: [
      ...[...core, ...ip, ...macs, ...enriched, 'dot1qVlanId', 'dot1qCustomerVlanId', 'ethernetType', 'flowEndReason'],
      ...['layer2OctetDeltaCount', 'deltaFlowCount', 'minimumTTL', 'maximumTTL', 'minimumIpTotalLength', 'maximumIpTotalLength'],
      ...['selectorId', 'flowLabelIPv6'],
    ],
    note: 'one record per direction, with lengths, TTLs and tags',
  },
  ntopng: {
    uniflow: true,
    elements: [...core, ...ip, ...macs, ...enriched, 'vlanId', 'flowEndReason'],
    note: 'through nProbe as the collector; one record per direction',
  },
  splunk: {
    uniflow: true,
    elements: [...core, ...ip, ...macs, 'flowDirection', 'vlanId', 'flowEndReason'],
    note: 'Splunk Stream and others that index records as they come; one record per direction',
  },
} as const satisfies Record<string, CollectorPreset>;

export const presetNames = Object.keys(collectorPresets) as (keyof typeof collectorPresets)[];

/**
 * Profiles: which elements a destination is sent. `generic` is uniflow and IANA only; the others are RFC 5103 biflows.
 * From a profile come a handful of templates: kind of row × one-way/two-way. Pure.
 */
import { collectorPresets, presetNames } from './collector_presets.ts';
import { elementNamed, findElement, penOf } from './elements.ts';
import {
  compilePlan,
  type PlanOptions,
  type ProjectionPlan,
  type ProjectionTable,
  rowClass,
  rowClassCount,
} from './projection.ts';
import { familyOfKind, type RowKind, rowKinds } from './row_kinds.ts';
import { rowFieldOfElement, rowFields } from './row_layout.ts';

const generalNames = ['generic', 'lean', 'standard', 'full'] as const;
/** The general ones, and those made for a collector. */
export const profileNames = [...generalNames, ...presetNames] as const;
export type ProfileName = (typeof profileNames)[number];

/** First template id a data template may have (RFC 7011 section 3.4.1). */
export const FIRST_TEMPLATE_ID = 256;

// Elements in any order; templates put them in row order so that neighbours merge.
const core = [
  'flowStartMilliseconds',
  'flowEndMilliseconds',
  'octetDeltaCount',
  'packetDeltaCount',
  'flowEndReason',
  'ingressInterface',
];
const ip = ['protocolIdentifier', 'ipClassOfService', 'tcpControlBits', 'sourceTransportPort', 'destinationTransportPort'];
const link = ['sourceMacAddress', 'destinationMacAddress', 'vlanId'];
const tags = ['sourceMacAddress', 'destinationMacAddress', 'dot1qVlanId', 'dot1qCustomerVlanId', 'ethernetType'];
const truth = ['layer2OctetDeltaCount', 'selectorId', 'deltaFlowCount'];
const lengths = ['minimumTTL', 'maximumTTL', 'minimumIpTotalLength', 'maximumIpTotalLength'];
const measures = [
  'roundTripTimeMicroseconds',
  'retransmittedPacketDeltaCount',
  'outOfOrderPacketDeltaCount',
  'zeroWindowPacketDeltaCount',
];

const selections: Record<(typeof generalNames)[number], { uniflow: boolean; elements: readonly string[] | 'all' }> = {
  generic: { uniflow: true, elements: [...core, ...ip, ...link] },
  lean: { uniflow: false, elements: [...core, ...ip, 'biflowDirection'] },
  standard: {
    uniflow: false,
    elements: [...core, ...ip, ...tags, ...truth, ...lengths, ...measures, 'biflowDirection', 'tcpSequenceNumber'],
  },
  full: { uniflow: false, elements: 'all' },
};

export interface ProfileSpec {
  readonly uniflow: boolean;
  /** Element names; addresses, ICMP and reverse copies are added by family and direction. */
  readonly elements: readonly string[];
  /** Of biflows, the elements whose reverse copy is sent too; all that there are where it is absent. */
  readonly reverse?: readonly string[];
}

export function profileSpec(profile: ProfileName): ProfileSpec {
  if (profile in collectorPresets) return collectorPresets[profile as keyof typeof collectorPresets];
  const { uniflow, elements } = selections[profile as keyof typeof selections];
  return { uniflow, elements: elements === 'all' ? allExportable() : elements };
}

/** Every element a row can give, in its most usual form (milliseconds, one VLAN element). */
function allExportable(): string[] {
  const preferred = rowFields.flatMap((field) => field.elements.slice(0, field.name === 'sourceAddress' ? 0 : 1));
  return preferred.filter((name) => !name.startsWith('reverse') && !/^(source|destination)IPv|^icmpTypeCode/.test(name));
}

const isNotOfEthernet =
  /IPv[46]|IpTotalLength|TTL|^tcp|TransportPort|^protocolIdentifier$|^ipClassOfService$|^ipVersion$|^diffServ|^outer|PacketDeltaCount$|roundTrip|unseenAcknowledged|^fragment|icmp|^flowLabel|AsNumber|CountryCode/;
/** What flows of one record need not share, and the record has no sum or range of. */
const isOfOneFlow =
  /MacAddress$|^ipClassOfService$|^tcpSequenceNumber$|^flowId$|^dot1qPriority$|^dot1qCustomerPriority$|^decodeAnnotation$/;
/** What only flows of one pair of addresses share. */
const isOfOnePair =
  /IPv[46]|^outer|^tunnelType$|^layer2SegmentId$|^mpls|^greKey$|AsNumber$|CountryCode$|^roundTrip|^dot1qCustomer|^flowDirection$|^networkLocality$/;
const isOfAny =
  /^flow(Start|End)[A-Z]|^(octet|packet|layer2Octet)DeltaCount$|^(flowEndReason|ingressInterface|selectorId|deltaFlowCount|biflowDirection)$/;

/** Elements that a kind of row cannot give: an ethernet row has no ports, one of many flows no address that they do not share. */
const isAbsentFrom: Record<RowKind, (name: string) => boolean> = {
  ipv4: (name) => /IPv6|^ethernetType$/.test(name),
  ipv6: (name) => /IPv4|^ethernetType$/.test(name),
  ethernet: (name) => isNotOfEthernet.test(name),
  aggregate: (name) => !isOfAny.test(name),
  aggregateOfEtherType: (name) => isNotOfEthernet.test(name) || isOfOneFlow.test(name) || isOfOnePair.test(name),
  aggregateOfProtocol: (name) => /^ethernetType$|TransportPort$/.test(name) || isOfOneFlow.test(name) || isOfOnePair.test(name),
  aggregateOfService: (name) => name === 'ethernetType' || isOfOneFlow.test(name) || isOfOnePair.test(name),
  aggregateOfIpv4Pair: (name) => /IPv6|^ethernetType$/.test(name) || isOfOneFlow.test(name),
  aggregateOfIpv6Pair: (name) => /IPv4|^ethernetType$/.test(name) || isOfOneFlow.test(name),
};
const ofItself: Partial<Record<RowKind, readonly string[]>> = {
  ipv4: ['sourceIPv4Address', 'destinationIPv4Address', 'icmpTypeCodeIPv4'],
  ipv6: ['sourceIPv6Address', 'destinationIPv6Address', 'icmpTypeCodeIPv6'],
  ethernet: ['ethernetType'],
  aggregateOfEtherType: ['ethernetType'],
  aggregateOfIpv4Pair: ['sourceIPv4Address', 'destinationIPv4Address', 'icmpTypeCodeIPv4'],
  aggregateOfIpv6Pair: ['sourceIPv6Address', 'destinationIPv6Address', 'icmpTypeCodeIPv6'],
};

/** Of several flows only the port that was addressed is known: of the way back that is the source's. */
const unknownPort = (kind: RowKind, reversed: boolean): string | undefined =>
  familyOfKind(kind) !== 'aggregate' ? undefined : reversed ? 'destinationTransportPort' : 'sourceTransportPort';

function elementsFor(spec: ProfileSpec, kind: RowKind, twoWay: boolean, reversed: boolean): string[] {
  const forward = spec.elements.filter((name) => !isAbsentFrom[kind](name) && name !== unknownPort(kind, reversed));
  forward.push(...(ofItself[kind] ?? []));
  if (familyOfKind(kind) === 'aggregate') forward.push('deltaFlowCount');
  if (!twoWay || spec.uniflow) return forward;
  const reverse = forward
    .filter((name) => spec.reverse === undefined || spec.reverse.includes(name))
    .map((name) => `reverse${name[0]!.toUpperCase()}${name.slice(1)}`)
    .filter(
      (name) => findElement(name) !== undefined && rowFieldOfElement(name) !== undefined && !/reverseFlow(Start|End)/.test(name),
    );
  return [...forward, ...reverse];
}

export interface ProfilePlans {
  readonly plans: readonly ProjectionPlan[];
  readonly table: ProjectionTable;
}

/**
 * Plans for every row class. Elements of the user's own enterprise are left out while `privatePen` is 0.
 * @param blank row fields whose values a destination must not see
 */
export function compileProfile(spec: ProfileSpec, privatePen: number, blank: ReadonlySet<string> = new Set()): ProfilePlans {
  const table: ProjectionPlan[][] = Array.from({ length: rowClassCount }, () => []);
  const plans: ProjectionPlan[] = [];
  let templateId = FIRST_TEMPLATE_ID;
  const compile = (kind: RowKind, twoWay: boolean, options: PlanOptions, id: number): ProjectionPlan => {
    const names = elementsFor(spec, kind, twoWay, options.reversed);
    const known = names.filter((name) => penOf(elementNamed(name), privatePen) !== undefined);
    return compilePlan(id, inRowOrder(known), { ...options, blank });
  };
  for (const kind of rowKinds) {
    if (spec.uniflow) {
      const forward = compile(kind, false, { uniflow: true, reversed: false }, templateId++);
      const back = compile(kind, false, { uniflow: true, reversed: true }, forward.templateId);
      const isSame = forward.fields.every(({ element }, i) => element === back.fields[i]?.element);
      const reversed = isSame ? back : { ...back, templateId: templateId++ };
      plans.push(forward, ...(isSame ? [] : [reversed]));
      table[rowClass(kind, false)]!.push(forward);
      table[rowClass(kind, true)]!.push(forward, reversed);
    } else {
      for (const twoWay of [false, true]) {
        const plan = compile(kind, twoWay, { uniflow: false, reversed: false }, templateId++);
        plans.push(plan);
        table[rowClass(kind, twoWay)]!.push(plan);
      }
    }
  }
  return { plans, table };
}

function inRowOrder(names: string[]): string[] {
  return [...new Set(names)].sort((a, b) => rowFieldOfElement(a)!.offset - rowFieldOfElement(b)!.offset);
}

/**
 * Profiles: which elements a destination is sent. `generic` is uniflow and IANA only; the others are RFC 5103 biflows.
 * From a profile come a handful of templates: family × one-way/two-way × aggregate. Pure.
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
import { type RowFamily, rowFamilies, rowFieldOfElement, rowFields } from './row_layout.ts';

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

/** Elements that make no sense for a family: an ethernet row has no ports; an IP row needs no EtherType. */
const absentFrom: Record<RowFamily, RegExp> = {
  ipv4: /IPv6|^ethernetType$|^flowLabelIPv6$/,
  ipv6: /IPv4|^ethernetType$/,
  ethernet:
    /IPv[46]|IpTotalLength|TTL|^tcp|TransportPort|^protocolIdentifier$|^ipClassOfService$|^ipVersion$|^diffServ|^outer|PacketDeltaCount$|roundTrip|unseenAcked|unseenAcknowledged|^fragment|icmp|^flowLabel|AsNumber|CountryCode|HostName|serverName/,
  aggregate: /^ethernetType$|IPv6|^tcpSequenceNumber$|MacAddress$/,
};
const keptInEthernet = new Set(['packetDeltaCount']);

function elementsFor(spec: ProfileSpec, family: RowFamily, twoWay: boolean): string[] {
  const forward = spec.elements.filter(
    (name) => !absentFrom[family].test(name) || (family === 'ethernet' && keptInEthernet.has(name)),
  );
  if (family === 'ipv4' || family === 'aggregate') forward.push('sourceIPv4Address', 'destinationIPv4Address');
  if (family === 'ipv4') forward.push('icmpTypeCodeIPv4');
  if (family === 'ipv6') forward.push('sourceIPv6Address', 'destinationIPv6Address', 'icmpTypeCodeIPv6');
  if (family === 'aggregate' && !forward.includes('deltaFlowCount')) forward.push('deltaFlowCount');
  if (family === 'ethernet' && !forward.includes('ethernetType')) forward.push('ethernetType');
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
  const compile = (family: RowFamily, twoWay: boolean, options: PlanOptions, id: number): ProjectionPlan => {
    const names = inRowOrder(
      elementsFor(spec, family, twoWay).filter((name) => penOf(elementNamed(name), privatePen) !== undefined),
    );
    return compilePlan(id, names, { ...options, blank });
  };
  for (const family of rowFamilies) {
    if (spec.uniflow) {
      const forward = compile(family, false, { uniflow: true, reversed: false }, templateId);
      const reversed = compile(family, false, { uniflow: true, reversed: true }, templateId++);
      plans.push(forward);
      table[rowClass(family, false)]!.push(forward);
      table[rowClass(family, true)]!.push(forward, reversed);
    } else {
      for (const twoWay of [false, true]) {
        const plan = compile(family, twoWay, { uniflow: false, reversed: false }, templateId++);
        plans.push(plan);
        table[rowClass(family, twoWay)]!.push(plan);
      }
    }
  }
  return { plans, table };
}

function inRowOrder(names: string[]): string[] {
  return [...new Set(names)].sort((a, b) => rowFieldOfElement(a)!.offset - rowFieldOfElement(b)!.offset);
}

/**
 * Labels: names of the operator's own for traffic, given by rules in the settings. A flow has at most one label of each
 * kind; the row carries its number in the dictionary (`flow/dictionary.ts`), the history counts by its text.
 */
import { protocolNumber } from './protocols.ts';

export const labelKinds = ['site', 'tenant', 'service', 'costCentre'] as const;
export type LabelKind = (typeof labelKinds)[number];

/** The dimension of the history that counts by a kind of label. Spelled like the row's presence group. */
export const labelDimensions = {
  site: 'siteLabel',
  tenant: 'tenantLabel',
  service: 'serviceLabel',
  costCentre: 'costCentreLabel',
} as const satisfies Record<LabelKind, string>;
export type LabelDimension = (typeof labelDimensions)[LabelKind];

/** Key of what has no label of a kind; no label can be called so, since labels have no brackets at their ends. */
export const unlabelledKey = '(none)';

/** One rule, as in the settings: all conditions that are given must hold, each by one of its list. */
export interface LabelRule extends Readonly<Partial<Record<LabelKind, string | undefined>>> {
  /** Either end of the flow lies in one of these. */
  readonly prefixes?: readonly string[] | undefined;
  /** Outer VLAN: a number, a range `30-39`, or `untagged`. */
  readonly vlans?: readonly (number | string)[] | undefined;
  /** Protocol with the port of the service: `tcp/443`, `udp/5060-5061`, or a protocol alone: `icmp`. */
  readonly ports?: readonly string[] | undefined;
}

/** Kinds that some rule gives, in their order. */
export function labelKindsOf(rules: readonly LabelRule[]): LabelKind[] {
  return labelKinds.filter((kind) => rules.some((rule) => rule[kind] !== undefined));
}

export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** `7`, or `30-39` with its ends in order; undefined for anything else. */
export function parseRange(text: string, max: number): NumberRange | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const first = Number(found[1]);
  const last = Number(found[2] ?? found[1]);
  return first <= last && last <= max ? { first, last } : undefined;
}

/** Ports are 0 to 65535; this one stands for packets without any. */
export const portCount = 65_536;

/** `tcp/443`, `udp/5060-5061`; `icmp` stands for all of a protocol, rows without ports included. Undefined for anything else. */
export function parseService(text: string): { protocol: number; first: number; last: number } | undefined {
  const [name, ports, ...rest] = text.split('/');
  const protocol = protocolNumber(name ?? '');
  if (protocol === undefined || rest.length > 0) return undefined;
  if (ports === undefined) return { protocol, first: 0, last: portCount };
  const range = parseRange(ports, portCount - 1);
  return range === undefined ? undefined : { protocol, ...range };
}

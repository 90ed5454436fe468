/**
 * What Explore shows, and its address: time, breakdown, filter, kind of picture. Everything is in the link, so that a colleague
 * sees the same. Also what a click on a row leads to. Pure.
 */
import { quoted } from '../../flow/filter/quotation.ts';
import type { FlowKey } from '../../flow/flow_search_shapes.ts';
import type { Dimension } from '../../flow/history_shapes.ts';
import { type LabelKind, labelDimensions, unlabelledKey } from '../../flow/labels.ts';
import { nowhereKey } from '../../flow/places.ts';
import type { AskedRange } from './api.ts';

/** What both the history and single records can be broken down by. */
export const breakdowns = [
  ...(['host', 'conversation', 'application', 'service', 'protocol', 'vlan'] as const),
  ...Object.values(labelDimensions),
  ...(['country', 'as'] as const),
] as const satisfies (FlowKey & Dimension)[];
export type Breakdown = (typeof breakdowns)[number];

export const pictures = ['list', 'graph', 'matrix'] as const;
export type Picture = (typeof pictures)[number];
export const lasts = ['15m', '1h', '6h', '24h', '7d', '30d'] as const;
export type Last = (typeof lasts)[number];

export interface ExploreState {
  readonly range: { readonly last: Last } | { readonly from: number; readonly to: number };
  readonly by: Breakdown;
  readonly filter: string;
  readonly picture: Picture;
}

export const startState: ExploreState = { range: { last: '1h' }, by: 'host', filter: '', picture: 'list' };

export function exploreStateOf(hash: string): ExploreState {
  const asked = new URLSearchParams(hash.split('?')[1] ?? '');
  const [from, to] = [Number(asked.get('from')), Number(asked.get('to'))];
  const isExact = Number.isFinite(from) && Number.isFinite(to) && from > 0 && to > from;
  return {
    range: isExact ? { from, to } : { last: lasts.find((last) => last === asked.get('last')) ?? '1h' },
    by: breakdowns.find((by) => by === asked.get('by')) ?? 'host',
    filter: asked.get('filter')?.slice(0, 1_500) ?? '',
    picture: pictures.find((picture) => picture === asked.get('picture')) ?? 'list',
  };
}

export function exploreHash({ range, by, filter, picture }: ExploreState): string {
  const asked = new URLSearchParams();
  if ('last' in range) {
    if (range.last !== '1h') asked.set('last', range.last);
  } else {
    asked.set('from', String(Math.round(range.from)));
    asked.set('to', String(Math.round(range.to)));
  }
  if (by !== 'host') asked.set('by', by);
  if (filter !== '') asked.set('filter', filter);
  if (picture !== 'list') asked.set('picture', picture);
  const text = asked.toString();
  return `#explore${text === '' ? '' : `?${text}`}`;
}

const spanMs: Readonly<Record<Last, number>> = {
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
  '30d': 2_592_000_000,
};

export const askedRange = (range: ExploreState['range']): AskedRange => ('last' in range ? { last: range.last } : range);

export function boundsOf(range: ExploreState['range'], nowMs: number): { from: number; to: number } {
  return 'last' in range ? { from: nowMs - spanMs[range.last], to: nowMs } : range;
}

const shortestMs = 60_000;
const longestMs = 400 * 86_400_000;

/** Half the range earlier or later (never beyond now), or a range twice as long around the same middle. */
export function moved(range: ExploreState['range'], where: 'earlier' | 'later' | 'wider', nowMs: number): ExploreState['range'] {
  const { from, to } = boundsOf(range, nowMs);
  const half = (to - from) / 2;
  if (where === 'wider') {
    const most = Math.min(longestMs, 4 * half);
    const end = Math.min(nowMs, to + half);
    return { from: end - most, to: end };
  }
  const by = where === 'earlier' ? -half : Math.min(half, nowMs - to);
  return { from: from + by, to: to + by };
}

/** A selection on the chart, of whole minutes and one at least. */
export function selected(fromMs: number, toMs: number): { from: number; to: number } {
  const from = Math.floor(Math.min(fromMs, toMs) / shortestMs) * shortestMs;
  return { from, to: Math.max(from + shortestMs, Math.ceil(Math.max(fromMs, toMs) / shortestMs) * shortestMs) };
}

const isAddress = (text: string): boolean => /^[0-9a-f.:]+$/i.test(text) && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text);
function hostFilter(host: string): string {
  // Whom addresses are hidden from sees prefixes, and vendors of MACs: those can be asked for.
  if (host.includes('/')) return `net ${host}`;
  return isAddress(host) ? `host ${host}` : `mac ${host.replace(/(:xx)+$/, '')}`;
}

/** The filter that means one row of a breakdown. */
export function filterOfKey(by: Breakdown, key: string): string {
  switch (by) {
    case 'host':
      return hostFilter(key);
    case 'conversation':
      return key.split(' ').map(hostFilter).join(' and ');
    case 'application':
      return applicationFilter(key);
    case 'service': {
      const [host = '', application = ''] = key.split(' ');
      return `${hostFilter(host)} and ${applicationFilter(application)}`;
    }
    case 'protocol':
      return applicationFilter(key);
    case 'vlan':
      return `vlan ${key}`;
    case 'country':
      return `country ${key === nowhereKey ? 'none' : key}`;
    case 'as':
      // `AS64500 Example Networks`: its name may change, its number does not.
      return `as ${key === nowhereKey ? 'none' : (/\d+/.exec(key)?.[0] ?? 'any')}`;
    case 'siteLabel':
      return labelFilter('site', key);
    case 'tenantLabel':
      return labelFilter('tenant', key);
    case 'serviceLabel':
      return labelFilter('service', key);
    case 'costCentreLabel':
      return labelFilter('cost-centre', key);
  }
}

const labelFilter = (field: string, key: string): string => `${field} ${key === unlabelledKey ? 'none' : quoted(key)}`;

/** `tcp/443`, a protocol, or the EtherType of what has none. */
function applicationFilter(key: string): string {
  const [protocol = '', port] = key.split('/');
  if (port !== undefined) return `proto ${protocol} and port ${port}`;
  const typed = /^ethertype-([0-9a-f]{4})$/.exec(protocol);
  if (typed !== null) return `ethertype 0x${typed[1]}`;
  const etherType = etherTypes[protocol];
  if (etherType !== undefined) return `ethertype ${etherType}`;
  return `proto ${protocol.replace(/^proto-/, '')}`;
}

/** Those of `protocols.ts` that a filter has no name for. */
const etherTypes: Readonly<Record<string, string>> = {
  arp: '0x0806',
  lldp: '0x88cc',
  '802.1x': '0x888e',
  rarp: '0x8035',
  llc: '0..1500',
};

/** A click on a row: narrower by that row, and broken down by what comes next. */
export function drilled(state: ExploreState, key: string): ExploreState {
  const next: Readonly<Record<Breakdown, Breakdown>> = {
    host: 'conversation',
    conversation: 'application',
    application: 'host',
    service: 'host',
    protocol: 'application',
    vlan: 'host',
    siteLabel: 'host',
    tenantLabel: 'host',
    serviceLabel: 'host',
    costCentreLabel: 'host',
    country: 'host',
    as: 'host',
  };
  const own = filterOfKey(state.by, key);
  // A conversation already names the host that was chosen before it.
  const before = state.filter !== '' && own.split(' and ').includes(state.filter) ? '' : state.filter;
  const filter = before === '' ? own : `${/ or /.test(before) ? `(${before})` : before} and ${own}`;
  return { ...state, filter, by: next[state.by], picture: 'list' };
}

/** The one key of the history that a filter asks for, when it asks for no more: then the history can answer for any time. */
export function historyKeyOf(filter: string): { by: Dimension; key: string } | undefined {
  const host = /^host (\S+)$/.exec(filter)?.[1];
  if (host !== undefined) return { by: 'host', key: host };
  const pair = /^host (\S+) and host (\S+)$/.exec(filter);
  if (pair !== null) return { by: 'conversation', key: `${pair[1]} ${pair[2]}` };
  const vlan = /^vlan (\d+|none)$/.exec(filter)?.[1];
  if (vlan !== undefined) return { by: 'vlan', key: vlan };
  const country = /^country ([A-Z]{2}|none)$/.exec(filter)?.[1];
  if (country !== undefined) return { by: 'country', key: country === 'none' ? nowhereKey : country };
  const label = /^(site|tenant|service|cost-centre) (?:none|"((?:[^"]|"")+)")$/.exec(filter);
  if (label !== null) {
    const kind = label[1] === 'cost-centre' ? 'costCentre' : (label[1] as LabelKind);
    return { by: labelDimensions[kind], key: label[2]?.replaceAll('""', '"') ?? unlabelledKey };
  }
  const application = /^proto ([a-z]\S*) and port (\d+)$/.exec(filter);
  if (application !== null) return { by: 'application', key: `${application[1]}/${application[2]}` };
  const protocol = /^proto ([a-z]\S*)$/.exec(filter)?.[1];
  return protocol === undefined ? undefined : { by: 'protocol', key: protocol };
}

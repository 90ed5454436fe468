/**
 * The shapes of a search over recent flow records: what can be asked, what is answered. Shared by the store (answers), API,
 * CLI and page. Octets are those of whole frames. Pure.
 */
import type { Filter } from './filter/filter_syntax.ts';
import type { AnswerAboutHosts } from './host_names.ts';
import { labelDimensions } from './labels.ts';
import type { RowJson } from './row_json.ts';

export interface FlowRange {
  readonly filter: Filter;
  /** Records under way in [fromMs, toMs) are looked at, wall time. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Records on disk are looked at for so long; what was not reached is said. */
  readonly withinMs?: number;
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** What a list of flows can be ordered by; `arrival` is the newest record first. */
export const flowOrders = ['arrival', 'bytes', 'packets', 'duration', 'start', 'end'] as const;
export type FlowOrder = (typeof flowOrders)[number];

export interface FlowListQuestion extends FlowRange {
  readonly order: FlowOrder;
  readonly limit: number;
  /** So many of the order are left out first: the next page. */
  readonly offset: number;
  /** Only records before this one, by number of arrival: the next page while new ones come in. */
  readonly before?: number;
}

/** Sums over records. Where packets were sampled they are estimates, and `estimated` says so. */
export interface FlowSums {
  readonly records: number;
  readonly flows: number;
  readonly packets: number;
  readonly octets: number;
  readonly estimated: boolean;
}

/** What is kept on disk. */
export interface ArchiveCoverage {
  readonly records: number;
  readonly octets: number;
  /** Blocks of records that were met and could not be read. */
  readonly blocksUnreadable: number;
  /** Records since the start that are not on disk, once they have left memory: budgets, or the disk. */
  readonly recordsSkipped: number;
  /** Why nothing is written just now; empty while all is well. */
  readonly trouble: string;
}

/** How far memory and disk reach, and what the search had to look at. */
export interface FlowCoverage {
  /** In memory and, where they are kept there, on disk. */
  readonly recordsKept: number;
  /** Start of the oldest record that is kept; 0 when there is none. */
  readonly keptFromMs: number;
  /** Records that were never searchable: the search could not take them in as fast as they came. */
  readonly recordsMissed: number;
  readonly recordsScanned: number;
  readonly tookMs: number;
  /** False where the search ended before the range did: there was no time for more, or the page was full. */
  readonly complete: boolean;
  /** Where not complete: records that began before this have not been looked at. */
  readonly searchedFromMs?: number;
  /** Absent where none are kept on disk. */
  readonly archive?: ArchiveCoverage;
}

export interface FlowListAnswer extends AnswerAboutHosts {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of all that match, as far as the search came (`coverage.complete`). */
  readonly matched: FlowSums;
  /** Of those in `flows`: the sums of all pages are those of what was found. */
  readonly listed: FlowSums;
  /** Elements by their registry names. */
  readonly flows: readonly RowJson[];
  /** In order of arrival: `before` of the next page; absent where this is the last one. */
  readonly nextBefore?: number;
  readonly coverage: FlowCoverage;
}

/** What records can be summed by: as the history's dimensions do, and each end alone. */
export const flowKeys = [
  'host',
  'conversation',
  'application',
  'protocol',
  'vlan',
  'source',
  'destination',
  'service',
  'client',
  'sourcePort',
  'destinationPort',
  'flags',
  'tos',
  'reason',
  'direction',
  'mac',
  'interface',
  'country',
  'as',
  ...Object.values(labelDimensions),
] as const;
export type FlowKey = (typeof flowKeys)[number];

export const groupOrders = ['bytes', 'packets', 'flows', 'records'] as const;
export type GroupOrder = (typeof groupOrders)[number];

export interface FlowGroupQuestion extends FlowRange {
  /** One to three keys. */
  readonly by: readonly FlowKey[];
  readonly order: GroupOrder;
  readonly limit: number;
}

export interface FlowGroup extends FlowSums {
  /** In the order of `by`. */
  readonly keys: readonly string[];
  /** From the source (host, conversation: from the key, or its first end) and to it. */
  readonly outOctets: number;
  readonly inOctets: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface FlowGroupAnswer extends AnswerAboutHosts {
  readonly fromMs: number;
  readonly toMs: number;
  readonly by: readonly FlowKey[];
  readonly matched: FlowSums;
  readonly groups: readonly FlowGroup[];
  /** What is in no group that is shown. A record counts for both its hosts, so groups of hosts add up to more than all. */
  readonly groupsFound: number;
  /** More different keys than can be counted apart: the smallest were put together in one, `(other)`. */
  readonly crowded: boolean;
  readonly coverage: FlowCoverage;
}

/** Answers questions about the records that are kept. */
export interface FlowSearcher {
  list(question: FlowListQuestion): Promise<FlowListAnswer>;
  group(question: FlowGroupQuestion): Promise<FlowGroupAnswer>;
}

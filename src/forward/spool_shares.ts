/**
 * What of a piece of the spool belongs to each member of a balance group: what a share gives up is what would have been its
 * own. Counted when the piece is sealed, as long as its rows are at hand, and kept with it on disk. Pure.
 */
import { layoutHash, ROW_BYTES } from '../flow/row_layout.ts';
import { FlowShare } from './flow_share.ts';
import type { Gap } from './gaps.ts';
import type { Interval } from './interval_set.ts';
import { type SpoolChunk, sumRows, sumsOf, sumsOfParts } from './spool_chunk.ts';
import type { SpoolLaneLog } from './spool_lane_log.ts';

export interface GroupSums {
  readonly members: readonly string[];
  /** Rows, packets and IP octets of each member, in their order. */
  readonly sums: readonly (readonly [number, number, number])[];
}

/** Of rows that are given up: how many are this destination's, and what is told of them; null where nobody could count. */
export interface OwnSums {
  readonly own: number;
  readonly told: Pick<Gap, 'records' | 'packets' | 'octets'>;
}

/** No rows are added to the piece any more, and what they count for is known without them. */
export function sealChunk(chunk: SpoolChunk, lanes: readonly SpoolLaneLog[]): void {
  chunk.sealed = true;
  const { rows, first, count } = chunk;
  if (rows === undefined) return;
  chunk.sums = sumsOf(chunk);
  if (chunk.groups !== undefined) return;
  const groups = new Map<string, readonly string[]>();
  for (const lane of lanes) {
    const members = lane.sharedBy(first);
    if (members !== undefined) groups.set(members.join(), members);
  }
  const all = [{ from: first, to: first + count }];
  if (groups.size > 0) chunk.groups = [...groups.values()].map((members) => sumsByMember(chunk, rows, all, members));
}

/** @param waited parts of the piece that this destination waited for, `rows` in all */
export function ownSums(lane: SpoolLaneLog, chunk: SpoolChunk, waited: readonly Interval[], rows: number): OwnSums {
  const members = lane.sharedBy(chunk.first);
  if (members === undefined) return { own: rows, told: { records: rows, ...sumsOfParts(chunk, waited, rows) } };
  const { rows: held, groups, count } = chunk;
  const isAtHand = held !== undefined && chunk.layout === layoutHash();
  const group = isAtHand
    ? sumsByMember(chunk, held, waited, members)
    : groups?.find((one) => one.members.join() === members.join());
  const at = members.indexOf(lane.member);
  const [records, packets, octets] = at < 0 ? [0, 0, 0] : (group?.sums[at] ?? [count / members.length, 0, 0]);
  if (at < 0 || isAtHand || (group !== undefined && rows === count)) return { own: records, told: { records, packets, octets } };
  // Which rows of part of a piece are whose cannot be known without reading it: the account takes its share of them.
  return { own: Math.round((rows * records) / count), told: { records: null, packets: null, octets: null } };
}

function sumsByMember(chunk: SpoolChunk, rows: Uint8Array, parts: readonly Interval[], members: readonly string[]): GroupSums {
  const share = new FlowShare('', members);
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const sums = members.map((): [number, number, number] => [0, 0, 0]);
  for (const { from, to } of parts) {
    for (let i = from - chunk.first; i < to - chunk.first; i++) {
      const sum = sums[members.indexOf(share.ownerOf(view, i * ROW_BYTES))]!;
      const { packets, octets } = sumRows(rows, i, 1);
      sum[0]++;
      sum[1] += packets;
      sum[2] += octets;
    }
  }
  return { members, sums };
}

/**
 * Which rows on disk are merged when the spool nears its budget (DESIGN section 4), and what becomes of their places. Pure.
 * Near the budget the oldest raw rows are merged by minute, then the oldest minutes by hour; what is dropped at last are
 * the oldest hours. Limits: `chunksMax` pieces and `rowsMax` rows a step.
 */
import type { Interval } from './interval_set.ts';
import type { MergeSpan } from './row_merge.ts';
import type { SpoolChunk } from './spool_chunk.ts';
import type { SpoolLaneLog } from './spool_lane_log.ts';

/** Above this share of the budget room is made. */
const crowdedShare = 0.9;
/** Of what may be kept, raw rows and minutes get at least so much before they are merged further. */
const rawShare = 0.5;
const minuteShare = 0.25;
const chunksMax = 64;
const rowsMax = 65_536;
/** Fewer pieces are not worth a write, and the newest may be wanted in a moment. */
const chunksMin = 2;

export interface ThinPlan {
  readonly span: MergeSpan;
  /** Neighbours in the log, of one boot. */
  readonly chunks: readonly SpoolChunk[];
  /** Their rows, cut where the destinations that wait for them change. */
  readonly segments: readonly ThinSegment[];
}

export interface ThinSegment extends Interval {
  /** What somebody waits for; the rows between are done with. */
  readonly parts: readonly Interval[];
}

/** Undefined while there is room, or nothing that could be merged. */
export function thinPlan(
  chunks: readonly SpoolChunk[],
  lanes: readonly SpoolLaneLog[],
  diskOctets: number,
  diskBytesMax: number,
  layout: number,
): ThinPlan | undefined {
  if (diskOctets < diskBytesMax * crowdedShare) return undefined;
  const held = (merged: MergeSpan | undefined): number =>
    chunks.reduce((sum, chunk) => sum + (chunk.merged === merged ? chunk.diskOctets : 0), 0);
  const plan = (from: MergeSpan | undefined): ThinPlan | undefined => {
    const run = oldestRun(chunks, lanes, from, layout);
    if (run === undefined) return undefined;
    return { span: from === undefined ? 'minute' : 'hour', chunks: run, segments: segmentsOf(run, lanes) };
  };
  const first = held(undefined) > diskBytesMax * rawShare ? plan(undefined) : undefined;
  return first ?? (held('minute') > diskBytesMax * minuteShare ? plan('minute') : undefined) ?? plan(undefined) ?? plan('minute');
}

/** Whether destinations still stand to these rows as they did: nothing was sent or acknowledged meanwhile. */
export function stillHolds(plan: ThinPlan, chunks: readonly SpoolChunk[], lanes: readonly SpoolLaneLog[]): boolean {
  const at = chunks.indexOf(plan.chunks[0]!);
  if (at < 0 || plan.chunks.some((chunk, index) => chunks[at + index] !== chunk || isBusy(chunk, lanes))) return false;
  return JSON.stringify(segmentsOf(plan.chunks, lanes)) === JSON.stringify(plan.segments);
}

function oldestRun(
  chunks: readonly SpoolChunk[],
  lanes: readonly SpoolLaneLog[],
  merged: MergeSpan | undefined,
  layout: number,
): SpoolChunk[] | undefined {
  let run: SpoolChunk[] = [];
  let rows = 0;
  for (const chunk of chunks) {
    const fits = chunk.diskOctets > 0 && chunk.merged === merged && !isBusy(chunk, lanes) && isReadable(chunk, layout);
    const follows = run.length === 0 || run[0]!.bootId === chunk.bootId;
    if (fits && follows && run.length < chunksMax && rows + chunk.count <= rowsMax) {
      run.push(chunk);
      rows += chunk.count;
    } else if (run.length >= chunksMin) return run;
    else {
      run = fits ? [chunk] : [];
      rows = fits ? chunk.count : 0;
    }
  }
  return run.length >= chunksMin ? run : undefined;
}

/** Rows in another version's layout are translated when they are sent; here they stay as they are. */
const isReadable = (chunk: SpoolChunk, layout: number): boolean => chunk.layout === layout;

/**
 * A session is at its rows, or members of a balance group share them: merged flows would be those of several members, and
 * go to one.
 */
function isBusy({ first, count }: SpoolChunk, lanes: readonly SpoolLaneLog[]): boolean {
  const to = first + count;
  return lanes.some((lane) => lane.isTaken(first, to) || (lane.sharedBy(first) !== undefined && lane.pending.touches(first, to)));
}

/** Rows that the same destinations wait for; those that nobody waits for are in none. */
function segmentsOf(chunks: readonly SpoolChunk[], lanes: readonly SpoolLaneLog[]): ThinSegment[] {
  const [start, end] = [chunks[0]!.first, chunks.at(-1)!.first + chunks.at(-1)!.count];
  const edges = new Set([start, end]);
  for (const lane of lanes) for (const { from, to } of lane.pending.within(start, end)) edges.add(from).add(to);
  const places = [...edges].sort((a, b) => a - b);
  const segments: { readonly who: string; readonly parts: Interval[] }[] = [];
  for (let i = 0; i + 1 < places.length; i++) {
    const part = { from: places[i]!, to: places[i + 1]! };
    const who = lanes.map((lane) => (lane.pending.touches(part.from, part.to) ? '1' : '0')).join('');
    if (!who.includes('1')) continue;
    if (segments.at(-1)?.who === who) segments.at(-1)!.parts.push(part);
    else segments.push({ who, parts: [part] });
  }
  return segments.map(({ parts }) => ({ from: parts[0]!.from, to: parts.at(-1)!.to, parts }));
}

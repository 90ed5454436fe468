/**
 * What an earlier run left in the spool's store. Reads the small keys only: a start takes no longer for more rows. Decides
 * what is whole; the caller writes.
 */
import type { Kv } from '../core/kv.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import { type Gap, withGap } from './gaps.ts';
import type { LaneState } from './lane_state.ts';
import type { SpoolChunk } from './spool_chunk.ts';
import type { RecoveredSpool } from './spool_log.ts';
import {
  decodeIndex,
  decodeLane,
  decodeWallMs,
  destinationKey,
  destinationOfKey,
  destinationRange,
  indexRange,
  layoutOfKey,
  layoutRange,
  openMarkerKey,
  positionOfKey,
  rowsKey,
  type WallOfRows,
} from './spool_record.ts';

export interface SpoolFinding extends RecoveredSpool {
  readonly layouts: ReadonlyMap<number, string>;
  /** Destinations that are not in the settings any more. */
  readonly forgotten: readonly string[];
  /** Pieces whose description is damaged. */
  readonly unreadable: number;
  readonly deletes: readonly Uint8Array[];
  /** What is missing of unknown size; the destinations' states have these gaps already. */
  readonly holes: readonly Gap[];
}

export interface RecoveryBounds {
  /** Nothing older would have been kept, wall time. */
  readonly oldestMs: number;
  /** The store could not be read whole: rows of any age that is kept may be missing. */
  readonly wasDamaged: boolean;
}

/** Throws what the store throws. */
export async function recoverSpool(
  kv: Kv,
  destinations: readonly string[],
  nowMs: number,
  wallMs: number,
  bounds: RecoveryBounds,
  wallOfRows: WallOfRows = () => undefined,
): Promise<SpoolFinding> {
  const marker = await kv.get(openMarkerKey);
  const layouts = new Map<number, string>();
  for await (const [key, value] of kv.entries(layoutRange)) {
    const layout = layoutOfKey(key);
    if (layout !== undefined) layouts.set(layout, Buffer.from(value).toString('utf8'));
  }
  const kept = new Map<string, LaneState>();
  const deletes: Uint8Array[] = [];
  const forgotten: string[] = [];
  let nextPosition = 0;
  for await (const [key, value] of kv.entries(destinationRange)) {
    const name = destinationOfKey(key);
    const state = decodeLane(value);
    if (state !== undefined) nextPosition = Math.max(nextPosition, state.next);
    if (!destinations.includes(name)) {
      forgotten.push(name);
      deletes.push(destinationKey(name));
    } else {
      // A cursor that cannot be read: everything on disk is sent again, rather than lost.
      kept.set(name, state ?? { pending: [], next: 0, gaps: [], probeAnswered: false });
    }
  }
  const chunks: SpoolChunk[] = [];
  let unreadable = 0;
  /** Wall time after which the first unreadable piece may begin. */
  let damagedFromMs = bounds.oldestMs;
  for await (const [key, value] of kv.entries(indexRange)) {
    const position = positionOfKey(key);
    const chunk = position === undefined ? undefined : decodeIndex(position, value, nowMs, wallMs, wallOfRows);
    if (position === undefined || chunk === undefined || position < end(chunks)) {
      if (unreadable++ === 0 && chunks.length > 0) damagedFromMs = chunks.at(-1)!.atMs;
      deletes.push(key);
      if (position !== undefined) deletes.push(rowsKey(position));
    } else chunks.push(chunk);
  }
  nextPosition = Math.max(nextPosition, end(chunks));
  const openedMs = marker === undefined ? undefined : (decodeWallMs(marker) ?? 0);
  const holes = holesOf(
    chunks.at(-1)?.atMs ?? 0,
    bounds.wasDamaged ? bounds.oldestMs : unreadable > 0 ? damagedFromMs : undefined,
    openedMs,
    wallMs,
  );
  return {
    chunks,
    lanes: holes.length === 0 ? kept : withHoles(kept, destinations, holes, nextPosition),
    nextPosition,
    layouts,
    forgotten,
    unreadable,
    deletes,
    holes,
  };
}

/**
 * @param newestMs when the newest piece that can be read was begun
 * @param damagedFromMs set when pieces are missing: how old they may be
 * @param openedMs set when the last run did not end as planned: when it began, wall time
 */
function holesOf(newestMs: number, damagedFromMs: number | undefined, openedMs: number | undefined, wallMs: number): Gap[] {
  const holes: Gap[] = [];
  // The clock may stand before the last run's until it is set: then only where the hole begins is known.
  const hole = (reason: Gap['reason'], fromMs: number): Gap => {
    return { reason, fromMs, toMs: Math.max(fromMs, wallMs), records: null, packets: null, octets: null };
  };
  if (damagedFromMs !== undefined) holes.push(hole('damaged', Math.max(0, damagedFromMs)));
  if (openedMs !== undefined) holes.push(hole('lostToPowerCut', Math.max(openedMs, newestMs)));
  return holes;
}

/** A destination of which nothing was kept has the hole too: one that kept up left nothing on disk. */
function withHoles(
  kept: ReadonlyMap<string, LaneState>,
  destinations: readonly string[],
  holes: readonly Gap[],
  nextPosition: number,
): Map<string, LaneState> {
  const fresh: LaneState = { pending: [], next: nextPosition, gaps: [], probeAnswered: false };
  return new Map(
    destinations.map((name) => {
      const state = kept.get(name) ?? fresh;
      return [name, { ...state, gaps: holes.reduce<readonly Gap[]>(withGap, state.gaps) }];
    }),
  );
}

function end(chunks: readonly SpoolChunk[]): number {
  const last = chunks.at(-1);
  return last === undefined ? 0 : last.first + last.count;
}

/** What a technician should know of what was found. */
export function findingWords(
  { chunks, forgotten, unreadable, holes }: SpoolFinding,
  persistAfterS: number,
): Pick<BoxEvent, 'level' | 'event' | 'text'>[] {
  const words: Pick<BoxEvent, 'level' | 'event' | 'text'>[] = [];
  const say = (level: BoxEvent['level'], event: string, text: string): void => void words.push({ level, event, text });
  const rows = chunks.reduce((sum, { count }) => sum + count, 0);
  if (rows > 0) say('info', 'spoolRecovered', `${rows} records from before the restart wait for a collector`);
  for (const name of forgotten)
    say('warn', 'destinationForgotten', `what was kept for ${name} is given up: it is not in the settings any more`);
  if (unreadable > 0) say('error', 'spoolDamaged', `${unreadable} pieces of the spool could not be read and are lost`);
  else if (holes.some(({ reason }) => reason === 'damaged'))
    say(
      'error',
      'spoolDamaged',
      'the spool’s store was damaged: records that waited in it may be missing; collectors are told of a gap',
    );
  const cut = holes.find(({ reason }) => reason === 'lostToPowerCut');
  if (cut !== undefined)
    say(
      'warn',
      'gapMarked',
      `the last run did not end as planned: records of its last ${persistAfterS} s, and flows then open, may be missing ` +
        `(it ended within the ${Math.ceil((cut.toMs - cut.fromMs) / 60_000)} min before this start)`,
    );
  return words;
}

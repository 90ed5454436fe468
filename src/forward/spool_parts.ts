/** What a spool is made of, and the limits it is given. Shapes only. */
import type { Kv } from '../core/kv.ts';
import type { World } from '../core/world.ts';
import type { RowClock } from '../flow/row_block.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import type { RowCompression } from './row_compression.ts';

export interface SpoolOptions {
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
  readonly ageMaxS: number;
  readonly persistAfterS: number;
  /** Rows are merged before any is dropped for want of room. */
  readonly thin?: boolean;
}

export interface SpoolLimits {
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
  readonly ageMaxMs: number;
  readonly chunksMax: number;
}

/** Members of balance groups, by the name of the share. */
export type SharedBy = ReadonlyMap<string, readonly string[]>;

export interface SpoolParts {
  readonly world: World;
  readonly kv: Kv;
  /** Whether the store was damaged when it was opened, so that some of what was in it may be missing. */
  readonly wasDamaged?: () => boolean;
  /** How often a new store was begun in the place of a damaged one. */
  readonly begun?: () => number;
  readonly settings: SpoolOptions;
  /** Names of the destinations; what is kept for others is forgotten. */
  readonly destinations: readonly string[];
  /** For those of them that are shares of balance groups. */
  readonly sharedBy?: SharedBy;
  readonly rowClock: RowClock;
  /** On other threads by default. */
  readonly compression?: RowCompression;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
}

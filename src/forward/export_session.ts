/**
 * One session's worth of an export protocol: templates, options, messages from rows. What exporters know of IPFIX and
 * NetFlow; made anew for every transport session. Sessions are pure but for their own state and own no socket.
 */
import type { ProjectionPlan } from '../flow/projection.ts';
import type { ExportFacts } from './ipfix/options_tables.ts';

export interface EncodedRows {
  /** The message, the caller's to keep. Empty when not even one row fits, or no row is for this destination. */
  readonly message: Uint8Array;
  /** Rows taken, those that gave no record included. */
  readonly rows: number;
  readonly records: number;
  /** Of the rows taken, those that the protocol has no form for: ascending, counted from the first row. */
  readonly notRepresentable?: readonly RowRange[];
}

export interface RowRange {
  readonly from: number;
  readonly count: number;
}

export interface ExportSession {
  /** What the collector was told of the stamps: it takes them for right until it hears otherwise. */
  stamps: ExportFacts['stamps'];
  /** Of the templates in use, for those protocols that describe their fields to collectors. */
  readonly plans: readonly ProjectionPlan[];
  /** The path has changed. Throws `messageTooLong` when messages would be too small. */
  resize(messageOctetsMax: number): void;
  /** Messages with every template; none where the protocol has none. */
  templateMessages(exportTimeS: number): Uint8Array[];
  /** Messages with options data. @param again with templates that were sent before */
  optionsMessages(facts: ExportFacts, exportTimeS: number, again: boolean): Uint8Array[];
  /** One message from as many of the rows as fit. */
  dataMessage(rows: Uint8Array, firstRow: number, count: number, wallOffsetNs: bigint, exportTimeS: number): EncodedRows;
}

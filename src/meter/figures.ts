/** The meter's statistics by name, and what is derived from them. Pure. */
import { meterCounters } from '../flow/decode_annotations.ts';
import { type Ledger, ledgerOf, type MeterCounts } from '../flow/ledger.ts';
import type { NativeInterface, NativeSelector, NativeStats } from './addon.ts';

export interface MeterFigures {
  readonly counts: MeterCounts;
  /** Of each metering thread. */
  readonly threads: readonly MeterCounts[];
  readonly annotations: readonly number[];
  readonly interfaces: readonly NativeInterface[];
  /** `CODE: words`, or empty. */
  readonly sourceError: string;
  /** False when a metering thread gave no sign of life. */
  readonly answering: boolean;
  readonly selectorId: number;
  readonly selectors: readonly NativeSelector[];
}

export function figuresOf(stats: NativeStats): MeterFigures {
  return {
    counts: countsOf(stats.counters),
    threads: stats.threads.map(countsOf),
    annotations: [...stats.annotations],
    interfaces: stats.interfaces,
    sourceError: stats.sourceError,
    answering: stats.answering,
    selectorId: stats.selectorId,
    selectors: stats.selectors,
  };
}

function countsOf(counters: Float64Array): MeterCounts {
  return Object.fromEntries(meterCounters.map((name, index) => [name, counters[index] ?? 0])) as MeterCounts;
}

/** Of a meter that has not been opened: all zero. */
export const noFigures: MeterFigures = figuresOf({
  counters: new Float64Array(meterCounters.length),
  threads: [],
  annotations: new Float64Array(0),
  interfaces: [],
  sourceError: '',
  answering: true,
  selectorId: 0,
  selectors: [],
});

/** A live kernel filter counts packets only; of a file the octets are known too. */
export function ledgerOfFigures(figures: MeterFigures): Ledger {
  return ledgerOf(figures.counts, figures.annotations, figures.interfaces.length === 0);
}

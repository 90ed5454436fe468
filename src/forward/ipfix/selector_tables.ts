/**
 * Options that tell what selectorIds stand for: sampling of packets (RFC 5477), selection of whole flows (RFC 7014), names of
 * pools, and what came of each. Pure. A stage of random sampling in the kernel is part of the rate.
 */
import { type SelectorFact, samplingOfBoth } from '../../flow/selectors.ts';
import type { OptionsTable } from './options_tables.ts';

/** IANA psamp-parameters, selectorAlgorithm (304), and IANA ipfix, flowSelectorAlgorithm (390): the same numbers. */
export const selectorAlgorithms = { systematicCount: 1, uniformProbabilistic: 4 } as const;

type SelectorTable = Omit<OptionsTable, 'templateId'>;

const hashMax = 2n ** 64n - 1n;

/** Every packet: count-based 1 in 1. RFC 5477 section 8.2.1; a space of zero means no packet is left out. */
export const countTable: SelectorTable = {
  scope: ['selectorId'],
  fields: ['selectorAlgorithm', 'samplingPacketInterval', 'samplingPacketSpace'],
  rows: ({ selectors }) =>
    selectors.flatMap((selector) => {
      const { kind, interval } = samplingOfBoth(selector);
      if (kind !== 'none' && kind !== 'count') return [];
      return [[selector.selectorId, selectorAlgorithms.systematicCount, 1, kind === 'none' ? 0 : interval - 1]];
    }),
};

/**
 * Uniform probabilistic sampling (RFC 5475 section 5.2.2.1) is told by its probability alone (RFC 5476 section 6.5.2): size and
 * population would be n-out-of-N sampling, another algorithm.
 */
export const randomTable: SelectorTable = {
  scope: ['selectorId'],
  fields: ['selectorAlgorithm', 'samplingProbability'],
  rows: ({ selectors }) =>
    selectors.flatMap((selector) => {
      const { kind, interval } = samplingOfBoth(selector);
      return kind === 'random' ? [[selector.selectorId, selectorAlgorithms.uniformProbabilistic, 1 / interval]] : [];
    }),
};

/**
 * Whole flows by a keyed hash (RFC 7014 section 5.1.2). The numbers of flowSelectorAlgorithm for hashes stand for BOB, IPSX and
 * CRC without a key, which this is not: to whoever has no key it is uniform probabilistic, each flow with this probability. The
 * ranges say how it was done; the key is nobody's business, since with it traffic could be made to be overlooked.
 */
export const flowSelectionTable: SelectorTable = {
  scope: ['selectorId'],
  fields: [
    ...['flowSelectorAlgorithm', 'samplingProbability'],
    ...['hashOutputRangeMin', 'hashOutputRangeMax', 'hashSelectedRangeMin', 'hashSelectedRangeMax'],
  ],
  rows: ({ selectors }) =>
    selectors.flatMap((selector) => {
      if (selector.kind !== 'flowHash') return [];
      const selectedMax = hashMax / BigInt(selector.interval);
      const probability = 1 / samplingOfBoth(selector).interval;
      return [[selector.selectorId, selectorAlgorithms.uniformProbabilistic, probability, 0, hashMax, 0, selectedMax]];
    }),
};

/** What a pool is called where it is configured. */
export const nameTable: SelectorTable = {
  scope: ['selectorId'],
  fields: ['selectorName'],
  rows: ({ selectors }) => selectors.flatMap(({ selectorId, pool = '' }) => (pool === '' ? [] : [[selectorId, pool]])),
};

/**
 * RFC 5476 section 6.5.3, by selector: the rate that came about, beside the one that was meant. Both are counted, but for what a
 * stage in the kernel left out, which nobody counts: there what came to the selector stands for so many times more.
 */
export const selectionStatisticsTable: SelectorTable = {
  process: true,
  scope: ['selectorId'],
  fields: ['selectorIdTotalPktsObserved', 'selectorIdTotalPktsSelected'],
  rows: ({ selectors }) =>
    selectors.flatMap(({ selectorId, kernelInterval = 1, observedPackets, selectedPackets }) =>
      observedPackets === undefined || selectedPackets === undefined
        ? []
        : [[selectorId, observedPackets * kernelInterval, selectedPackets]],
    ),
};

/** A collector that heard the one need not hear the other. */
export const selectorMeaning = ({ selectorId, kind, interval, kernelInterval = 1, pool = '' }: SelectorFact): string =>
  `${selectorId}/${kind}/${interval}/${kernelInterval}/${pool}`;

/**
 * The sampling rate as NetFlow told it, in elements that IANA keeps as deprecated in favour of the selectors: for collectors
 * that read nothing else. Pure.
 */
import { samplingOfBoth } from '../../flow/selectors.ts';
import type { OptionsTable } from './options_tables.ts';

/** Of its own, so that tables which come later change no template's number. */
const TEMPLATE_ID = 640;
/** IANA samplingAlgorithm (35). */
const algorithms = { none: 1, count: 1, random: 2, flowHash: 2 } as const;

/** One rate for the whole domain: the newest in force outside of pools. */
export const legacySamplingTable: OptionsTable = {
  templateId: TEMPLATE_ID,
  scope: ['observationDomainId'],
  fields: ['samplingInterval', 'samplingAlgorithm'],
  rows: ({ legacySampling, observationDomainId, selectors }) => {
    const now = selectors.findLast(({ pool = '', inForce = true }) => inForce && pool === '');
    if (legacySampling !== true || now === undefined) return [];
    const { kind, interval } = samplingOfBoth(now);
    return [[observationDomainId, kind === 'none' ? 1 : interval, algorithms[kind]]];
  },
};

/**
 * What `flows`, `query` and `evidence` have in common: which box, which time, which filter, and what is said of how far an answer
 * reaches.
 */

import { z } from 'zod';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { parseFilter, troubleText } from '../flow/filter/filter_parser.ts';
import type { FlowCoverage } from '../flow/flow_search_shapes.ts';
import { grouped } from '../flow/grouped.ts';
import { ApiError } from '../status/answers.ts';
import { parseParameters, range, timeRange } from '../status/questions.ts';
import { boxOptions } from './box_client.ts';
import type { OptionTable, OptionValues } from './command.ts';
import { timeText } from './figures.ts';

export const flowOptions: OptionTable = {
  last: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  limit: { type: 'string' },
  order: { type: 'string' },
  json: { type: 'boolean' },
  csv: { type: 'boolean' },
  ...boxOptions,
};

export const flowUsage = `  --last SPAN      90s, 15m, 6h (default 1h)
  --from, --to     an exact time range: ISO 8601, local time where it names no zone, or milliseconds since 1970`;

/** The filter's text, checked here so that the mark under a mistake stands under what was typed. */
export function filterText(words: readonly string[]): string {
  const text = words.join(' ');
  const { trouble } = { trouble: undefined, ...parseFilter(text) };
  if (trouble !== undefined) throw new ApplianceError('usage', `filter: ${troubleText(text, trouble)}`);
  return text;
}

/** `app` is short for `application`. */
export const breakdownNamed = (by: string): string => by.replaceAll(/(?<=^|,)app(?=$|,)/g, 'application');

/** Both ends fixed now, so that every page of an answer is of the same time. */
export function askedRange(values: OptionValues): { fromMs: number; toMs: number } {
  const given = Object.fromEntries(
    ['last', 'from', 'to'].flatMap((name) => (values[name] === undefined ? [] : [[name, String(values[name])]])),
  );
  return usage(() => {
    const asked = Object.entries(parseParameters(z.strictObject(range), given)).filter(([, value]) => value !== undefined);
    const { fromMs, toMs } = timeRange(Object.fromEntries(asked), new SystemClock().wallMs());
    return { fromMs: Math.round(fromMs), toMs: Math.round(toMs) };
  });
}

/** Checks with the API's own rules, so that words and bounds are the same as there. */
export function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof ApiError) throw new ApplianceError('usage', error.message, { cause: error });
    throw error;
  }
}

/**
 * What the answer does not reach, in a sentence for standard error; empty where it reaches everything.
 * @param toEnd whether all records of the range were wanted
 */
export function coverageWords(coverage: FlowCoverage, fromMs: number, toEnd = true): string {
  const { keptFromMs, recordsKept, recordsMissed, complete, searchedFromMs, archive } = coverage;
  const setting = archive === undefined ? 'history.recentFlowsBytesMax, history.flowArchive' : 'history.flowArchive';
  const words: string[] = [];
  if (recordsKept > 0 && keptFromMs > fromMs)
    words.push(`records are kept since ${timeText(keptFromMs)} (${setting}); older ones are in the history: flowspan top`);
  if (!complete && toEnd && searchedFromMs !== undefined)
    words.push(`older records than ${timeText(searchedFromMs)} were not looked at: ask for a shorter time`);
  if (recordsMissed > 0) words.push(`${grouped(recordsMissed)} records came too fast to be kept for searches`);
  if (archive !== undefined && archive.recordsSkipped > 0)
    words.push(`${grouped(archive.recordsSkipped)} records did not go to disk`);
  if (archive !== undefined && archive.trouble !== '') words.push(`on disk: ${archive.trouble}`);
  if (archive !== undefined && archive.blocksUnreadable > 0)
    words.push(`${grouped(archive.blocksUnreadable)} blocks of records on disk cannot be read`);
  return words.join('; ');
}

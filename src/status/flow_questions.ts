/** Query parameters of questions about recent flows, checked. The schemas are also the API's documentation. Pure. */
import { z } from 'zod';
import { asksForHosts, withHostAddresses } from '../flow/filter/filter_hosts.ts';
import { type FilterTrouble, filterLengthMax, parseFilter } from '../flow/filter/filter_parser.ts';
import type { Filter } from '../flow/filter/filter_syntax.ts';
import { type FlowKey, flowKeys, flowOrders, groupOrders } from '../flow/flow_search_shapes.ts';
import type { HostNameList } from '../flow/host_names.ts';
import { ApiError } from './answers.ts';
import { range, whole } from './questions.ts';

const listMax = 5_000;
const pagesMax = 1_000_000;
const keysMax = 3;
/** Below the time-out of who asks. */
export const withinMsMax = 25_000;

const filter = z
  .string()
  .max(filterLengthMax, `at most ${filterLengthMax} characters`)
  .default('')
  .meta({ description: 'A flow filter (config/flow-filter.md), such as tcp and dst port 443; every record when absent' });

const oneOf = <T extends readonly [string, ...string[]]>(values: T, byDefault: T[number], what: string) => {
  const allowed = `one of ${values.join(', ')}`;
  return z
    .enum(values, { error: allowed })
    .default(byDefault as never)
    .meta({ description: `${what}: ${allowed}` });
};

const keysAllowed = `one to ${keysMax} of ${flowKeys.join(', ')}, separated by commas`;
const keys = z
  .string()
  .max(80)
  .transform((text, context): FlowKey[] => {
    const asked = text.split(',');
    const isGood =
      asked.length <= keysMax &&
      new Set(asked).size === asked.length &&
      asked.every((key) => (flowKeys as readonly string[]).includes(key));
    if (!isGood) context.addIssue({ code: 'custom', message: keysAllowed });
    return asked as FlowKey[];
  })
  .meta({ description: keysAllowed });

const within = whole(100, withinMsMax, 5_000).meta({
  description: 'How long records on disk are looked at, ms; coverage.complete says whether that was enough',
});

export const flowParameters = z.strictObject({
  filter,
  ...range,
  order: oneOf(flowOrders, 'arrival', 'What comes first, the largest'),
  limit: whole(0, listMax, 100),
  within,
  offset: whole(0, pagesMax, 0),
  before: whole(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).meta({
    description: 'nextBefore of the answer before: the next page in order of arrival, whatever came in meanwhile',
  }),
});

export const flowSumParameters = z.strictObject({
  filter,
  ...range,
  by: keys.default(['host']),
  order: oneOf(groupOrders, 'bytes', 'What groups are ordered by'),
  limit: whole(1, listMax, 20),
  within,
});

/** @throws ApiError with the place in the text and what is allowed there */
export function filterOf(text: string): Filter {
  const { filter: parsed, trouble } = { filter: undefined, ...parseFilter(text) };
  if (parsed !== undefined) return parsed;
  throw mistake(text, trouble!);
}

/** Names of hosts as their addresses. @throws ApiError likewise */
export function withHostsFound(text: string, filter: Filter, names: HostNameList | undefined): Filter {
  if (!asksForHosts(filter)) return filter;
  const { names: places } = { names: [], ...parseFilter(text) };
  const { filter: found, trouble } = { filter: undefined, ...withHostAddresses(filter, places, names) };
  if (found !== undefined) return found;
  throw mistake(text, trouble!);
}

function mistake(text: string, { at, length, message, allowed }: FilterTrouble): ApiError {
  return new ApiError('badParameter', `filter, at ${at}: ${message}; allowed: ${allowed}.`, {
    parameter: 'filter',
    value: text.slice(at, at + Math.min(length, 60)),
    allowed,
    at,
    length,
  });
}

/** What a record of many flows is called where one of a single flow has its ends. Pure. */
import { grouped } from './grouped.ts';
import type { RowJson } from './row_json.ts';

/** Empty for a record of one flow. */
export function manyFlowsText(flow: RowJson): string {
  const count = Number(flow.deltaFlowCount ?? 1);
  return count > 1 ? `${grouped(count)} flows` : '';
}

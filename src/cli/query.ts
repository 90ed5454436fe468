/** `flowspan query`: recent flow records that match a filter, summed by up to three keys. */
import type { FlowGroup, FlowGroupAnswer } from '../flow/flow_search_shapes.ts';
import { flowKeys, groupOrders } from '../flow/flow_search_shapes.ts';
import { grouped } from '../flow/grouped.ts';
import { flowSumParameters } from '../status/flow_questions.ts';
import { parseParameters } from '../status/questions.ts';
import { boxOptionsUsage } from './box_client.ts';
import { type Command, exitCodes, write } from './command.ts';
import { csvLine, rate, size, spanText, tableLines } from './figures.ts';
import { FlowAsker } from './flow_asker.ts';
import { askedRange, breakdownNamed, coverageWords, filterText, flowOptions, flowUsage, usage } from './flow_question.ts';
import { keyWithNames, namesInKey } from './host_names.ts';

export const command: Command = {
  name: 'query',
  summary: 'recent flow records summed by host, application, service, …',
  usage: `query [FILTER...] [--by KEY[,KEY[,KEY]]] [--last SPAN | --from T --to T] [options]

  FILTER           as for flowspan flows
  --by KEYS        up to three of ${flowKeys.join(', ')} (default host)
${flowUsage}
  --order WHAT     ${groupOrders.join(', ')} (default bytes)
  --limit N        groups (default 20)
  --json, --csv    for programs
${boxOptionsUsage}

A stopped box is asked through what it kept on disk (history.flowArchive).`,
  options: { ...flowOptions, by: { type: 'string' } },
  positionals: ['FILTER...'],
  async run(values, words, { out, err }) {
    const filter = filterText(words);
    const given = Object.fromEntries(
      ['by', 'order', 'limit'].flatMap((name) => (values[name] === undefined ? [] : [[name, String(values[name])]])),
    );
    if (given.by !== undefined) given.by = breakdownNamed(given.by);
    usage(() => parseParameters(flowSumParameters, given));
    const { fromMs, toMs } = askedRange(values);
    const answer = await new FlowAsker(values).group({ ...given, filter, from: fromMs, to: toMs });
    if (values.json === true) await write(out, `${JSON.stringify(answer)}\n`);
    else if (values.csv === true) await write(out, asCsv(answer));
    else await write(out, asTable(answer));
    const reach = coverageWords(answer.coverage, fromMs);
    if (reach !== '') err.write(`${reach}\n`);
    return exitCodes.good;
  },
};

const figures = [
  'outOctets',
  'inOctets',
  'packets',
  'flows',
  'records',
  'firstMs',
  'lastMs',
] as const satisfies (keyof FlowGroup)[];

function asCsv({ by, groups, names }: FlowGroupAnswer): string {
  const lines = groups.map((group) =>
    csvLine([
      ...group.keys,
      ...figures.map((name) => group[name]),
      group.keys
        .map((key) => namesInKey(key, names))
        .join(' ')
        .trim(),
    ]),
  );
  return `${[[...by, ...figures, 'hostNames'].join(','), ...lines].join('\n')}\n`;
}

function asTable({ by, groups, names, matched, groupsFound, fromMs, toMs }: FlowGroupAnswer): string {
  const head = `${spanText(fromMs, toMs)}: ${grouped(matched.records)} records, ${size(matched.octets)}, ${grouped(groupsFound)} groups\n`;
  if (groups.length === 0) return head;
  // A record counts for both its hosts: shares are of the line.
  const share = (octets: number): string => (matched.octets === 0 ? '' : `${((octets / matched.octets) * 100).toFixed(1)} %`);
  const table = [
    [...by, 'out', 'in', 'share', 'mean rate', 'packets', 'records'],
    ...groups.map((group) => [
      ...group.keys.map((key) => keyWithNames(key, names)),
      size(group.outOctets),
      size(group.inOctets),
      share(group.octets),
      rate((group.octets * 8_000) / Math.max(1_000, group.lastMs - group.firstMs)),
      grouped(group.packets),
      grouped(group.records),
    ]),
  ];
  const how = matched.estimated ? '\n≈ packets were sampled: octets and packets are estimates\n' : '';
  return `${head}\n${tableLines(table, by.length)}\n${how}`;
}

/**
 * `flowspan flows`: recent flow records that match a filter, as a table, JSON lines, CSV or an IPFIX file. Long answers come in
 * pages, newest first, all of the same time range.
 */
import { ApplianceError } from '../core/errors.ts';
import { writeTcpFlags } from '../flow/filter/filter_values.ts';
import { type FlowListAnswer, flowOrders } from '../flow/flow_search_shapes.ts';
import { grouped } from '../flow/grouped.ts';
import { manyFlowsText } from '../flow/many_flows.ts';
import { profileNames } from '../flow/profiles.ts';
import { protocolText } from '../flow/protocols.ts';
import type { RowJson } from '../flow/row_json.ts';
import { boxOptionsUsage } from './box_client.ts';
import { type Command, exitCodes, integerOption, type OptionValues, type Terminal, write } from './command.ts';
import { size, spanText, tableLines, timeText } from './figures.ts';
import { FlowAsker } from './flow_asker.ts';
import { csvOutput, eachPage, type FlowOutput, ipfixOutput } from './flow_output.ts';
import { askedRange, coverageWords, filterText, flowOptions, flowUsage } from './flow_question.ts';

const tableRows = 100;

export const command: Command = {
  name: 'flows',
  summary: 'recent flow records that match a filter; as JSON, CSV or IPFIX file',
  usage: `flows [FILTER...] [--last SPAN | --from T --to T] [options]

  FILTER           such as: tcp and dst port 443 and src net 10.20.0.0/16 and bytes > 1M
                   (config/flow-filter.md tells all; quote it, or the shell takes > and brackets)
${flowUsage}
  --order WHAT     ${flowOrders.join(', ')}; the largest first (default arrival: the newest first)
  --limit N        records (default ${tableRows} in a table, all in a file of any kind)
  --json           one flow a line, element names as keys; sourceHostName and destinationHostName where names are known
  --csv            one flow a line, a column for every element, and for the names of both ends
  --fields LIST    columns of the CSV, element names separated by commas
  --ipfix OUT      an IPFIX file (RFC 5655)
  --profile NAME   elements in the IPFIX file: ${profileNames.join(', ')} (default standard)
  --pen NUMBER     your private enterprise number, for elements IANA has none for
${boxOptionsUsage}

A stopped box is asked through what it kept on disk (history.flowArchive).`,
  options: {
    ...flowOptions,
    fields: { type: 'string' },
    ipfix: { type: 'string' },
    profile: { type: 'string' },
    pen: { type: 'string' },
  },
  positionals: ['FILTER...'],
  async run(values, words, terminal) {
    const order = String(values.order ?? 'arrival');
    if (!(flowOrders as readonly string[]).includes(order))
      throw new ApplianceError('usage', `--order ${order}: allowed: ${flowOrders.join(', ')}`);
    const filter = filterText(words);
    const time = askedRange(values);
    const isFile = values.json === true || values.csv === true || values.ipfix !== undefined;
    const limit = integerOption(values, 'limit', isFile ? Number.MAX_SAFE_INTEGER : tableRows, 0, Number.MAX_SAFE_INTEGER);
    const output = outputFor(values, terminal);
    try {
      const asker = new FlowAsker(values);
      const { first, listed, coverage } = await eachPage(asker, { filter, order, limit, ...time }, (flows) => output.take(flows));
      await output.end(first);
      // The newest are what they are, however far the search came behind them; the largest may be others.
      const words = coverageWords(coverage, time.fromMs, order !== 'arrival' || listed.records < limit);
      if (words !== '') terminal.err.write(`${words}\n`);
    } finally {
      output.close();
    }
    return exitCodes.good;
  },
};

function outputFor(values: OptionValues, { out }: Terminal): FlowOutput {
  const nothing = { end: async () => {}, close: () => {} };
  if (values.ipfix !== undefined) return ipfixOutput(values);
  if (values.json === true) {
    return { ...nothing, take: (flows) => write(out, flows.map((flow) => `${JSON.stringify(flow)}\n`).join('')) };
  }
  if (values.csv === true) return csvOutput(values, out);
  const rows: RowJson[] = [];
  return {
    close: nothing.close,
    take: async (flows) => {
      rows.push(...flows);
      return true;
    },
    end: (first) => write(out, asTable(rows, first)),
  };
}

const n = (value: string | number | undefined): number => Number(value ?? 0);

function endText(flow: RowJson, end: 'source' | 'destination'): string {
  const address = flow[`${end}IPv4Address`] ?? flow[`${end}IPv6Address`] ?? flow[`${end}MacAddress`] ?? '';
  const port = flow[`${end}TransportPort`];
  const name = flow[`${end}HostName`] === undefined ? '' : ` (${flow[`${end}HostName`]})`;
  if (port === undefined) return `${address}${name}`;
  return String(address).includes(':') ? `[${address}]:${port}${name}` : `${address}:${port}${name}`;
}

function asTable(flows: readonly RowJson[], { matched, fromMs, toMs, coverage }: FlowListAnswer): string {
  const atLeast = coverage.complete ? '' : 'at least ';
  const head = `${spanText(fromMs, toMs)}: ${atLeast}${grouped(matched.records)} records, ${size(matched.octets)}, ${grouped(matched.packets)} packets${matched.estimated ? ' (estimated)' : ''}\n`;
  if (flows.length === 0) return head;
  const line = (flow: RowJson): string[] => {
    const lasted = n(flow.flowEndMilliseconds) - n(flow.flowStartMilliseconds);
    const flags = flow.tcpControlBits === undefined ? '' : writeTcpFlags(n(flow.tcpControlBits) | n(flow.reverseTcpControlBits));
    return [
      `${timeText(n(flow.flowStartMilliseconds))}.${String(n(flow.flowStartMilliseconds) % 1_000).padStart(3, '0')}`,
      protocolText(flow),
      endText(flow, 'source') || manyFlowsText(flow),
      endText(flow, 'destination'),
      flags,
      flow.dot1qVlanId === undefined ? '' : `VLAN ${flow.dot1qVlanId}`,
      `${(lasted / 1_000).toFixed(3)} s`,
      String(n(flow.packetDeltaCount) + n(flow.reversePacketDeltaCount)),
      size(n(flow.layer2OctetDeltaCount)),
      size(n(flow.reverseLayer2OctetDeltaCount)),
    ];
  };
  const table = [
    ['start', 'proto', 'source', 'destination', 'flags', '', 'duration', 'packets', 'sent', 'received'],
    ...flows.map(line),
  ];
  const more = matched.records > flows.length ? `${grouped(matched.records - flows.length)} more: --limit\n` : '';
  return `${head}\n${tableLines(table, 6)}\n${more}`;
}

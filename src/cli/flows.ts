/**
 * `flowspan flows`: recent flow records that match a filter, as a table, JSON lines, CSV or an IPFIX file. Long answers come in
 * pages, newest first, all of the same time range.
 */
import { ApplianceError } from '../core/errors.ts';
import { writeTcpFlags } from '../flow/filter/filter_values.ts';
import { type FlowListAnswer, flowOrders } from '../flow/flow_search_shapes.ts';
import { type ProfileName, profileNames, profileSpec } from '../flow/profiles.ts';
import { protocolName } from '../flow/protocols.ts';
import { WALL_BOOT_ID } from '../flow/row_block.ts';
import { rowFromJson } from '../flow/row_from_json.ts';
import { type RowJson, rowJsonKeys } from '../flow/row_json.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import { IpfixFile } from '../forward/ipfix/file_writer.ts';
import { loadAddon } from '../meter/addon.ts';
import { addonProjector } from '../meter/projector.ts';
import { boxOptionsUsage } from './box_client.ts';
import { type Command, exitCodes, integerOption, type OptionValues, type Terminal, write } from './command.ts';
import { csvLine, size, tableLines } from './figures.ts';
import { askBox, askedRange, coverageWords, filterText, flowOptions, flowUsage, timeText } from './flow_question.ts';

const pageRows = 5_000;
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
  --json           one flow a line, element names as keys
  --csv            one flow a line, a column for every element
  --fields LIST    columns of the CSV, element names separated by commas
  --ipfix OUT      an IPFIX file (RFC 5655)
  --profile NAME   elements in the IPFIX file: ${profileNames.join(', ')} (default standard)
  --pen NUMBER     your private enterprise number, for elements IANA has none for
${boxOptionsUsage}`,
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
      const first = await eachPage(values, { filter, order, limit, ...time }, (flows) => output.take(flows));
      await output.end(first);
      const words = coverageWords(first.coverage, time.fromMs);
      if (words !== '') terminal.err.write(`${words}\n`);
    } finally {
      output.close();
    }
    return exitCodes.good;
  },
};

interface Question {
  readonly filter: string;
  readonly order: string;
  readonly limit: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Returns the first page, which has the sums of all. */
async function eachPage(
  values: OptionValues,
  { filter, order, limit, fromMs, toMs }: Question,
  take: (flows: readonly RowJson[]) => Promise<boolean>,
): Promise<FlowListAnswer> {
  const asked = { filter, order, from: fromMs, to: toMs };
  let page = await askBox<FlowListAnswer>(values, '/api/v1/flows', { ...asked, limit: Math.min(limit, pageRows) });
  const first = page;
  let done = page.flows.length;
  let goesOn = await take(page.flows);
  while (goesOn && done < limit && page.flows.length > 0) {
    // The order of arrival goes on behind the last record, whatever came in meanwhile; others by their place.
    const where =
      order === 'arrival' ? page.nextBefore && { before: page.nextBefore } : done < first.matched.records && { offset: done };
    if (!where) break;
    page = await askBox<FlowListAnswer>(values, '/api/v1/flows', { ...asked, limit: Math.min(limit - done, pageRows), ...where });
    done += page.flows.length;
    goesOn = await take(page.flows);
  }
  return first;
}

interface Output {
  /** False when nobody reads any more. */
  take(flows: readonly RowJson[]): Promise<boolean>;
  end(first: FlowListAnswer): Promise<unknown>;
  close(): void;
}

function outputFor(values: OptionValues, { out }: Terminal): Output {
  const nothing = { end: async () => {}, close: () => {} };
  if (values.ipfix !== undefined) return ipfixOutput(values);
  if (values.json === true) {
    return { ...nothing, take: (flows) => write(out, flows.map((flow) => `${JSON.stringify(flow)}\n`).join('')) };
  }
  if (values.csv === true) {
    const columns = csvColumns(values);
    let head = `${columns.join(',')}\n`;
    return {
      close: nothing.close,
      take: (flows) => {
        const text = head + flows.map((flow) => `${csvLine(columns.map((column) => flow[column]))}\n`).join('');
        head = '';
        return write(out, text);
      },
      end: () => write(out, head),
    };
  }
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

function csvColumns(values: OptionValues): readonly string[] {
  if (values.fields === undefined) return rowJsonKeys;
  const asked = String(values.fields).split(',');
  const unknown = asked.find((name) => !rowJsonKeys.includes(name));
  if (unknown !== undefined)
    throw new ApplianceError(
      'usage',
      `--fields ${unknown}: allowed: elements of a record, such as ${rowJsonKeys.slice(0, 6).join(', ')}`,
    );
  return asked;
}

function ipfixOutput(values: OptionValues): Output {
  const profile = String(values.profile ?? 'standard');
  if (!(profileNames as readonly string[]).includes(profile))
    throw new ApplianceError('usage', `--profile ${profile}: allowed: ${profileNames.join(', ')}`);
  const privatePen = integerOption(values, 'pen', 0, 0, 0xffff_ffff);
  const projector = addonProjector(loadAddon());
  const facts = () => ({ domainName: 'recent flows', selectors: [], interfaces: [], ignoredPackets: 0, ignoredOctets: 0 });
  const file = new IpfixFile(String(values.ipfix), {
    projector,
    profile: profileSpec(profile as ProfileName),
    privatePen,
    facts,
  });
  let complete = false;
  return {
    take: async (flows) => {
      const bytes = new Uint8Array(flows.length * ROW_BYTES);
      let lastMs = 0;
      flows.forEach((flow, i) => {
        rowFromJson(flow, bytes, i * ROW_BYTES);
        lastMs = Math.max(lastMs, Number(flow.flowEndMilliseconds ?? 0));
      });
      const lastEndNs = BigInt(lastMs) * 1_000_000n;
      file.append({
        bytes,
        firstRow: 0,
        count: flows.length,
        bootId: WALL_BOOT_ID,
        closedAtNs: lastEndNs,
        firstStartNs: 0n,
        lastEndNs,
      });
      return true;
    },
    end: async () => {
      file.close();
      complete = true;
    },
    close: () => {
      if (!complete) file.discard();
    },
  };
}

const n = (value: string | number | undefined): number => Number(value ?? 0);

function endText(flow: RowJson, end: 'source' | 'destination'): string {
  const address = flow[`${end}IPv4Address`] ?? flow[`${end}IPv6Address`] ?? flow[`${end}MacAddress`] ?? '';
  const port = flow[`${end}TransportPort`];
  if (port === undefined) return String(address);
  return String(address).includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function asTable(flows: readonly RowJson[], { matched, fromMs, toMs }: FlowListAnswer): string {
  const head = `${timeText(fromMs)} to ${timeText(toMs)}: ${matched.records.toLocaleString('en')} records, ${size(matched.octets)}, ${matched.packets.toLocaleString('en')} packets${matched.estimated ? ' (estimated)' : ''}\n`;
  if (flows.length === 0) return head;
  const line = (flow: RowJson): string[] => {
    const lasted = n(flow.flowEndMilliseconds) - n(flow.flowStartMilliseconds);
    const flags = flow.tcpControlBits === undefined ? '' : writeTcpFlags(n(flow.tcpControlBits) | n(flow.reverseTcpControlBits));
    return [
      `${timeText(n(flow.flowStartMilliseconds))}.${String(n(flow.flowStartMilliseconds) % 1_000).padStart(3, '0')}`,
      flow.protocolIdentifier === undefined ? '' : protocolName(n(flow.protocolIdentifier)),
      endText(flow, 'source'),
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
  const more = matched.records > flows.length ? `${(matched.records - flows.length).toLocaleString('en')} more: --limit\n` : '';
  return `${head}\n${tableLines(table, 6)}\n${more}`;
}

/** Flow records of a box, page after page, into CSV and IPFIX files. */
import { ApplianceError } from '../core/errors.ts';
import type { FlowCoverage, FlowListAnswer, FlowSums } from '../flow/flow_search_shapes.ts';
import { type ProfileName, profileNames, profileSpec } from '../flow/profiles.ts';
import { WALL_BOOT_ID } from '../flow/row_block.ts';
import { rowFromJson } from '../flow/row_from_json.ts';
import { type RowJson, rowJsonKeys } from '../flow/row_json.ts';
import { ROW_BYTES } from '../flow/row_layout.ts';
import { IpfixFile } from '../forward/ipfix/file_writer.ts';
import { loadAddon } from '../meter/addon.ts';
import { addonProjector } from '../meter/projector.ts';
import { integerOption, type OptionValues, write } from './command.ts';
import { csvLine } from './figures.ts';
import type { FlowAsker } from './flow_asker.ts';
import { endNameKeys, flowsWithNames } from './host_names.ts';

const pageRows = 5_000;

export interface PageQuestion {
  readonly filter: string;
  readonly order: string;
  readonly limit: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface AskedPages {
  readonly first: FlowListAnswer;
  /** Sums of all records that were taken. */
  readonly listed: FlowSums;
  /** As the last page says: how far back records were looked at. */
  readonly coverage: FlowCoverage;
}

export async function eachPage(
  asker: FlowAsker,
  { filter, order, limit, fromMs, toMs }: PageQuestion,
  take: (flows: readonly RowJson[]) => Promise<boolean>,
): Promise<AskedPages> {
  const asked = { filter, order, from: fromMs, to: toMs };
  let page = await asker.list({ ...asked, limit: Math.min(limit, pageRows) });
  const first = page;
  let listed = page.listed;
  let done = page.flows.length;
  const takePage = ({ flows, names }: FlowListAnswer): Promise<boolean> => take(flowsWithNames(flows, names));
  let goesOn = await takePage(page);
  while (goesOn && done < limit) {
    const where = nextOf(page, order, done < first.matched.records && page.flows.length > 0 ? done : undefined);
    if (where === undefined) break;
    page = await asker.list({ ...asked, limit: Math.min(limit - done, pageRows), ...where });
    done += page.flows.length;
    listed = added(listed, page.listed);
    goesOn = await takePage(page);
  }
  return { first, listed, coverage: page.coverage };
}

/** The order of arrival goes on behind the last record, whatever came in meanwhile; others by their place. */
function nextOf(page: FlowListAnswer, order: string, done: number | undefined): Record<string, number> | undefined {
  if (order === 'arrival') return page.nextBefore === undefined ? undefined : { before: page.nextBefore };
  return done === undefined ? undefined : { offset: done };
}

const added = (a: FlowSums, b: FlowSums): FlowSums => ({
  records: a.records + b.records,
  flows: a.flows + b.flows,
  packets: a.packets + b.packets,
  octets: a.octets + b.octets,
  estimated: a.estimated || b.estimated,
});

export interface FlowOutput {
  /** False when nobody reads any more. */
  take(flows: readonly RowJson[]): Promise<boolean>;
  end(first: FlowListAnswer): Promise<unknown>;
  close(): void;
}

/** A line of names first, then one a record; `--fields` chooses columns. */
export function csvOutput(values: OptionValues, out: NodeJS.WritableStream): FlowOutput {
  const columns = csvColumns(values);
  let head = `${columns.join(',')}\n`;
  return {
    close: () => {},
    take: (flows) => {
      const text = head + flows.map((flow) => `${csvLine(columns.map((column) => flow[column]))}\n`).join('');
      head = '';
      return write(out, text);
    },
    end: () => write(out, head),
  };
}

function csvColumns(values: OptionValues): readonly string[] {
  const known = [...rowJsonKeys, ...endNameKeys];
  if (values.fields === undefined) return known;
  const asked = String(values.fields).split(',');
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ApplianceError(
      'usage',
      `--fields ${unknown}: allowed: elements of a record, such as ${rowJsonKeys.slice(0, 6).join(', ')}`,
    );
  return asked;
}

const endElements = rowJsonKeys.filter((name) => /Address$/.test(name));
/** `10.17.10.0/24`, `02:17:00:xx:xx:xx`: as viewers see them where addresses are hidden. */
const hasHiddenEnds = (flow: RowJson): boolean => endElements.some((name) => /\/|xx/.test(String(flow[name] ?? '')));

export function ipfixOutput(values: OptionValues): FlowOutput {
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
      // Cut addresses would be taken for whole ones, or be none at all: no file is better than one that is wrong.
      if (flows.some(hasHiddenEnds))
        throw new ApplianceError(
          'boxUnreachable',
          'this box shows prefixes instead of addresses to who asks (status.viewerAddresses), which an IPFIX file has no form for: ask as an operator, or for --csv or --json',
        );
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

/**
 * `flowspan top`: who uses the line. Asks a running box through its API, or the store of a stopped one; the answer is the
 * same. Rates are bit/s over the range, volumes octets of whole frames.
 */
import { join } from 'node:path';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { intervals95 } from '../flow/estimates.ts';
import { grouped } from '../flow/grouped.ts';
import {
  type Dimension,
  type DistinctKeys,
  dimensions,
  type KeyVolume,
  type TopAnswer,
  type Volume,
} from '../flow/history_shapes.ts';
import { costOf, type LineTerms } from '../flow/line_terms.ts';
import { ApiError } from '../status/answers.ts';
import { parseParameters, timeRange, topParameters } from '../status/questions.ts';
import { openHistoryReader } from '../store/history_reader.ts';
import { BoxClient, boxOptions, boxOptionsUsage } from './box_client.ts';
import { becomeOwnerOf, boxSettings } from './box_folder.ts';
import { type Command, exitCodes, type OptionValues } from './command.ts';
import { csvLine, rate, size, spanText, tableLines } from './figures.ts';
import { breakdownNamed } from './flow_question.ts';
import { keyWithNames, namesInKey, withNamesOnDisk } from './host_names.ts';

export const command: Command = {
  name: 'top',
  summary: 'who uses the line: top hosts, conversations, applications, …',
  usage: `top [--by DIMENSION] [--last SPAN | --from T --to T] [options]

  --by DIMENSION   ${dimensions.filter((name) => name !== 'total').join(', ')} (default host)
  --last SPAN      90s, 15m, 6h, 7d (default 1h)
  --from, --to     ISO 8601, local time where it names no zone, or milliseconds since 1970
  --limit N        rows (default 20)
  --json, --csv    for programs
${boxOptionsUsage}

Labels are shown with what they cost, where the settings say what the line costs (line.costPerMonth, line.costPerGigabyte).
A stopped box is asked through the store in its data folder.`,
  options: {
    by: { type: 'string' },
    last: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    limit: { type: 'string' },
    json: { type: 'boolean' },
    csv: { type: 'boolean' },
    ...boxOptions,
  },
  positionals: [],
  async run(values, _positionals, { out }) {
    const { line } = boxSettings(values);
    const answer = await ask(values);
    if (values.json === true) out.write(`${JSON.stringify(withCosts(answer, line))}\n`);
    else if (values.csv === true) out.write(asCsv(answer, line));
    else out.write(asTable(answer, line));
    return exitCodes.good;
  },
};

/** The box that runs is asked first; without one, the store in its folder. */
async function ask(values: OptionValues): Promise<TopAnswer> {
  const query = Object.fromEntries(
    ['by', 'last', 'from', 'to', 'limit']
      .filter((name) => values[name] !== undefined)
      .map((name) => [name, String(values[name])]),
  );
  if (query.by !== undefined) query.by = breakdownNamed(query.by);
  let question: { by: TopAnswer['dimension']; limit: number; fromMs: number; toMs: number };
  try {
    const asked = parseParameters(topParameters, { ...(query.last || query.from ? {} : { last: '1h' }), ...query });
    const range = { last: asked.last, from: asked.from, to: asked.to };
    const given = Object.fromEntries(Object.entries(range).filter(([, value]) => value !== undefined)) as {
      last?: number;
      from?: number;
      to?: number;
    };
    question = { by: asked.by, limit: asked.limit, ...timeRange(given, new SystemClock().wallMs()) };
  } catch (error) {
    if (error instanceof ApiError) throw new ApplianceError('usage', error.message, { cause: error });
    throw error;
  }
  const settings = boxSettings(values);
  const { dataFolder } = settings;
  const folder = join(dataFolder, 'history');
  const box = new BoxClient(settings, values);
  const { by, limit, fromMs, toMs } = question;
  const asked = new URLSearchParams({ by, limit: `${limit}`, from: `${Math.round(fromMs)}`, to: `${Math.round(toMs)}` });
  const answer = await box.get<TopAnswer>(`/api/v1/top?${asked}`);
  if (answer !== undefined) return answer;
  const nobody = [`no flowspan answers at ${box.place}`, ...(box.refused === '' ? [] : [box.refused])].join('; ');
  if (values.url !== undefined) throw new ApplianceError('boxUnreachable', nobody);
  await becomeOwnerOf(dataFolder);
  try {
    const answer = await openHistoryReader(folder).top({ dimension: by, ...question });
    return withNamesOnDisk(
      answer,
      answer.rows.map(({ key }) => key),
      dataFolder,
    );
  } catch (error) {
    if (error instanceof ApplianceError)
      throw new ApplianceError(error.code, `${nobody}, and ${folder} cannot be read: ${messageOf(error)}`, { cause: error });
    throw error;
  }
}

/** From a packet to its place in the history, ms, with the default time-outs. */
const arrivesWithinMs = 120_000;

const hasHosts = (dimension: Dimension): boolean =>
  dimension === 'host' || dimension === 'conversation' || dimension === 'service';

const octetsOf = (volume: Volume): number => volume.outOctets + volume.inOctets;

/** What a row costs, rounded to a hundredth: of labels, where the settings give the line a price. */
function costIn({ dimension, total, fromMs, toMs }: TopAnswer, terms: LineTerms): (volume: Volume) => number | undefined {
  const of = { totalOctets: octetsOf(total), seconds: (toMs - fromMs) / 1_000 };
  return (volume) => {
    const cost = dimension.endsWith('Label') ? costOf(octetsOf(volume), of, terms) : undefined;
    return cost === undefined ? undefined : Number(cost.toFixed(2));
  };
}

function withCosts(answer: TopAnswer, terms: LineTerms): object {
  const costOfRow = costIn(answer, terms);
  if (costOfRow(answer.total) === undefined) return answer;
  const rows = answer.rows.map((row) => ({ ...row, cost: costOfRow(row) }));
  return { ...answer, rows, currency: terms.currency };
}

function asCsv(answer: TopAnswer, terms: LineTerms): string {
  const { dimension, rows, other, total, fromMs, toMs, names } = answer;
  const costOfRow = costIn(answer, terms);
  const hasCost = costOfRow(total) !== undefined;
  const line = (row: KeyVolume): string => {
    const { key, outOctets, inOctets, outPackets, inPackets, flows } = row;
    const cells = [`${key}`, outOctets, inOctets, outPackets, inPackets, flows, Math.round(fromMs), Math.round(toMs)];
    return csvLine([...cells, ...(hasCost ? [costOfRow(row)] : []), ...(hasHosts(dimension) ? [namesInKey(key, names)] : [])]);
  };
  const head = `key,outOctets,inOctets,outPackets,inPackets,flows,fromMs,toMs${hasCost ? `,cost${terms.currency}` : ''}${hasHosts(dimension) ? ',hostNames' : ''}`;
  return `${[head, ...rows.map(line), line({ key: '(other)', ...other })].join('\n')}\n`;
}

function asTable(answer: TopAnswer, terms: LineTerms): string {
  const { dimension, rows, other, total, fromMs, toMs, names, distinct } = answer;
  const costOfRow = costIn(answer, terms);
  const hasCost = costOfRow(total) !== undefined;
  const seconds = Math.max(1, (toMs - fromMs) / 1_000);
  const sum = octetsOf(total);
  const named = (part: string): string => keyWithNames(part, names);
  const isOfHosts = hasHosts(dimension);
  const cells = (key: string, volume: Volume): string[] => [
    dimension === 'conversation' ? key.split(' ').map(named).join(' ↔ ') : isOfHosts ? named(key) : key,
    rate((volume.outOctets * 8) / seconds),
    rate((volume.inOctets * 8) / seconds),
    amount(volume),
    sum === 0 ? '' : `${((octetsOf(volume) / sum) * 100).toFixed(1)} %`,
    grouped(volume.flows),
    ...(hasCost ? [costOfRow(volume)!.toFixed(2)] : []),
  ];
  const sides = dimension === 'host' ? ['sent', 'received'] : ['forward', 'back'];
  const table = [
    [dimension, ...sides, 'volume', 'share', 'flows', ...(hasCost ? [terms.currency] : [])],
    ...rows.map((row) => cells(row.key === '' ? '(all)' : row.key, row)),
    ...(octetsOf(other) > 0 ? [cells('(other)', other)] : []),
  ];
  const lines = tableLines(table, 1);
  if (rows.length === 0) {
    // A flow is told when it ends or after its active time-out, and counts when its minute is complete.
    const late =
      toMs > new SystemClock().wallMs() - arrivesWithinMs ? '; what was seen just now shows up within two minutes' : '';
    return `nothing was metered from ${spanText(fromMs, toMs)}${late}\n`;
  }
  const taken = total.counted === undefined ? '' : ` (${grouped(total.counted.packets)}, ${size(total.counted.octets)})`;
  const how = total.estimated ? `\n≈ estimated from sampled packets${taken}; the truth is within ± in 95 of 100 cases\n` : '';
  return `${spanText(fromMs, toMs)}, ${keysText(distinct)}\n\n${lines}\n${how}`;
}

/** The answer of a box of before has no count. */
function keysText(distinct: DistinctKeys | undefined): string {
  if (distinct === undefined) return 'different keys not counted';
  const { keys, standardError, atLeast } = distinct;
  const count = grouped(keys);
  const within = standardError === 0 ? '' : ` ± ${grouped(Math.round(intervals95 * standardError))}`;
  return `${atLeast ? 'at least ' : standardError === 0 ? '' : '≈ '}${count}${within} different`;
}

const amount = (volume: Volume): string =>
  volume.standardError === undefined
    ? size(octetsOf(volume))
    : `≈ ${size(octetsOf(volume))} ± ${size(intervals95 * volume.standardError.octets)}`;

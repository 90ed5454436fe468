/**
 * `flowspan evidence`: what a post-mortem needs of an exact time range, in one folder: the flow records as an IPFIX file and as CSV,
 * the history's figures, events and state of the box, the changes of settings, and a manifest with the digest of each file. Asks a
 * running box.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { type Dimension, dimensions, type SeriesAnswer, type TopAnswer } from '../flow/history_shapes.ts';
import type { LoggedSettingChange } from '../flow/setting_changes.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { VERSION } from '../flow/version.ts';
import { boxOptionsUsage } from './box_client.ts';
import { type Command, exitCodes, type OptionValues, type Terminal } from './command.ts';
import { spanText } from './figures.ts';
import { FlowAsker } from './flow_asker.ts';
import { type AskedPages, csvOutput, eachPage, ipfixOutput } from './flow_output.ts';
import { askBox, askedRange, coverageWords, filterText, flowOptions, flowUsage } from './flow_question.ts';

const topRows = 100;
const seriesPoints = 2_000;

export const command: Command = {
  name: 'evidence',
  summary: 'everything about a time range in one folder: flows, figures, events, changes of settings',
  usage: `evidence FOLDER [FILTER...] [--last SPAN | --from T --to T] [options]

  FOLDER           made when it is not there; files in it are replaced
  FILTER           only these flow records, as for flowspan flows
${flowUsage}
  --profile NAME   elements in the IPFIX file (default standard)
  --pen NUMBER     your private enterprise number, for elements IANA has none for
${boxOptionsUsage}

Flow records are those still in the box's memory and on its disk (history.flowArchive); the manifest says how far that
reaches, and what the records add up to.`,
  options: { ...flowOptions, profile: { type: 'string' }, pen: { type: 'string' } },
  positionals: ['FOLDER', 'FILTER...'],
  async run(values, [folder, ...words], { out, err }: Terminal) {
    const filter = filterText(words);
    const { fromMs, toMs } = askedRange(values);
    const place = (name: string): string => join(folder as string, name);
    try {
      mkdirSync(folder as string, { recursive: true });
    } catch (error) {
      throw new ApplianceError('storeUnwritable', `${folder} cannot be made: ${messageOf(error)}`, { cause: error });
    }
    const { listed, coverage } = await writeFlows(values, { filter, fromMs, toMs }, place);
    writeJson(place('history.json'), await historyOf(values, fromMs, toMs));
    const status = await askBox<BoxStatus>(values, '/api/v1/status', {});
    writeJson(place('status.json'), status);
    // What changed before the range is in force in it, and what changed after explains why today's settings differ.
    const { changes } = await askBox<{ changes: LoggedSettingChange[] }>(values, '/api/v1/settings/changes', {});
    writeJson(place('settings_changes.json'), changes);

    const names = ['flows.ipfix', 'flows.csv', 'history.json', 'status.json', 'settings_changes.json'];
    const files = [];
    for (const name of names) files.push({ name, octets: statSync(place(name)).size, sha256: await digestOf(place(name)) });
    writeJson(place('manifest.json'), {
      site: status.site,
      node: status.node,
      fromMs,
      toMs,
      filter,
      flows: listed,
      coverage,
      changesInRange: changes.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length,
      madeAtMs: Math.round(new SystemClock().wallMs()),
      madeBy: `flowspan ${VERSION}`,
      boxVersion: status.version,
      files,
    });
    const span = `${spanText(fromMs, toMs)}`;
    out.write(
      `${span}: ${listed.records.toLocaleString('en')} flow records, ${changes.length} changes of settings, in ${folder}\n`,
    );
    const reach = coverageWords(coverage, fromMs);
    if (reach !== '') err.write(`${reach}\n`);
    return exitCodes.good;
  },
};

interface Asked {
  readonly filter: string;
  readonly fromMs: number;
  readonly toMs: number;
}

async function writeFlows(values: OptionValues, asked: Asked, place: (name: string) => string): Promise<AskedPages> {
  const stream = createWriteStream(place('flows.csv'));
  // A disk that fails while nobody waits must not end the process with a stack: it is told by the next write.
  stream.on('error', () => {});
  const csv = csvOutput(values, stream);
  const ipfix = ipfixOutput({ ...values, ipfix: place('flows.ipfix') });
  try {
    const question = { ...asked, order: 'arrival', limit: Number.MAX_SAFE_INTEGER };
    const pages = await eachPage(new FlowAsker(values), question, async (flows) => {
      const goesOn = await csv.take(flows);
      return (await ipfix.take(flows)) && goesOn;
    });
    await csv.end(pages.first);
    await ipfix.end(pages.first);
    stream.end();
    await finished(stream);
    return pages;
  } catch (error) {
    if (error instanceof ApplianceError) throw error;
    throw new ApplianceError('storeUnwritable', `${place('flows.csv')}: ${messageOf(error)}`, { cause: error });
  } finally {
    ipfix.close();
  }
}

/** The line over time and the largest keys of every dimension that has some. */
async function historyOf(
  values: OptionValues,
  from: number,
  to: number,
): Promise<{ series: SeriesAnswer; tops: Partial<Record<Dimension, TopAnswer>> }> {
  const series = await askBox<SeriesAnswer>(values, '/api/v1/series', { from, to, points: seriesPoints });
  const tops: Partial<Record<Dimension, TopAnswer>> = {};
  for (const by of dimensions) {
    const top = await askBox<TopAnswer>(values, '/api/v1/top', { by, from, to, limit: topRows });
    if (top.rows.length > 0) tops[by] = top;
  }
  return { series, tops };
}

function writeJson(path: string, value: unknown): void {
  try {
    writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    throw new ApplianceError('storeUnwritable', `${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest('hex');
}

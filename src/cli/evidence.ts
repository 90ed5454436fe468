/**
 * `flowspan evidence`: what a post-mortem needs of an exact time range, in one folder: the flow records as an IPFIX file and as CSV,
 * the history's figures, events and state of the box, the changes of settings, and a manifest with the digest of each file. Asks a
 * running box, or the data folder of a stopped one.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { grouped } from '../flow/grouped.ts';
import { VERSION } from '../flow/version.ts';
import { boxOptionsUsage } from './box_client.ts';
import { type Command, exitCodes, type OptionValues, type Terminal } from './command.ts';
import { evidenceFacts } from './evidence_source.ts';
import { spanText } from './figures.ts';
import { FlowAsker } from './flow_asker.ts';
import { type AskedPages, csvOutput, eachPage, ipfixOutput } from './flow_output.ts';
import { askedRange, coverageWords, filterText, flowOptions, flowUsage } from './flow_question.ts';

const flowFiles = ['flows.ipfix', 'flows.csv'] as const;
/** All that may be in the folder, in the manifest's order: what an earlier call left there is not this one's evidence. */
const names = [...flowFiles, 'history.json', 'status.json', 'alerts.json', 'figures.json', 'settings_changes.json'] as const;

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
reaches, and what the records add up to. A stopped box is asked through its data folder: history, records on disk, alerts, figures
and changes of settings; what only a running one can tell is named as missing.`,
  options: { ...flowOptions, profile: { type: 'string' }, pen: { type: 'string' } },
  positionals: ['FOLDER', 'FILTER...'],
  async run(values, [folder, ...words], { out, err }: Terminal) {
    const filter = filterText(words);
    const { fromMs, toMs } = askedRange(values);
    const place = (name: string): string => join(folder as string, name);
    const { running, site, node, boxVersion, hasFlows, changes, files, missing } = await evidenceFacts(values, { fromMs, toMs });
    makeRoom(folder as string);
    const pages = hasFlows ? await writeFlows(values, { filter, fromMs, toMs }, place) : undefined;
    // What changed before the range is in force in it, and what changed after explains why today's settings differ.
    const told: Readonly<Record<string, unknown>> =
      changes === undefined ? files : { ...files, 'settings_changes.json': changes };
    for (const [name, value] of Object.entries(told)) writeJson(place(name), value);

    const written = names.filter((name) => name in told || (hasFlows && (flowFiles as readonly string[]).includes(name)));
    const digests = [];
    for (const name of written) digests.push({ name, octets: statSync(place(name)).size, sha256: await digestOf(place(name)) });
    writeJson(place('manifest.json'), {
      site,
      node,
      running,
      fromMs,
      toMs,
      filter,
      flows: pages?.listed ?? null,
      coverage: pages?.coverage ?? null,
      changesInRange: changes?.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).length ?? null,
      madeAtMs: Math.round(new SystemClock().wallMs()),
      madeBy: `flowspan ${VERSION}`,
      boxVersion,
      missing,
      files: digests,
    });
    const span = spanText(fromMs, toMs);
    const records = pages === undefined ? 'no' : grouped(pages.listed.records);
    out.write(`${span}: ${records} flow records, ${changes?.length ?? 'no'} changes of settings, in ${folder}\n`);
    for (const what of missing) err.write(`missing: ${what}\n`);
    const reach = pages === undefined ? '' : coverageWords(pages.coverage, fromMs);
    if (reach !== '') err.write(`${reach}\n`);
    return exitCodes.good;
  },
};

/** In the data folder of each box that ever ran. */
const boxNames = ['boots.json', 'settings.json', 'history', 'access'];

function makeRoom(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    // A box keeps files of these names itself, and what is replaced here would be its own state.
    if (boxNames.some((name) => existsSync(join(folder, name))))
      throw new ApplianceError('usage', `${folder} is the data folder of a box; evidence goes into a folder of its own`);
    for (const name of [...names, 'manifest.json']) rmSync(join(folder, name), { force: true });
  } catch (error) {
    if (error instanceof ApplianceError) throw error;
    throw new ApplianceError('storeUnwritable', `${folder} cannot be made: ${messageOf(error)}`, { cause: error });
  }
}

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

/**
 * Whom `flows`, `query` and `evidence` ask about flow records: the running box, or, where none answers here, what a stopped one
 * kept on disk. The answers are the same.
 */
import { join } from 'node:path';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { asksForHosts, withHostAddresses } from '../flow/filter/filter_hosts.ts';
import { unknownLabelTrouble } from '../flow/filter/filter_names.ts';
import { parseFilter, troubleText } from '../flow/filter/filter_parser.ts';
import { everyFlow } from '../flow/filter/filter_syntax.ts';
import type { FlowGroupAnswer, FlowListAnswer, FlowSearcher } from '../flow/flow_search_shapes.ts';
import { flowParameters, flowSumParameters } from '../status/flow_questions.ts';
import { parseParameters } from '../status/questions.ts';
import { openArchivedFiles } from '../store/archived_files.ts';
import { FlowSearch } from '../store/flow_search.ts';
import { labelNamesIn } from '../store/label_names.ts';
import { noRecentFlows } from '../store/recent_flows.ts';
import { BoxClient } from './box_client.ts';
import { boxSettings } from './box_folder.ts';
import type { OptionValues } from './command.ts';
import { namesIn, withNamesOnDisk } from './host_names.ts';

/** A page's share of the time; below the time-out of the client. */
const withinMs = 20_000;

type Query = Readonly<Record<string, string | number>>;

export class FlowAsker {
  readonly #values: OptionValues;
  readonly #box: BoxClient;
  readonly #dataFolder: string;
  #stopped: FlowSearcher | undefined;

  constructor(values: OptionValues) {
    const settings = boxSettings(values);
    this.#values = values;
    this.#box = new BoxClient(settings, values);
    this.#dataFolder = settings.dataFolder;
  }

  /** @throws ApplianceError boxUnreachable, with the box's own words where it refuses */
  async list(query: Query): Promise<FlowListAnswer> {
    return (await this.#askBox<FlowListAnswer>('/api/v1/flows', query)) ?? (await this.#listStopped(query));
  }

  async group(query: Query): Promise<FlowGroupAnswer> {
    return (await this.#askBox<FlowGroupAnswer>('/api/v1/flows/sums', query)) ?? (await this.#groupStopped(query));
  }

  async #askBox<T>(path: string, query: Query): Promise<T | undefined> {
    // Once the box did not answer, all pages come from the same place.
    if (this.#stopped !== undefined) return undefined;
    const asked = new URLSearchParams(textsOf({ within: withinMs, ...query }));
    return this.#box.get<T>(`${path}?${asked}`);
  }

  async #listStopped(query: Query): Promise<FlowListAnswer> {
    const { order, limit, offset, before } = parseParameters(flowParameters, textsOf(query));
    const answer = await this.#onDisk(query, (search) => search.list({ ...this.#rangeOf(query), order, limit, offset, before }));
    return withNamesOnDisk(
      answer,
      answer.flows.flatMap((flow) => Object.values(flow)),
      this.#dataFolder,
    );
  }

  async #groupStopped(query: Query): Promise<FlowGroupAnswer> {
    const { by, order, limit } = parseParameters(flowSumParameters, textsOf(query));
    const answer = await this.#onDisk(query, (search) => search.group({ ...this.#rangeOf(query), by, order, limit }));
    return withNamesOnDisk(
      answer,
      answer.groups.flatMap(({ keys }) => keys),
      this.#dataFolder,
    );
  }

  /** Nobody else waits here: a stopped box's disk is searched to the end. @throws ApplianceError `usage` for a name that no host bears */
  #rangeOf({ filter, from, to }: Query) {
    const text = String(filter ?? '');
    const { filter: parsed, names } = { filter: everyFlow, names: [], ...parseFilter(text) };
    const range = { fromMs: Number(from), toMs: Number(to), withinMs: Number.POSITIVE_INFINITY };
    if (!asksForHosts(parsed)) return { filter: parsed, ...range };
    const found = withHostAddresses(parsed, names, namesIn(this.#dataFolder));
    if (found.trouble !== undefined) throw new ApplianceError('usage', `filter: ${troubleText(text, found.trouble)}`);
    return { filter: found.filter, ...range };
  }

  /** @throws ApplianceError `usage` for a label that nobody gave, with its place */
  async #onDisk<T>({ filter }: Query, ask: (search: FlowSearcher) => Promise<T>): Promise<T> {
    const search = await this.#search();
    try {
      return await ask(search);
    } catch (error) {
      if (!(error instanceof ApplianceError) || error.code !== 'usage' || error.fields.field === undefined) throw error;
      const text = String(filter ?? '');
      throw new ApplianceError('usage', `filter: ${troubleText(text, unknownLabelTrouble(error.fields, text))}`);
    }
  }

  async #search(): Promise<FlowSearcher> {
    if (this.#stopped !== undefined) return this.#stopped;
    const { place, refused } = this.#box;
    const nobody = [`no flowspan answers at ${place}`, ...(refused === '' ? [] : [refused])].join('; ');
    if (this.#values.url !== undefined)
      throw new ApplianceError('boxUnreachable', `${nobody}; recent flows are in the memory of a running box`);
    try {
      const files = await openArchivedFiles(join(this.#dataFolder, 'flows'));
      const archive = { files, coverage: () => ({ recordsSkipped: 0, trouble: '' }) };
      const names = labelNamesIn(join(this.#dataFolder, 'names.json'));
      this.#stopped = new FlowSearch({ flows: noRecentFlows, clock: new SystemClock(), archive, names });
    } catch (error) {
      throw new ApplianceError('boxUnreachable', `${nobody}, and ${messageOf(error)}`, { cause: error });
    }
    return this.#stopped;
  }
}

const textsOf = (query: Query): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));

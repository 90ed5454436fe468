/**
 * Where `evidence` has its facts from: the running box, or, where none answers here, what a stopped one has kept in its data folder.
 * What a stopped one cannot tell any more is missing, by name and with the reason.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutAddresses } from '../config/redact.ts';
import type { Settings } from '../config/schema.ts';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';
import { type Dimension, dimensions, type SeriesAnswer, type TopAnswer } from '../flow/history_shapes.ts';
import type { LoggedSettingChange } from '../flow/setting_changes.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { ApiError } from '../status/answers.ts';
import { readSettingChanges } from '../status/settings_routes.ts';
import { openArchivedFiles } from '../store/archived_files.ts';
import { openHistoryReader } from '../store/history_reader.ts';
import { BoxClient } from './box_client.ts';
import { asOwnerOf, boxSettings } from './box_folder.ts';
import type { OptionValues } from './command.ts';
import { withNamesOnDisk } from './host_names.ts';

const topRows = 100;
const seriesPoints = 2_000;

export interface HistoryOfRange {
  readonly series: SeriesAnswer;
  readonly tops: Partial<Record<Dimension, TopAnswer>>;
}

export interface EvidenceFacts {
  readonly running: boolean;
  readonly site: string;
  readonly node: string;
  readonly boxVersion?: string;
  readonly hasFlows: boolean;
  /** Undefined where they cannot be read, which is among what is missing. */
  readonly changes: readonly LoggedSettingChange[] | undefined;
  /** Contents of further files, by name; what is missing is not among them. */
  readonly files: Readonly<Record<string, unknown>>;
  readonly missing: readonly string[];
}

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** @throws ApplianceError `boxUnreachable` where nobody answers and nothing was kept either */
export async function evidenceFacts(values: OptionValues, range: Range): Promise<EvidenceFacts> {
  const settings = boxSettings(values);
  const box = new BoxClient(settings, values);
  const status = await box.get<BoxStatus>('/api/v1/status');
  if (status !== undefined) return factsOfRunning(box, status, range);
  const nobody = [`no flowspan answers at ${box.place}`, ...(box.refused === '' ? [] : [box.refused])].join('; ');
  if (values.url !== undefined) throw new ApplianceError('boxUnreachable', nobody);
  return factsOnDisk(settings, range, nobody);
}

async function factsOfRunning(box: BoxClient, status: BoxStatus, { fromMs, toMs }: Range): Promise<EvidenceFacts> {
  const ask = async <T>(path: string, query: Readonly<Record<string, string | number>>): Promise<T> => {
    const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]));
    const answer = await box.get<T>(`${path}?${asked}`);
    if (answer !== undefined) return answer;
    throw new ApplianceError('boxUnreachable', `the flowspan at ${box.place} does not answer any more`);
  };
  const [from, to] = [fromMs, toMs];
  const history = await historyBy(await ask<SeriesAnswer>('/api/v1/series', { from, to, points: seriesPoints }), (by) =>
    ask<TopAnswer>('/api/v1/top', { by, from, to, limit: topRows }),
  );
  const { changes } = await ask<{ changes: LoggedSettingChange[] }>('/api/v1/settings/changes', {});
  const { site, node, version: boxVersion } = status;
  return {
    ...{ running: true, site, node, boxVersion, hasFlows: true, changes, missing: [] },
    files: { 'history.json': history, 'status.json': status },
  };
}

/** What a box that does not run has said last, beside its history and its records. */
const keptFiles = ['alerts', 'figures'] as const;

async function factsOnDisk(settings: Settings, range: Range, nobody: string): Promise<EvidenceFacts> {
  const { dataFolder } = settings;
  const place = (name: string): string => join(dataFolder, name);
  const missing = ['status.json: state, ledger and events are in the memory of a running box; its log has the events'];
  const files: Record<string, unknown> = {};
  const flowsFault = await openArchivedFiles(place('flows')).then(() => '', messageOf);
  if (flowsFault !== '')
    missing.unshift(`flows.ipfix, flows.csv: ${flowsFault}; records that were in memory only ended with the box`);
  const historyFault = await asOwnerOf(dataFolder, () => historyOnDisk(place('history'), dataFolder, range)).then(
    (history) => {
      files['history.json'] = history;
      return '';
    },
    (error: unknown) => {
      if (!(error instanceof ApplianceError)) throw error;
      return `${place('history')} cannot be read: ${messageOf(error)}`;
    },
  );
  if (historyFault !== '') missing.push(`history.json: ${historyFault}`);
  // Nothing of its traffic: that is no box's folder, or another one was meant.
  if (flowsFault !== '' && historyFault !== '')
    throw new ApplianceError('boxUnreachable', `${nobody}, and ${historyFault}; ${flowsFault}`);

  for (const name of keptFiles) {
    try {
      files[`${name}.json`] = JSON.parse(withoutAddresses(await readFile(place(`${name}.json`), 'utf8')));
    } catch (error) {
      missing.push(`${name}.json: ${systemCode(error) === 'ENOENT' ? 'none was kept' : messageOf(error)}`);
    }
  }
  let changes: readonly LoggedSettingChange[] | undefined;
  try {
    changes = await readSettingChanges(place('settings.json'));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    missing.push(`settings_changes.json: ${error.message}`);
  }
  return { running: false, ...(await nameOf(settings)), hasFlows: flowsFault === '', changes, files, missing };
}

async function historyOnDisk(folder: string, dataFolder: string, range: Range): Promise<HistoryOfRange> {
  const reader = openHistoryReader(folder);
  return historyBy(await reader.series({ ...range, pointsMax: seriesPoints }), async (dimension) => {
    const top = await reader.top({ dimension, ...range, limit: topRows });
    return withNamesOnDisk(
      top,
      top.rows.map(({ key }) => key),
      dataFolder,
    );
  });
}

/** The line over time and the largest keys of every dimension that has some. */
async function historyBy(series: SeriesAnswer, topBy: (by: Dimension) => Promise<TopAnswer>): Promise<HistoryOfRange> {
  const tops: Partial<Record<Dimension, TopAnswer>> = {};
  for (const by of dimensions) {
    const top = await topBy(by);
    if (top.rows.length > 0) tops[by] = top;
  }
  return { series, tops };
}

/** The folder says whose it is: the settings that the box ran with are kept there, without secrets. */
async function nameOf({ dataFolder, site, node }: Settings): Promise<{ site: string; node: string }> {
  try {
    const { settings } = JSON.parse(await readFile(join(dataFolder, 'settings.json'), 'utf8')) as { settings?: Settings };
    return { site: String(settings?.site ?? site), node: String(settings?.node ?? node) };
  } catch {
    return { site, node }; // not kept, or damaged: that is said with the changes of settings
  }
}

/**
 * The way to the one program that may install (image: `install_update`): a request is put into a folder, its answer is read in another,
 * which only that program can write. One request at a time. An edge.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplianceError, systemCode } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';

/** Where they lie; absent where nobody would answer. */
export interface UpdateFolders {
  /** Ours: the bundle, and what we ask for. */
  readonly folder: string;
  /** Written by root: answers, the state of slots, the log of updates. */
  readonly told: string;
}

/** As the units of the image say. */
export function updateFoldersOf(environment: NodeJS.ProcessEnv): UpdateFolders | undefined {
  const { FLOWSPAN_UPDATE_FOLDER: folder, FLOWSPAN_UPDATE_TOLD: told } = environment;
  return folder && told ? { folder, told } : undefined;
}

export interface InstallRequest {
  readonly do: 'check' | 'install';
  readonly sha256: string;
  readonly version: string;
  readonly source: 'folder' | 'page';
}

export interface InstallAnswer {
  /** `refused`: never again; `failed`: perhaps another time. */
  readonly result: 'good' | 'refused' | 'failed';
  readonly compatible: string;
  readonly version: string;
  readonly reason: string;
}

const lookMs = 500;
const textMax = 65_536;

export class Handover {
  readonly #world: Pick<World, 'clock' | 'random'>;
  readonly #folders: UpdateFolders;

  constructor(world: Pick<World, 'clock' | 'random'>, folders: UpdateFolders) {
    this.#world = world;
    this.#folders = folders;
  }

  /** Undefined until the image's scripts have told of themselves. */
  async told(): Promise<{ readonly slots: string; readonly log: string } | undefined> {
    const slots = await this.#read('slots');
    return slots === undefined ? undefined : { slots, log: (await this.#read('log')) ?? '' };
  }

  /** @throws ApplianceError `deadlineExceeded` when nobody answers, `storeUnwritable`; the signal's reason */
  async ask(request: InstallRequest, deadlineMs: number, signal: AbortSignal): Promise<InstallAnswer> {
    const { clock, random } = this.#world;
    const id = Buffer.from(random.bytes(8)).toString('hex');
    const path = join(this.#folders.folder, 'request');
    const lines = Object.entries({ id, ...request }).map(([key, value]) => `${key}=${value}\n`);
    try {
      await writeFile(`${path}.new`, lines.join(''), { mode: 0o640 });
      await rename(`${path}.new`, path);
    } catch (error) {
      throw new ApplianceError('storeUnwritable', `the request to install cannot be written: ${systemCode(error)}`, {
        cause: error,
      });
    }
    const endMs = clock.monotonicMs() + deadlineMs;
    while (clock.monotonicMs() < endMs) {
      await clock.sleep(lookMs, signal);
      const values = valuesOf((await this.#read('answer')) ?? '');
      if (values.id === id) return answerOf(values);
    }
    await rm(path, { force: true });
    throw new ApplianceError('deadlineExceeded', `whoever installs has not answered within ${Math.round(deadlineMs / 1_000)} s`);
  }

  async #read(name: string): Promise<string | undefined> {
    try {
      return (await readFile(join(this.#folders.told, name), 'utf8')).slice(0, textMax);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}

const valuesOf = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s, 2)));

function answerOf(values: Readonly<Record<string, string>>): InstallAnswer {
  const { result, compatible = '', version = '', reason = '' } = values;
  return { result: result === 'good' || result === 'refused' ? result : 'failed', compatible, version, reason };
}

/** A small file of text (boot offsets, what selectors stand for): read whole, replaced whole (written beside, synced, renamed), so that a cut leaves the old or the new. An edge. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ApplianceError, messageOf, systemCode } from '../core/errors.ts';

export interface TextStore {
  /** Undefined when there is none. Throws ApplianceError `storeUnwritable` when it cannot be read. */
  read(): Promise<string | undefined>;
  /** Throws ApplianceError `storeFull` or `storeUnwritable`. */
  replace(text: string): Promise<void>;
}

export class TextFile implements TextStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.#path, 'utf8');
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw new ApplianceError('storeUnwritable', `${this.#path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  async replace(text: string): Promise<void> {
    const beside = `${this.#path}.new`;
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await syncTo(beside, text);
      await rename(beside, this.#path);
      // The rename itself is only durable once the folder is.
      const folder = await open(dirname(this.#path), 'r');
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      const code = systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT' ? 'storeFull' : 'storeUnwritable';
      throw new ApplianceError(code, `${this.#path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
  }
}

async function syncTo(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The file that keeps users and tokens (`access/accounts.json`, mode 0600): read again when it has changed, replaced whole.
 * The service and the command line may both change it: a lock file orders them. An edge.
 */
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { ApplianceError, messageOf, systemCode } from '../../core/errors.ts';
import { type Accounts, accountsText, noAccounts, parseAccounts } from './accounts.ts';

const lockTriesMax = 50;
const lockRetryMs = 100;
/** A lock older than this was left behind by a kill. */
const lockStaleMs = 10_000;

export const accountPath = (dataFolder: string): string => join(dataFolder, 'access', 'accounts.json');

export class AccountFile {
  readonly #path: string;
  readonly #clock: Clock;
  #version = 'unread';
  #accounts: Accounts = noAccounts;

  constructor(dataFolder: string, clock: Clock) {
    this.#path = accountPath(dataFolder);
    this.#clock = clock;
  }

  /** As of the last `refresh`. */
  get accounts(): Accounts {
    return this.#accounts;
  }

  /**
   * Reads the file when it has changed; true when it had.
   * @throws ApplianceError `accountsDamaged`, `storeUnwritable` (cannot be read): what was known stays in force
   */
  async refresh(): Promise<boolean> {
    const version = await this.#look();
    if (version === this.#version) return false;
    this.#accounts = version === 'absent' ? noAccounts : await this.#read();
    this.#version = version;
    return true;
  }

  /**
   * Changes what is kept, on what is kept now.
   * @throws ApplianceError of the change, `accountsDamaged`, `storeLocked`, `storeFull`, `storeUnwritable`
   */
  async change(change: (accounts: Accounts) => Accounts): Promise<void> {
    const folder = dirname(this.#path);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
    } catch (error) {
      throw unwritable(this.#path, error);
    }
    const unlock = await this.#lock();
    try {
      await this.refresh();
      const accounts = change(this.#accounts);
      if (accounts === this.#accounts) return;
      await this.#write(accountsText(accounts));
      this.#accounts = accounts;
      this.#version = await this.#look();
    } finally {
      await unlock();
    }
  }

  async #read(): Promise<Accounts> {
    try {
      return parseAccounts(await readFile(this.#path, 'utf8'));
    } catch (error) {
      if (error instanceof ApplianceError) {
        const todo = 'Nobody can sign in until it is mended or removed; without it the set-up code makes a new admin';
        throw new ApplianceError(error.code, `${this.#path}: ${error.message}. ${todo}`, { cause: error });
      }
      throw new ApplianceError('storeUnwritable', `${this.#path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  /** What tells one version of the file from another. */
  async #look(): Promise<string> {
    try {
      const { ino, size, mtimeMs } = await stat(this.#path);
      return `${ino} ${size} ${mtimeMs}`;
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return 'absent';
      throw new ApplianceError('storeUnwritable', `${this.#path} cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }

  async #write(text: string): Promise<void> {
    try {
      const file = await open(`${this.#path}.new`, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${this.#path}.new`, this.#path);
      const folder = await open(dirname(this.#path), 'r');
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      throw unwritable(this.#path, error);
    }
  }

  async #lock(): Promise<() => Promise<void>> {
    const path = `${this.#path}.lock`;
    for (let tries = 0; tries < lockTriesMax; tries++) {
      try {
        await (await open(path, 'wx', 0o600)).close();
        return () => rm(path, { force: true });
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw unwritable(path, error);
      }
      const ageMs = await stat(path).then(
        ({ mtimeMs }) => this.#clock.wallMs() - mtimeMs,
        () => 0, // given back meanwhile
      );
      // Far in the future is as stale as long ago: it was made before the clock was set back.
      if (Math.abs(ageMs) > lockStaleMs) await rm(path, { force: true });
      else await this.#clock.sleep(lockRetryMs);
    }
    throw new ApplianceError('storeLocked', `${path}: another program is changing users; try again`);
  }
}

function unwritable(path: string, error: unknown): ApplianceError {
  const code = systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT' ? 'storeFull' : 'storeUnwritable';
  return new ApplianceError(code, `${path} cannot be written: ${messageOf(error)}`, { cause: error });
}

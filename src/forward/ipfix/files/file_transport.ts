/**
 * IPFIX files as a destination: each link is one file in the folder of the settings. Acknowledged is what is synced. A full
 * disk or a folder that cannot be written is told as it is; rows wait in the spool meanwhile, like those of any collector
 * that is not there.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DestinationSettings } from '../../../config/schema.ts';
import type { Clock } from '../../../core/clock.ts';
import { ApplianceError, messageOf, systemCode } from '../../../core/errors.ts';
import type { Link, Transport } from '../../link.ts';
import { MESSAGE_OCTETS_MAX } from '../message.ts';
import { FileLink } from './file_link.ts';
import { fileName, PART } from './file_names.ts';
import { repair } from './file_repair.ts';
import { FileUpkeep, syncFolder } from './file_upkeep.ts';

export interface FileTransportParts {
  readonly settings: DestinationSettings;
  readonly clock: Clock;
  /** Compressing or deleting failed: nothing is lost by it, but the folder grows. */
  readonly onTrouble: (error: ApplianceError) => void;
}

export class FileTransport implements Transport {
  readonly address: string;
  readonly proof = 'written to a file and synced to the disk';
  readonly #parts: FileTransportParts;
  readonly #upkeep: FileUpkeep;
  readonly #writing = new Set<string>();
  /** Upkeep and repairs, one after the other; never rejects. */
  #chore: Promise<void> = Promise.resolve();
  finishedFiles = 0;

  constructor(parts: FileTransportParts) {
    const { name, files } = parts.settings;
    this.#parts = parts;
    this.#upkeep = new FileUpkeep(name, files);
    this.address = `file://${resolve(files.folder)}/${name}-*.ipfix`;
  }

  get deletedFiles(): number {
    return this.#upkeep.deletedFiles;
  }
  get repairedFiles(): number {
    return this.#upkeep.repairedFiles;
  }

  async open(_signal: AbortSignal): Promise<Link> {
    const { settings, clock } = this.#parts;
    const { folder, rotateS, rotateBytes, syncMs } = settings.files;
    await this.#chore;
    try {
      await mkdir(folder, { recursive: true });
      await this.#upkeep.repairAll(this.#writing);
      const number = ((await this.#upkeep.list()).at(-1)?.number ?? 0) + 1;
      const path = join(folder, fileName(settings.name, number, clock.wallMs()));
      const file = await open(path + PART, 'wx');
      this.#writing.add(path + PART);
      await syncFolder(folder);
      this.#tidy();
      return new FileLink({
        clock,
        file,
        messageOctetsMax: settings.messageBytesMax === 0 ? MESSAGE_OCTETS_MAX : settings.messageBytesMax,
        rotateOctets: rotateBytes,
        rotateMs: untilBoundaryMs(rotateS * 1_000, clock.wallMs()),
        syncMs,
        trouble: (error) => this.#trouble(error),
        finish: () => this.#finish(path),
        abandon: (provenOctets) => this.#do(() => this.#abandon(path, provenOctets)),
      });
    } catch (error) {
      throw this.#trouble(error);
    }
  }

  close(): void {}

  /** For tests: upkeep that is going on. */
  get idle(): Promise<void> {
    return this.#chore;
  }

  async #finish(path: string): Promise<void> {
    await rename(path + PART, path);
    this.#writing.delete(path + PART);
    this.finishedFiles++;
    await syncFolder(this.#parts.settings.files.folder);
    this.#tidy();
  }

  /** What is proven stays; the rest will come again. */
  async #abandon(path: string, provenOctets: number): Promise<void> {
    if (!this.#writing.delete(path + PART)) return; // it has its name already
    if ((await repair(path + PART, provenOctets)) !== undefined) this.finishedFiles++;
  }

  #tidy(): void {
    void this.#do(() => this.#upkeep.tidy(this.#parts.clock.wallMs()));
  }

  #do(act: () => Promise<void>): Promise<void> {
    this.#chore = this.#chore.then(act).catch((error: unknown) => this.#parts.onTrouble(this.#trouble(error)));
    return this.#chore;
  }

  #trouble(error: unknown): ApplianceError {
    if (error instanceof ApplianceError) return error;
    const code = systemCode(error);
    if (code === undefined) throw error; // a bug
    const { folder } = this.#parts.settings.files;
    const [kind, words] = meanings[code] ?? (['storeUnwritable', messageOf(error)] as const);
    return new ApplianceError(kind, `${folder}: ${words}`, { cause: error, fields: { code } });
  }
}

const full = 'the disk is full: make room there, or keep less with files.bytesMax of this destination';
const denied = 'this program may not write there: change the owner of the folder, or files.folder of this destination';
const meanings: Readonly<Record<string, readonly ['storeFull' | 'storeUnwritable', string]>> = {
  ENOSPC: ['storeFull', full],
  EDQUOT: ['storeFull', full],
  EACCES: ['storeUnwritable', denied],
  EPERM: ['storeUnwritable', denied],
  EROFS: ['storeUnwritable', 'the disk is mounted read-only: was it damaged? Change files.folder, or mount it writable'],
  ENOTDIR: ['storeUnwritable', 'is not a folder: change files.folder of this destination'],
  EEXIST: ['storeUnwritable', 'is not a folder: change files.folder of this destination'],
  EIO: ['storeUnwritable', 'the disk does not take it: is it damaged?'],
};

/** Files begin at multiples of the period, as an operator expects of hourly ones; the clock at their start decides. */
export function untilBoundaryMs(periodMs: number, wallMs: number): number {
  return periodMs - (wallMs % periodMs);
}

/**
 * One IPFIX file (RFC 5655) as a link: messages are appended, and what is synced to the disk is proven. It is finished when
 * it is large or old enough; the next link is the next file, so templates and options stand at the head of each.
 *
 * Limits: `waitingOctetsMax` wait in memory. One sync in `syncMs` while something comes, so that a quiet box writes little.
 */
import type { FileHandle } from 'node:fs/promises';
import { type Clock, type Timer, withDeadline } from '../../../core/clock.ts';
import { ApplianceError } from '../../../core/errors.ts';
import type { Link } from '../../link.ts';

export interface FileLinkParts {
  readonly clock: Clock;
  readonly file: FileHandle;
  readonly messageOctetsMax: number;
  readonly rotateOctets: number;
  readonly rotateMs: number;
  readonly syncMs: number;
  /** In words, with the path. */
  readonly trouble: (error: unknown) => ApplianceError;
  /** The file is complete and closed: gives it its name. Rejects with an ApplianceError. */
  readonly finish: () => Promise<void>;
  /** The file failed and is closed; so many octets of it are proven, and more will come again. Never rejects. */
  readonly abandon: (provenOctets: number) => Promise<void>;
}

/** Octets that may wait for the disk before a sender has to wait. */
const waitingOctetsMax = 1024 * 1024;

export class FileLink implements Link {
  readonly fresh = true;
  readonly lossy = false;
  readonly messageOctetsMax: number;
  readonly lost: Promise<ApplianceError>;
  readonly finished: Promise<void>;
  readonly #parts: FileLinkParts;
  readonly #rotation: Timer;
  #isFull: () => void = () => {};
  #lose: (error: ApplianceError) => void = () => {};
  #queue: Uint8Array[] = [];
  #queuedOctets = 0;
  #sentOctets = 0;
  #writtenOctets = 0;
  #provenOctets = 0;
  #error: ApplianceError | undefined;
  #syncTimer: Timer | undefined;
  /** Everything that touches the file, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #ending: Promise<boolean> | undefined;

  constructor(parts: FileLinkParts) {
    this.#parts = parts;
    this.messageOctetsMax = parts.messageOctetsMax;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.finished = new Promise((resolve) => {
      this.#isFull = resolve;
    });
    this.#rotation = parts.clock.after(parts.rotateMs, () => this.#isFull());
  }

  get sentOctets(): number {
    return this.#sentOctets;
  }

  send(message: Uint8Array): boolean {
    if (this.#error !== undefined || this.#ending !== undefined) return false;
    this.#queue.push(message);
    this.#queuedOctets += message.length;
    this.#sentOctets += message.length;
    if (this.#queue.length === 1) this.#do(() => this.#write());
    this.#syncTimer ??= this.#parts.clock.after(this.#parts.syncMs, () => this.#do(() => this.#sync()));
    if (this.#sentOctets >= this.#parts.rotateOctets) {
      this.#isFull();
      return false;
    }
    return this.#queuedOctets < waitingOctetsMax;
  }

  async drained(): Promise<void> {
    while (this.#queuedOctets >= waitingOctetsMax && this.#error === undefined) await this.#work;
    if (this.#error !== undefined) throw this.#error;
  }

  /** Synced, so that a disk that takes nothing is noticed before rows are read. */
  async settled(): Promise<void> {
    if (this.#provenOctets < this.#sentOctets) {
      this.#do(() => this.#sync());
      await this.#work;
    }
    if (this.#error !== undefined) throw this.#error;
  }

  provenOctets(): number {
    return this.#provenOctets;
  }

  async end(deadlineMs: number): Promise<boolean> {
    this.#ending ??= this.#finish();
    try {
      return await withDeadline(this.#parts.clock, deadlineMs, 'syncing the file to its disk', this.#ending);
    } catch (error) {
      // Where all is synced only the name is missing, which comes when the disk answers. Else what is not synced is sent
      // again into the next file, so it must not stand in this one too.
      if (this.#provenOctets < this.#sentOctets) this.#fail(error as ApplianceError);
      return this.#error === undefined;
    }
  }

  destroy(): void {
    if (this.#ending === undefined) this.#fail(new ApplianceError('connectionLost', 'the file was given up'));
  }

  async #finish(): Promise<boolean> {
    this.#stopTimers();
    this.#do(() => this.#sync());
    await this.#work;
    try {
      if (this.#error === undefined) {
        await this.#parts.file.close();
        await this.#parts.finish();
        return true;
      }
    } catch (error) {
      this.#fail(this.#parts.trouble(error));
    }
    await this.#work; // cut behind what is proven, before anybody goes on or the program ends
    return false;
  }

  /** Runs after what is running. Its failure is the link's, told once. */
  #do(act: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#error !== undefined) return;
      try {
        await act();
      } catch (error) {
        this.#fail(this.#parts.trouble(error));
      }
    });
  }

  async #write(): Promise<void> {
    const messages = this.#queue;
    this.#queue = [];
    const wanted = messages.reduce((sum, { length }) => sum + length, 0);
    const { file } = this.#parts;
    let written = (await file.writev(messages)).bytesWritten;
    // Short where the disk is nearly full: writing the rest says why.
    if (written < wanted) {
      const all = Buffer.concat(messages);
      while (written < wanted) written += (await file.write(all, written)).bytesWritten;
    }
    this.#queuedOctets -= wanted;
    this.#writtenOctets += wanted;
  }

  async #sync(): Promise<void> {
    this.#syncTimer?.cancel();
    this.#syncTimer = undefined;
    if (this.#queue.length > 0) await this.#write();
    const written = this.#writtenOctets;
    if (written === this.#provenOctets) return;
    await this.#parts.file.datasync();
    // What a file that was given up proves was told already: the rest is on its way to the next.
    if (this.#error === undefined) this.#provenOctets = written;
  }

  #fail(error: ApplianceError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#stopTimers();
    this.#queue = [];
    this.#queuedOctets = 0;
    this.#lose(error);
    const { file, abandon } = this.#parts;
    const abandoned = (): Promise<void> => abandon(this.#provenOctets);
    this.#work = this.#work.then(() => file.close()).then(abandoned, abandoned); // closing a broken file may fail too
  }

  #stopTimers(): void {
    this.#rotation.cancel();
    this.#syncTimer?.cancel();
  }
}

/**
 * A bundle that a browser uploads, piece by piece, into a file. Pieces of at most `pieceOctetsMax` in their order, so that each is a request
 * that is over soon, whatever the line; memory holds one. One upload at a time. An edge; owned by the page's thread.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { roomReserveOctets, uploadName } from '../flow/update_shapes.ts';
import { ApiError } from './answers.ts';

/** At the ten seconds that a request may take: 210 kbit/s. */
export const pieceOctetsMax = 256 * 1024;

export class UploadDesk {
  readonly #folder: string;
  readonly #path: string;
  #current: { readonly file: FileHandle; readonly octets: number; readonly hash: Hash; done: number } | undefined;
  /** Pieces are written one after the other, however they come. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, uploadName);
  }

  /** Another one that was under way is given up. */
  begin(octets: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#close();
      await rm(this.#path, { force: true });
      const { bavail, bsize } = await statfs(this.#folder);
      if (bavail * bsize < octets + roomReserveOctets) {
        const [room, needed] = [bavail * bsize, octets + roomReserveOctets].map((one) => `${Math.floor(one / 1e6)} MB`);
        throw new ApiError('noRoom', `${room} are free on the box, and ${needed} are needed.`);
      }
      const file = await open(this.#path, 'w', 0o640);
      this.#current = { file, octets, hash: createHash('sha256'), done: 0 };
    });
  }

  /** How many octets are there now. A piece that came before is counted once. */
  piece(fromOctet: number, octets: Uint8Array): Promise<number> {
    return this.#inTurn(async () => {
      const current = this.#current;
      if (current === undefined)
        throw new ApiError('notFound', 'No upload is under way: POST /api/v1/updates/upload begins one.');
      if (fromOctet !== current.done) {
        const allowed = `${current.done}, where the next piece belongs`;
        throw new ApiError('badParameter', `from: allowed: ${allowed}.`, {
          parameter: 'from',
          value: String(fromOctet),
          allowed,
        });
      }
      if (current.done + octets.length > current.octets)
        throw new ApiError('bodyTooLarge', `More than the ${current.octets} octets that were announced.`);
      await writeWhole(current.file, octets, current.done);
      current.hash.update(octets);
      current.done += octets.length;
      return current.done;
    });
  }

  /** On disk; what it is. */
  end(): Promise<{ readonly octets: number; readonly sha256: string }> {
    return this.#inTurn(async () => {
      const current = this.#current;
      if (current === undefined) throw new ApiError('notFound', 'No upload is under way.');
      if (current.done !== current.octets)
        throw new ApiError('badRequest', `${current.done} of ${current.octets} octets are there; the rest is missing.`);
      await current.file.sync();
      await current.file.close();
      this.#current = undefined;
      return { octets: current.done, sha256: current.hash.digest('hex') };
    });
  }

  giveUp(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#close();
      await rm(this.#path, { force: true });
    });
  }

  /** An upload that nobody waits for any more; one that is whole belongs to whoever examines it. */
  letGo(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#current === undefined) return;
      await this.#close();
      await rm(this.#path, { force: true });
    });
  }

  async #close(): Promise<void> {
    await this.#current?.file.close();
    this.#current = undefined;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    // Whoever asked is told; the next one has its turn all the same.
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

/** write(2) may take a part, as where a disk is almost full; what keeps it from the rest the next one says. */
async function writeWhole(file: FileHandle, octets: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < octets.length; ) {
    const { bytesWritten } = await file.write(octets, done, octets.length - done, at + done);
    if (bytesWritten === 0) throw new ApiError('noRoom', `The disk of the box took ${at + done} octets, and no more.`);
    done += bytesWritten;
  }
}

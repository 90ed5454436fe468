/**
 * Fetches a bundle into the folder of updates: `SHA256.part`, gone on with after a break, renamed to `bundle.raucb` once it is whole and of
 * the digest that the index gives. Limits: never more octets than the index says, one bundle at a time, a reserve of free disk. An edge.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { ApplianceError, systemCode } from '../../core/errors.ts';
import { roomReserveOctets, uploadName } from '../../flow/update_shapes.ts';
import type { FolderClient } from './folder_client.ts';
import type { IndexedBundle } from './update_index.ts';

export const bundleName = 'bundle.raucb';

export interface DownloadParts {
  readonly client: FolderClient;
  readonly clock: Clock;
  readonly folder: string;
  readonly bundle: IndexedBundle;
  readonly rateKbps: number;
  readonly onProgress: (doneOctets: number) => void;
  readonly signal: AbortSignal;
}

/** @throws ApplianceError `updateUnreachable`, `updateDamaged`, `storeFull`; what has come stays for the next time unless it is of no use */
export async function download(parts: DownloadParts): Promise<void> {
  const { client, folder, bundle, onProgress, signal } = parts;
  const path = join(folder, `${bundle.sha256}.part`);
  await mkdir(folder, { recursive: true });
  // An upload may have begun: that file is not ours.
  await clearFolder(folder, (name) => name === `${bundle.sha256}.part` || name === uploadName);
  let { doneOctets, hash } = await hashedSoFar(path, bundle.octets);
  onProgress(doneOctets);
  await demandRoom(folder, bundle.octets - doneOctets);
  if (doneOctets < bundle.octets) {
    const answer = await client.bundle(bundle.file, doneOctets, signal);
    if (answer.fromOctet !== doneOctets) [doneOctets, hash] = [0, createHash('sha256')];
    doneOctets = await append(parts, path, answer.chunks, doneOctets, hash);
  }
  if (doneOctets < bundle.octets)
    throw new ApplianceError('updateUnreachable', `${bundle.file} ended after ${doneOctets} of ${bundle.octets} octets`);
  if (hash.digest('hex') !== bundle.sha256) {
    await rm(path, { force: true });
    throw new ApplianceError('updateDamaged', `${bundle.file} is not what the index says: its SHA-256 is another`);
  }
  await rename(path, join(folder, bundleName));
}

async function append(
  { bundle, clock, rateKbps, onProgress, signal }: DownloadParts,
  path: string,
  chunks: AsyncIterable<Buffer>,
  fromOctet: number,
  hash: Hash,
): Promise<number> {
  const file = await open(path, fromOctet === 0 ? 'w' : 'a', 0o640);
  let doneOctets = fromOctet;
  const beganMs = clock.monotonicMs();
  try {
    for await (const chunk of chunks) {
      if (doneOctets + chunk.length > bundle.octets) {
        await file.truncate(0);
        throw new ApplianceError('updateDamaged', `${bundle.file} is longer than the ${bundle.octets} octets of the index`);
      }
      await file.writeFile(chunk);
      hash.update(chunk);
      doneOctets += chunk.length;
      onProgress(doneOctets);
      const aheadMs = aheadOfRateMs(doneOctets - fromOctet, clock.monotonicMs() - beganMs, rateKbps);
      if (aheadMs > 0) await clock.sleep(aheadMs, signal);
    }
    await file.sync();
  } catch (error) {
    throw diskFault(error);
  } finally {
    await file.close();
  }
  return doneOctets;
}

/** How long to wait so that what has come was no faster than the rate. Pure. */
export const aheadOfRateMs = (octets: number, tookMs: number, rateKbps: number): number =>
  Math.max(0, (octets * 8) / rateKbps - tookMs);

/** What is there already counts as far as it is a beginning. */
async function hashedSoFar(path: string, octetsMax: number): Promise<{ doneOctets: number; hash: Hash }> {
  const hash = createHash('sha256');
  const octets = await sizeOf(path);
  if (octets === 0 || octets > octetsMax) return { doneOctets: 0, hash };
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return { doneOctets: octets, hash };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw diskFault(error);
  }
}

/** @throws ApplianceError `storeFull` when so much and the reserve do not fit */
export async function demandRoom(folder: string, octets: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const mb = (value: number): string => `${Math.ceil(value / 1e6)} MB`;
  if (bavail * bsize < octets + roomReserveOctets) {
    const words = `${mb(octets)} more and ${mb(roomReserveOctets)} in reserve do not fit on the disk, where ${mb(bavail * bsize)} are free`;
    throw new ApplianceError('storeFull', words);
  }
}

/** Removes whatever lies in the folder, but what `isKept` says. */
export async function clearFolder(folder: string, isKept: (name: string) => boolean = () => false): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!isKept(name)) await rm(join(folder, name), { force: true, recursive: true });
  }
}

/** Makes it, or leaves in it what a download can go on with. */
export async function tidyFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await clearFolder(folder, (name) => /^[0-9a-f]{64}\.part$/.test(name));
}

function diskFault(error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof ApplianceError || !/^(ENOSPC|EDQUOT|EROFS|EIO|EACCES)$/.test(code ?? '')) return error;
  return new ApplianceError('storeFull', `the bundle cannot be written: ${code}`, { cause: error });
}

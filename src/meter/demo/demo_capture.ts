/**
 * Writes the demo's capture file: half an hour of a small branch office, the same octets for the same seed for ever. Drains one
 * chunk at a time, so memory does not follow the length. Errors: `storeUnwritable`, `storeFull`.
 */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplianceError, systemCode } from '../../core/errors.ts';
import { begin } from './programme.ts';
import { Scene } from './scene.ts';

/** Moves with every change of what is generated, so that boxes make their file anew. */
const version = 1;
const seed = 17;
const durationS = 1_800;

export interface DemoCaptureOptions {
  readonly seed: number;
  readonly durationS: number;
}

export interface DemoCapture {
  readonly packets: number;
  /** Of whole frames on the wire; the file keeps their beginnings. */
  readonly octets: number;
  readonly durationS: number;
}

/** `<folder>/demo-<version>.pcap`, made when missing; captures of older versions are removed. Throws the signal's reason. */
export async function demoCaptureFile(folder: string, signal?: AbortSignal): Promise<string> {
  const name = `demo-${version}.pcap`;
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true });
    // Also what an interrupted run left: `demo-1.pcap.part`.
    const others = (await readdir(folder)).filter((file) => /^demo-\d+\.pcap(\.part)?$/.test(file) && file !== name);
    for (const other of others) await rm(join(folder, other), { force: true });
    if (await exists(path)) return path;
  } catch (error) {
    throw unwritable(error, path);
  }
  await writeDemoCapture(path, { seed, durationS }, signal);
  return path;
}

/** Writes `path` + `.part` and renames it when whole, so that a file with the name is always complete. */
export async function writeDemoCapture(path: string, options: DemoCaptureOptions, signal?: AbortSignal): Promise<DemoCapture> {
  const scene = new Scene(options);
  begin(scene);
  const part = `${path}.part`;
  try {
    await using file = await open(part, 'w');
    const { recorder } = scene;
    while (scene.step()) {
      if (!recorder.full) continue;
      signal?.throwIfAborted();
      await file.writeFile(recorder.drain());
    }
    await file.writeFile(recorder.drain());
    await file.datasync();
    await rename(part, path);
    return { packets: recorder.packets, octets: recorder.wireOctets, durationS: options.durationS };
  } catch (error) {
    // Leaves nothing half done; when even that fails, the first trouble is the one to tell.
    await rm(part, { force: true }).catch(() => undefined);
    throw signal?.aborted ? error : unwritable(error, part);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A system error as an operating error; anything else is a bug and stays what it is. */
function unwritable(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const fields = { path, code };
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ApplianceError('storeFull', `No room for the demo's capture ${path}`, { cause: error, fields });
  return new ApplianceError('storeUnwritable', `The demo's capture ${path} cannot be written`, { cause: error, fields });
}

/** A disk that takes its time to sync: every file of this process, until it is restored. */
import { type FileHandle, open } from 'node:fs/promises';

export interface SlowSync {
  delayMs: number;
  restore(): void;
}

export async function slowSync(): Promise<SlowSync> {
  const some = await open('/dev/null', 'r');
  const shared = Object.getPrototypeOf(some) as FileHandle;
  await some.close();
  const { datasync } = shared;
  const disk = {
    delayMs: 0,
    restore: () => {
      shared.datasync = datasync;
    },
  };
  shared.datasync = async function (this: FileHandle) {
    await datasync.call(this);
    if (disk.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, disk.delayMs));
  };
  return disk;
}

/**
 * The export side of a box, killed at random moments: FLOWSPAN_KILLS says how often. And with the power cut: an ext4 in a
 * loop file whose shutdown ioctl drops what was not synced (EXT4_GOING_FLAGS_NOLOGFLUSH), FLOWSPAN_CUTS times: without that setting
 * they are left out where this machine does not permit mounting. `npm run soak` has ten stories of 20 and of 4.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Cleanups, killStory, longRunMaxMs } from './kill_story.ts';
import { seedsOf, withSeed } from './seeds.ts';

const file = 'test/forward/spool_kill.test.ts';
const kills = Number(process.env.FLOWSPAN_KILLS ?? 20);
const cuts = Number(process.env.FLOWSPAN_CUTS ?? 3);
const eachMaxMs = 15_000;

const cleanups: Cleanups = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-kill-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test.each(seedsOf([1]))(
  `killed ${kills} times, seed %i: all arrives save the marked gap, nothing twice whose arrival was on disk`,
  (seed) => withSeed(seed, file, () => killStory({ seed, kills, path: newFolder(), cleanups })),
  60_000 + kills * eachMaxMs,
);

/** A file system that loses what was not synced when it is told to. */
class LoopDisk {
  #image: string;
  #count = 0;
  readonly #folder: string;
  #mounted = false;

  constructor(folder: string) {
    this.#image = join(folder, 'disk.img');
    this.#folder = join(folder, 'mounted');
    mkdirSync(this.#folder);
    execFileSync('truncate', ['-s', '64M', this.#image]);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
    this.restore();
  }
  get path(): string {
    return join(this.#folder, 'spool');
  }
  /** EXT4_IOC_SHUTDOWN, without flushing the journal. */
  cut(): void {
    const script = 'my $how = pack("L", 2); open(my $f, "<", $ARGV[0]) or die $!; ioctl($f, 0x8004587d, $how) or die $!';
    execFileSync('perl', ['-e', script, this.#folder]);
  }
  /**
   * The power is back: the journal is replayed. Of a copy: where another process has a copy of our mounts, the file system
   * that was shut down lives on, and would be mounted again as it is.
   */
  restore(): void {
    if (this.#mounted) {
      this.end();
      const copy = `${this.#image.replace(/\.\d+$/, '')}.${++this.#count}`;
      copyFileSync(this.#image, copy);
      rmSync(this.#image);
      this.#image = copy;
    }
    // Seldom by itself: else the kernel writes within half a minute what nobody has synced.
    execFileSync('mount', ['-o', 'loop,commit=600', this.#image, this.#folder]);
    this.#mounted = true;
  }
  end(): void {
    if (this.#mounted) execFileSync('umount', [this.#folder]);
    this.#mounted = false;
  }
}

/** The reason why there are no power cuts here, or the empty string. */
function cannotMount(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowspan-loop-'));
  let disk: LoopDisk | undefined;
  try {
    disk = new LoopDisk(folder);
    disk.cut();
    return '';
  } catch (error) {
    return String(error).split('\n')[0] || 'nobody knows why';
  } finally {
    disk?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
const why = cannotMount();

/** CAP_SYS_ADMIN, without which nobody mounts; root of a container may lack it. */
function mayMount(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
  return ((BigInt(`0x${effective}`) >> 21n) & 1n) === 1n;
}

test.skipIf(why !== '').each(seedsOf([1]))(
  `power cut ${cuts} times, seed %i: what was synced is there, the hole is marked`,
  (seed) => {
    const disk = new LoopDisk(newFolder());
    cleanups.push(() => disk.end());
    return withSeed(seed, file, () => killStory({ seed, kills: cuts, path: disk.path, power: disk, cleanups }));
  },
  60_000 + longRunMaxMs + cuts * eachMaxMs,
);

test('power cuts are tried wherever mounting is permitted, and wherever they are asked for', () => {
  if (mayMount() || process.env.FLOWSPAN_CUTS !== undefined) expect(why).toBe('');
  else expect(why).toMatch(/EPERM|EACCES|ENOENT|permitted|permission|superuser|Command failed: mount/i);
});

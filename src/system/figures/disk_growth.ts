/**
 * How fast what is kept grows, and when the disk will be full at that pace. Pure. A sample an hour, of 24 hours, kept over restarts.
 *
 * Time counts while the box runs: neither a clock that was wrong nor a night without power changes the pace. What changed while it
 * did not run (an update, files that somebody copied) is no growth of its own, so earlier samples move along. Another disk, or one of another
 * size, is another story, which begins anew.
 */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Growth is told once it was watched for this long: a first start fills caches and stores. */
const growthFromMs = 6 * hourMs;
const samplesMax = 26;
/** Further ahead nothing is known. */
const daysMax = 3_650;

interface Disk {
  /** Octets in the box's stores. */
  readonly kept: number;
  readonly free: number;
  readonly total: number;
}

interface Sample {
  readonly atMs: number;
  readonly kept: number;
  readonly free: number;
}

export interface Growth {
  readonly storageGrowthOctets: number | null;
  readonly daysToFull: number | null;
}

export class DiskGrowth {
  #samples: Sample[] = [];
  #newest: (Disk & { readonly atMs: number }) | undefined;
  /** Of an earlier run, until this one has looked: how long before its end, and how it was then. */
  #earlier: { readonly total: number; readonly samples: readonly Sample[] } | undefined;

  /** @param atMs monotonic; a disk that cannot be asked (size 0) tells nothing */
  add(disk: Disk, atMs: number): void {
    if (disk.total <= 0) return;
    const known = this.#newest?.total ?? this.#earlier?.total;
    if (known !== disk.total) this.#samples = [];
    else if (this.#earlier !== undefined) this.#samples = goingOn(this.#earlier.samples, disk, atMs);
    this.#earlier = undefined;
    this.#newest = { ...disk, atMs };
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= hourMs) this.#samples.push({ atMs, kept: disk.kept, free: disk.free });
    while (this.#samples.length > 1 && this.#samples[1]!.atMs <= atMs - dayMs) this.#samples.shift();
  }

  /** At the pace of the last day; null until it was watched long enough. */
  growth(): Growth {
    const [first, now] = [this.#samples[0], this.#newest];
    if (first === undefined || now === undefined || now.atMs - first.atMs < growthFromMs)
      return { storageGrowthOctets: null, daysToFull: null };
    const days = (now.atMs - first.atMs) / dayMs;
    const shrinks = (first.free - now.free) / days;
    return {
      storageGrowthOctets: (now.kept - first.kept) / days,
      daysToFull: shrinks <= 0 ? daysMax : Math.min(daysMax, now.free / shrinks),
    };
  }

  /** Ages in ms of running time, oldest first, the last one as of now. */
  toJSON(): object | undefined {
    const now = this.#newest;
    if (now === undefined) return undefined;
    const samples = [...this.#samples, now].map(({ atMs, kept, free }) => [now.atMs - atMs, kept, free]);
    return { total: now.total, samples };
  }

  /** What an earlier run has kept; nothing of what is no such thing. */
  restore(kept: unknown): void {
    const { total, samples } = (kept ?? {}) as { total?: unknown; samples?: unknown };
    if (typeof total !== 'number' || !Array.isArray(samples)) return;
    const numbers = samples.filter((sample): sample is [number, number, number] => isSample(sample)).slice(-samplesMax);
    if (numbers.length === 0 || numbers.at(-1)![0] !== 0) return;
    this.#earlier = { total, samples: numbers.map(([ageMs, octets, free]) => ({ atMs: -ageMs, kept: octets, free })) };
  }
}

/** As if this run had begun when the other ended, with what there is now. */
function goingOn(earlier: readonly Sample[], now: Disk, atMs: number): Sample[] {
  const end = earlier.at(-1)!;
  return earlier.slice(0, -1).map((sample) => ({
    atMs: atMs + sample.atMs,
    kept: sample.kept + now.kept - end.kept,
    free: sample.free + now.free - end.free,
  }));
}

const isSample = (found: unknown): boolean =>
  Array.isArray(found) &&
  found.length === 3 &&
  found.every((number) => typeof number === 'number' && Number.isFinite(number) && number >= 0);

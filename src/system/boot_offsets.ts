/**
 * What is known about the wall time of this boot and of earlier ones, so that rows that were spooled before a reboot can
 * still be stamped. Pure. Limit: `bootsMax` boots, the oldest forgotten first.
 *
 * A boot that never learned the time is bounded by its neighbours: it began after the one before it ended and ended before
 * the next one began (DESIGN section 7).
 */

export interface BootRecord {
  readonly bootId: string;
  /** Wall time less monotonic time, ns. */
  readonly offsetNs: bigint;
  /** Whether the box knew the time when this was written. */
  readonly trusted: boolean;
  /** Monotonic time up to which the boot is known to have run, ns. */
  readonly lastNs: bigint;
}

export const bootsMax = 64;
const VERSION = 1;

export function formatBoots(boots: readonly BootRecord[]): string {
  const records = boots.map(({ bootId, offsetNs, trusted, lastNs }) => ({
    bootId,
    offsetNs: String(offsetNs),
    trusted,
    lastNs: String(lastNs),
  }));
  return `${JSON.stringify({ version: VERSION, boots: records }, null, 1)}\n`;
}

/** Undefined for anything that is not a list of boots: what a damaged card hands back must not stop the start. */
export function parseBoots(text: string): BootRecord[] | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // Not JSON: damaged.
    return undefined;
  }
  const { version, boots } = (content ?? {}) as { version?: unknown; boots?: unknown };
  if (version !== VERSION || !Array.isArray(boots)) return undefined;
  const records: BootRecord[] = [];
  for (const entry of boots as Record<string, unknown>[]) {
    const { bootId, offsetNs, trusted, lastNs } = entry ?? {};
    if (typeof bootId !== 'string' || typeof trusted !== 'boolean' || !isInteger(offsetNs) || !isInteger(lastNs))
      return undefined;
    records.push({ bootId, offsetNs: BigInt(offsetNs), trusted, lastNs: BigInt(lastNs) });
  }
  return records;
}

const isInteger = (value: unknown): value is string => typeof value === 'string' && /^-?\d{1,30}$/.test(value);

/** The list with this boot's newest record at its end, cut to `bootsMax`. */
export function withBoot(boots: readonly BootRecord[], record: BootRecord): BootRecord[] {
  return [...boots.filter(({ bootId }) => bootId !== record.bootId), record].slice(-bootsMax);
}

/**
 * The best offset for a boot of the list, oldest first; undefined for a boot that is not in it.
 * `certain` is false when the boot never learned the time and the offset is only what its neighbours allow.
 */
export function resolveOffset(boots: readonly BootRecord[], bootId: string): { offsetNs: bigint; certain: boolean } | undefined {
  const at = boots.findIndex((boot) => boot.bootId === bootId);
  const boot = boots[at];
  if (boot === undefined) return undefined;
  if (boot.trusted) return { offsetNs: boot.offsetNs, certain: true };
  let { offsetNs } = boot;
  const before = boots.slice(0, at).findLast(({ trusted }) => trusted);
  // The time since the previous boot is unknown, but not negative. Monotonic time starts at 0 with the boot.
  if (before !== undefined) offsetNs = larger(offsetNs, before.offsetNs + before.lastNs);
  // The boots in between have run for at least as long as is known of them.
  let betweenNs = 0n;
  for (const next of boots.slice(at + 1)) {
    if (next.trusted) {
      offsetNs = smaller(offsetNs, next.offsetNs - betweenNs - boot.lastNs);
      break;
    }
    betweenNs += next.lastNs;
  }
  return { offsetNs, certain: false };
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What the status tells of metering threads: their counters, and how busy each was lately. Pure; keeps eleven looks. */
import type { MeterCounts } from '../flow/ledger.ts';
import { type MeterThreadStatus, type ThreadFigures, type ThreadPace, threadCounters } from '../flow/meter_threads.ts';
import type { MeterFigures } from './figures.ts';

const overMs = 10_000;
/** Between two looks closer than this the shares say more about the looks than about the threads. */
const apartLeastMs = 900;
const unknownPace: ThreadPace = { packetsPerSecond: null, cpuPercent: null };

interface Look {
  readonly atMs: number;
  readonly threads: readonly Pick<MeterCounts, 'receivedPackets' | 'threadCpuNs'>[];
}

export class ThreadPaces {
  #looks: Look[] = [];

  /** About once a second. */
  see(atMs: number, threads: readonly MeterCounts[]): void {
    const last = this.#looks.at(-1);
    const isAnew = last?.threads.some(({ threadCpuNs }, index) => !(threadCpuNs <= (threads[index]?.threadCpuNs ?? -1)));
    if (isAnew)
      this.#looks = []; // the meter was opened again, and counts from zero
    else if (last !== undefined && atMs - last.atMs < apartLeastMs) return;
    this.#looks = this.#looks.filter((look) => atMs - look.atMs <= overMs);
    this.#looks.push({
      atMs,
      threads: threads.map(({ receivedPackets, threadCpuNs }) => ({ receivedPackets, threadCpuNs })),
    });
  }

  of(thread: number): ThreadPace {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    const [from, to] = [first?.threads[thread], last?.threads[thread]];
    if (from === undefined || to === undefined || first === last) return unknownPace;
    const tookMs = last!.atMs - first!.atMs;
    return {
      packetsPerSecond: ((to.receivedPackets - from.receivedPackets) * 1_000) / tookMs,
      cpuPercent: (to.threadCpuNs - from.threadCpuNs) / (tookMs * 1e4),
    };
  }
}

/** Each thread, and all of them; of a meter that was never opened there are none. */
export function threadStatus(
  { counts, threads }: Pick<MeterFigures, 'counts' | 'threads'>,
  paces: ThreadPaces,
): { readonly threads: readonly MeterThreadStatus[]; readonly allThreads: ThreadFigures } {
  const each = threads.map((one, thread) => ({ thread, ...figures(one, paces.of(thread)) }));
  const sum = (of: keyof ThreadPace): number | null =>
    each.length === 0 || each.some((one) => one[of] === null) ? null : each.reduce((total, one) => total + one[of]!, 0);
  const pace = { packetsPerSecond: sum('packetsPerSecond'), cpuPercent: sum('cpuPercent') };
  return { threads: each, allThreads: figures(counts, pace) };
}

function figures(counts: MeterCounts, pace: ThreadPace): ThreadFigures {
  const told = Object.fromEntries(threadCounters.map((name) => [name, counts[name]])) as Pick<
    MeterCounts,
    (typeof threadCounters)[number]
  >;
  return { ...told, ringFilledPercent: counts.ringFilledPercent, ...pace };
}

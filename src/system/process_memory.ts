/**
 * Sees to it that what this program has freed is the system's again, and tells what it takes. V8, LevelDB and Node free to the C
 * library, which keeps it for the next one who asks: it is asked to give back now and then. Owned by the main event loop.
 */
import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { measureHeap } from '../core/heap_figures.ts';
import type { Service } from '../core/lifecycle.ts';
import { parseResident, type Resident, residentFile } from '../core/resident.ts';
import type { World } from '../core/world.ts';
import type { HostFiles } from './host_files.ts';

/** A few milliseconds of a thread of the pool, and what was freed since is not the program's. */
const giveBackMs = 60_000;
/** What the start took and does not need any more. */
const giveBackFirstMs = 30_000;
const lookMs = 10_000;

export interface MemoryOfProcess {
  /** From now on large pieces go back when they are freed, and small ones come from few places. */
  keepMemoryTogether(): void;
  giveMemoryBack(): Promise<void>;
}

export class ProcessMemory implements Service {
  readonly name = 'memory';
  readonly #world: World;
  readonly #memory: MemoryOfProcess;
  readonly #files: Pick<HostFiles, 'read'>;
  #resident: Resident = { anonymous: 0, files: 0, shared: 0 };
  #timers: Timer[] = [];

  constructor(world: World, memory: MemoryOfProcess, files: Pick<HostFiles, 'read'>) {
    this.#world = world;
    this.#memory = memory;
    this.#files = files;
  }

  async start(): Promise<void> {
    const { clock, log, metrics } = this.#world;
    this.#memory.keepMemoryTogether();
    const onError = (error: unknown): void => log.warn('memoryNotGivenBack', { reason: messageOf(error) });
    const giveBack = (): Promise<void> => this.#memory.giveMemoryBack();
    this.#timers = [
      clock.after(giveBackFirstMs, () => void giveBack().catch(onError)),
      clock.every(giveBackMs, giveBack, onError),
      clock.every(lookMs, () => this.#look(), onError),
    ];
    await this.#look();
    metrics.gauge(
      'resident_octets',
      'Memory of the process: its own, of files (program, libraries, capture rings), shared',
      () => Object.entries(this.#resident).map(([kind, value]) => ({ labels: { kind }, value })),
      ['kind'],
    );
    measureHeap(metrics, 'main');
  }

  async stop(_deadlineMs: number): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
  }

  async #look(): Promise<void> {
    this.#resident = parseResident((await this.#files.read(residentFile)) ?? '') ?? this.#resident;
  }
}

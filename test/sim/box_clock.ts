/**
 * The clock of one run of the program, within the simulated time of the branch: monotonic time counts from the boot, wall
 * time is wrong by as much as the boot's clock is, and once the run was killed nothing of it happens any more.
 */
import { ClockBase, type SimulatedClock, type Timer } from '../../src/core/clock.ts';

/** From power-on to power-off. */
export interface Boot {
  readonly id: string;
  /** In the branch's time, ms. */
  readonly bornMs: number;
  /** Wall time as the box has it less true time, ms. */
  errorMs: number;
  /** A time service has told the time. */
  synchronised: boolean;
  /** Somebody set the clock wrong: a box that believes in it stamps wrong, and cannot know. */
  wasSetWrong: boolean;
}

export class BoxClock extends ClockBase {
  readonly boot: Boot;
  readonly #world: SimulatedClock;
  alive = true;

  constructor(world: SimulatedClock, boot: Boot) {
    super();
    this.#world = world;
    this.boot = boot;
  }

  override monotonicMs(): number {
    return this.#world.monotonicMs() - this.boot.bornMs;
  }
  override monotonicNs(): bigint {
    return BigInt(Math.round(this.monotonicMs() * 1e6));
  }
  override wallMs(): number {
    return this.#world.wallMs() + this.boot.errorMs;
  }
  override after(delayMs: number, run: () => void): Timer {
    return this.#world.after(delayMs, () => {
      if (this.alive) run();
    });
  }
}

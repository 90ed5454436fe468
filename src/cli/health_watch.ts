/** How long a box has been healthy without a break, and whether that is enough. Pure. */
import type { HealthPart } from '../flow/health_shapes.ts';

export interface Answer {
  readonly healthy: boolean;
  /** Told to those who may look. */
  readonly parts?: readonly HealthPart[];
  /** Why there was no answer. */
  readonly reason?: string;
}

export interface HealthWanted {
  /** Healthy without a break. */
  readonly forMs: number;
  /** Given up after this; what is healthy then may still complete its time. */
  readonly withinMs: number;
}

export class HealthWatch {
  readonly #wanted: HealthWanted;
  readonly #beganMs: number;
  #healthySinceMs: number | undefined;

  constructor(wanted: HealthWanted, nowMs: number) {
    this.#wanted = wanted;
    this.#beganMs = nowMs;
  }

  look(nowMs: number, { healthy }: Answer): 'healthy' | 'unhealthy' | 'wait' {
    const { forMs, withinMs } = this.#wanted;
    const isLate = nowMs - this.#beganMs >= withinMs;
    if (!healthy) {
      this.#healthySinceMs = undefined;
      return isLate ? 'unhealthy' : 'wait';
    }
    this.#healthySinceMs ??= nowMs;
    return nowMs - this.#healthySinceMs >= forMs ? 'healthy' : 'wait';
  }
}

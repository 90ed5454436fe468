/**
 * What the page shows live: the box's latest word about itself and the last ten minutes of traffic. Fed by the main thread,
 * read by the API and the event streams. Limits: one status, `secondsKept` seconds. Owned by the page's event loop.
 */
import type { BoxStatus, TrafficSecond } from '../flow/status_shapes.ts';

export const secondsKept = 600;

export type LiveChange =
  | { readonly kind: 'second'; readonly second: TrafficSecond }
  | { readonly kind: 'status'; readonly status: BoxStatus };

export interface LiveFeed {
  /** The last status, or undefined before the first. */
  latest(): BoxStatus | undefined;
  /** Oldest first, at most `secondsKept`. A second that was not metered is absent. */
  seconds(): readonly TrafficSecond[];
  /** Calls the listener with every change from now on; the returned function ends that. */
  subscribe(listener: (change: LiveChange) => void): () => void;
}

export class LiveBuffer implements LiveFeed {
  #status: BoxStatus | undefined;
  readonly #seconds: TrafficSecond[] = [];
  readonly #listeners = new Set<(change: LiveChange) => void>();

  latest(): BoxStatus | undefined {
    return this.#status;
  }

  seconds(): readonly TrafficSecond[] {
    return this.#seconds;
  }

  subscribe(listener: (change: LiveChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  pushSecond(second: TrafficSecond): void {
    this.#seconds.push(second);
    if (this.#seconds.length > secondsKept) this.#seconds.shift();
    for (const listener of this.#listeners) listener({ kind: 'second', second });
  }

  pushStatus(status: BoxStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener({ kind: 'status', status });
  }
}

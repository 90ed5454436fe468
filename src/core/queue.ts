/**
 * A bounded queue with a name and a policy an operator can read. What does not fit is counted, never forgotten.
 * Limits: `capacity` in whatever `weigh` measures (items by default). Owned by one event loop.
 */

export const queuePolicies = ['drop-oldest', 'drop-newest'] as const;
export type QueuePolicy = (typeof queuePolicies)[number];

export interface QueueFigures {
  readonly name: string;
  readonly policy: QueuePolicy;
  readonly items: number;
  readonly weight: number;
  readonly capacity: number;
  readonly dropped: number;
}

export class BoundedQueue<T> {
  readonly name: string;
  readonly policy: QueuePolicy;
  readonly capacity: number;
  readonly #weigh: (item: T) => number;
  readonly #onDrop: (item: T) => void;
  #items: (T | undefined)[] = [];
  #head = 0;
  #weight = 0;
  #dropped = 0;

  constructor(
    name: string,
    capacity: number,
    policy: QueuePolicy,
    weigh: (item: T) => number = () => 1,
    onDrop: (item: T) => void = () => {},
  ) {
    this.name = name;
    this.capacity = capacity;
    this.policy = policy;
    this.#weigh = weigh;
    this.#onDrop = onDrop;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** False when this very item was dropped. */
  push(item: T): boolean {
    const weight = this.#weigh(item);
    if (this.policy === 'drop-newest' || weight > this.capacity) {
      if (this.#weight + weight > this.capacity) {
        this.#drop(item);
        return false;
      }
    }
    while (this.#weight + weight > this.capacity) this.#drop(this.shift() as T);
    this.#items.push(item);
    this.#weight += weight;
    return true;
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head] as T;
    this.#items[this.#head++] = undefined;
    this.#weight -= this.#weigh(item);
    // Compacts once half is gone, so that shifting costs nothing on average.
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** A copy, oldest first. */
  list(): T[] {
    return this.#items.slice(this.#head) as T[];
  }

  figures(): QueueFigures {
    return {
      name: this.name,
      policy: this.policy,
      items: this.length,
      weight: this.#weight,
      capacity: this.capacity,
      dropped: this.#dropped,
    };
  }

  #drop(item: T): void {
    this.#dropped++;
    this.#onDrop(item);
  }
}

/**
 * Runs many conversations in the order of time. A conversation is a generator: it writes its packets and yields how long to wait,
 * in seconds, until its next. A binary heap holds only who is next, so memory follows conversations, never packets.
 */

export type Conversation = Generator<number, void, void>;

interface Waiting {
  atNs: number;
  /** Breaks ties, so that the same seed gives the same file. */
  readonly order: number;
  readonly conversation: Conversation;
}

export class Timeline {
  readonly endNs: number;
  nowNs = 0;
  readonly #heap: Waiting[] = [];
  #orders = 0;

  constructor(durationS: number) {
    this.endNs = Math.round(durationS * 1e9);
  }

  start(conversation: Conversation, inS = 0): void {
    const atNs = this.nowNs + Math.round(inS * 1e9);
    this.#heap.push({ atNs, order: this.#orders++, conversation });
    this.#rise(this.#heap.length - 1);
  }

  /** When the next step is due, or undefined when everyone is done or the end is reached. */
  nextNs(): number | undefined {
    const next = this.#heap[0];
    return next === undefined || next.atNs >= this.endNs ? undefined : next.atNs;
  }

  /** Lets the one that is due take its step. */
  step(): void {
    const next = this.#heap[0];
    if (next === undefined) return;
    this.nowNs = next.atNs;
    const { done, value } = next.conversation.next();
    // The conversation may have started others, but none earlier than itself: it still stands at the root.
    if (done === true) this.#dropRoot();
    else {
      next.atNs += Math.max(1, Math.round(value * 1e9));
      this.#sink(0);
    }
  }

  #dropRoot(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at]!, heap[parent]!)) return;
      [heap[at], heap[parent]] = [heap[parent]!, heap[at]!];
      at = parent;
    }
  }

  #sink(from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
      if (!before(heap[child]!, heap[at]!)) return;
      [heap[at], heap[child]] = [heap[child]!, heap[at]!];
      at = child;
    }
  }
}

function before(a: Waiting, b: Waiting): boolean {
  return a.atNs < b.atNs || (a.atNs === b.atNs && a.order < b.order);
}

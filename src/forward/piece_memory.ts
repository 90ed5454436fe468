/**
 * Memory of whole pieces, used again. Sixty thousand rows a second would otherwise have the kernel clear 23 MB of pages a second, and the
 * garbage collector look through everything for want of them. Who reads a piece over a wait holds its memory: what is held when the piece
 * goes is left to the collector. What nobody needed between two calls of `rest` goes back, so a box that falls silent keeps none. Owned by
 * the spool's event loop. Limit: `freeMax` pieces that nobody uses.
 */
export class PieceMemory {
  readonly #octets: number;
  readonly #freeMax: number;
  readonly #free: Uint8Array[] = [];
  /** How many were free at any time since the last rest. */
  #spare = 0;
  readonly #readers = new Map<Uint8Array, number>();

  /** @param octets of a whole piece; other sizes come and go */
  constructor(octets: number, freeMax: number) {
    this.#octets = octets;
    this.#freeMax = freeMax;
  }

  /** Octets of pieces that wait to be used again. */
  get freeOctets(): number {
    return this.#free.length * this.#octets;
  }

  /** Memory with whatever was in it before. */
  take(octets: number): Uint8Array {
    const used = octets === this.#octets ? this.#free.pop() : undefined;
    this.#spare = Math.min(this.#spare, this.#free.length);
    return used ?? new Uint8Array(Buffer.allocUnsafeSlow(octets).buffer);
  }

  /** Its owner is done with it. */
  giveBack(memory: Uint8Array): void {
    if (memory.length === this.#octets && this.#free.length < this.#freeMax && !this.#readers.has(memory))
      this.#free.push(memory);
  }

  /** Until `letGo`, nothing else is written there, whoever gives it back. */
  hold(memory: Uint8Array): void {
    this.#readers.set(memory, (this.#readers.get(memory) ?? 0) + 1);
  }
  letGo(memory: Uint8Array): void {
    const readers = this.#readers.get(memory) ?? 0;
    if (readers > 1) this.#readers.set(memory, readers - 1);
    else this.#readers.delete(memory);
  }
  async whileHeld<T>(memory: Uint8Array, work: () => Promise<T>): Promise<T> {
    this.hold(memory);
    try {
      return await work();
    } finally {
      this.letGo(memory);
    }
  }

  /** To be called now and then. */
  rest(): void {
    this.#free.splice(0, this.#spare);
    this.#spare = this.#free.length;
  }
}

/**
 * Where a segment is packed: columns of any width one behind the other, then all of them together as one piece of memory. A piece
 * of some hundred kilobytes is a mapping of its own, which goes back to the system with it; thousands of arrays of a few kilobytes
 * would leave holes behind everywhere. Memory: twice as much as the largest segment took at most. Used again for each segment.
 */

export type Codes = Uint8Array | Uint16Array | Uint32Array | Float64Array;

interface CodesOf<T extends Codes> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, octets: number, length: number): T;
}

/** Of the widest codes. */
const alignment = 8;
const octetsAtFirst = 512 * 1_024;

export class PackingRoom {
  #memory = new ArrayBuffer(octetsAtFirst);
  #used = 0;

  /** Octets of it that may have been touched. */
  get octets(): number {
    return this.#memory.byteLength;
  }

  begin(): void {
    this.#used = 0;
  }

  /** Room for that many numbers, holding anything. Whatever was taken before must have been written by now. */
  take<T extends Codes>(kind: CodesOf<T>, length: number): T {
    const at = this.#used;
    const end = at + length * kind.BYTES_PER_ELEMENT;
    if (end > this.#memory.byteLength) {
      const larger = new ArrayBuffer(2 ** Math.ceil(Math.log2(end)));
      new Uint8Array(larger).set(new Uint8Array(this.#memory, 0, at));
      this.#memory = larger;
    }
    this.#used = Math.ceil(end / alignment) * alignment;
    return new kind(this.#memory, at, length);
  }

  /** Takes the last piece back. */
  giveBack(last: Codes): void {
    this.#used = last.byteOffset;
  }

  /** A copy of all that was taken, and where in it each piece is. */
  close(): { readonly memory: ArrayBuffer; readonly moved: <T extends Codes>(piece: T) => T } {
    const memory = this.#memory.slice(0, this.#used);
    const moved = <T extends Codes>(piece: T): T =>
      new (piece.constructor as unknown as CodesOf<T>)(memory, piece.byteOffset, piece.length);
    return { memory, moved };
  }
}

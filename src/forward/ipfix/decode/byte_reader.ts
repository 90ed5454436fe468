/** Reads numbers from octets within bounds. What lies outside is `messageMalformed` with the offset, never an exception of the engine. */
import { ApplianceError } from '../../../core/errors.ts';

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }
  /** A view, not a copy. */
  octets(count: number): Uint8Array {
    const at = this.#take(count);
    return this.bytes.subarray(at, at + count);
  }

  #take(count: number): number {
    const { at } = this;
    if (count > this.left) throw malformed(`${count} octets wanted, ${this.left} left`, at);
    this.at += count;
    return at;
  }
}

export function malformed(what: string, offset: number): ApplianceError {
  return new ApplianceError('messageMalformed', `offset ${offset}: ${what}`, { fields: { offset } });
}

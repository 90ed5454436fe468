/**
 * Cuts a file into messages of NetFlow 5, NetFlow 9 and IPFIX, one after the other. Version 5 and IPFIX say how long they
 * are. Version 9 does not: it goes on set by set until a message begins, since 5, 9 and 10 are no ids of sets. Bounded: holds
 * less than two messages. Throws `messageMalformed` where the stream cannot be followed any further.
 */
import { malformed } from '../../ipfix/decode/byte_reader.ts';
import { MESSAGE_HEADER_OCTETS } from '../../ipfix/message.ts';
import { NETFLOW5_HEADER_OCTETS, NETFLOW5_RECORD_OCTETS, NETFLOW5_RECORDS_MAX } from './netflow5_decoder.ts';
import { NETFLOW9_HEADER_OCTETS } from './netflow9_decoder.ts';

const messageOctetsMax = 65_535;
const versions: readonly number[] = [5, 9, 10];

export class ExportStream {
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;

  /** Octets of an unfinished message. */
  get pendingOctets(): number {
    return this.#rest.length;
  }

  /** Whole messages, as views where possible: valid until the chunk's memory is used again. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, void> {
    yield* this.#take(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), false);
  }

  /** The end of the stream ends a message of version 9. */
  *end(): Generator<Uint8Array, void, void> {
    yield* this.#take(this.#rest, true);
  }

  *#take(bytes: Uint8Array, isEnd: boolean): Generator<Uint8Array, void, void> {
    let at = 0;
    try {
      for (;;) {
        const octets = this.#messageOctets(bytes, at, isEnd);
        if (octets === undefined || bytes.length - at < octets) break;
        const message = bytes.subarray(at, at + octets);
        at += octets;
        yield message;
      }
    } finally {
      this.#offset += at;
      this.#rest = bytes.slice(at);
    }
  }

  /** Undefined while it cannot be known. */
  #messageOctets(bytes: Uint8Array, at: number, isEnd: boolean): number | undefined {
    if (bytes.length - at < 4) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
    const [version, second] = [view.getUint16(0), view.getUint16(2)];
    if (version === 10 && second >= MESSAGE_HEADER_OCTETS) return second;
    if (version === 5 && second <= NETFLOW5_RECORDS_MAX) return NETFLOW5_HEADER_OCTETS + second * NETFLOW5_RECORD_OCTETS;
    if (version === 9) return this.#netflow9Octets(view, at, isEnd);
    throw malformed(`version ${version}, then ${second}: no message of NetFlow or IPFIX begins here`, this.#offset + at);
  }

  #netflow9Octets(view: DataView, at: number, isEnd: boolean): number | undefined {
    let end = NETFLOW9_HEADER_OCTETS;
    while (view.byteLength - end >= 4) {
      const id = view.getUint16(end);
      if (versions.includes(id)) return end;
      const octets = view.getUint16(end + 2);
      if (octets < 4) throw malformed(`a FlowSet of ${octets} octets`, this.#offset + at + end);
      end += octets;
      if (end > messageOctetsMax) throw malformed(`a message of more than ${messageOctetsMax} octets`, this.#offset + at);
    }
    return isEnd && end === view.byteLength ? end : undefined;
  }
}

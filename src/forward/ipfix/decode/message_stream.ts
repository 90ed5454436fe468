/**
 * Cuts a stream of octets (a TCP session, an IPFIX file) into messages by their headers (RFC 7011 section 10.4.3). Bounded:
 * holds less than one message. Throws `messageMalformed` where the stream cannot be followed any further.
 */
import { IPFIX_VERSION, MESSAGE_HEADER_OCTETS } from '../message.ts';
import { malformed } from './byte_reader.ts';

export class MessageStream {
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;

  /** Octets of an unfinished message. */
  get pendingOctets(): number {
    return this.#rest.length;
  }

  /** Whole messages, as views where possible: valid until the chunk's memory is used again. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, void> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    try {
      while (bytes.length - at >= 4) {
        const version = (bytes[at]! << 8) | bytes[at + 1]!;
        const octets = (bytes[at + 2]! << 8) | bytes[at + 3]!;
        if (version !== IPFIX_VERSION || octets < MESSAGE_HEADER_OCTETS)
          throw malformed(`version ${version}, length ${octets}: no IPFIX message begins here`, this.#offset + at);
        if (bytes.length - at < octets) break;
        const message = bytes.subarray(at, at + octets);
        at += octets;
        yield message;
      }
    } finally {
      this.#offset += at;
      this.#rest = bytes.slice(at);
    }
  }
}

/** UDP between two endpoints, and ICMP echo: the channels without a state. */
import { Channel, type Ends, folded, protocols } from './channel.ts';
import type { Recorder } from './recorder.ts';

export class UdpChannel extends Channel {
  readonly #ports: readonly [number, number];

  constructor(recorder: Recorder, ends: Ends, nearPort: number, farPort: number) {
    super(recorder, ends, protocols.udp);
    this.#ports = [nearPort, farPort];
  }

  /** Sends `payload`, followed by zeros up to `payloadOctets`. */
  send(from: 0 | 1, payload: Uint8Array, payloadOctets = payload.length): void {
    const { octets } = this.recorder;
    const length = 8 + payloadOctets;
    const at = this.open(from, length, 8 + payload.length);
    octets.writeUInt16BE(this.#ports[from], at);
    octets.writeUInt16BE(this.#ports[from === 0 ? 1 : 0], at + 2);
    octets.writeUInt16BE(length, at + 4);
    octets.set(payload, at + 8);
    // RFC 768: a computed zero is sent as all ones.
    octets.writeUInt16BE(this.checksum(from, at, length) || 0xffff, at + 6);
  }
}

/** Echo request from the near end (RFC 792, RFC 4443 4.1), reply from the far end. */
export class EchoChannel extends Channel {
  readonly #v6: boolean;
  readonly #identifier: number;

  constructor(recorder: Recorder, ends: Ends, identifier: number) {
    super(recorder, ends, ends.v6 ? protocols.icmpv6 : protocols.icmp);
    this.#v6 = ends.v6;
    this.#identifier = identifier;
  }

  send(from: 0 | 1, sequence: number, payloadOctets = 56): void {
    const { octets } = this.recorder;
    const length = 8 + payloadOctets;
    const at = this.open(from, length, length);
    octets[at] = this.#v6 ? 128 + from : from === 0 ? 8 : 0;
    octets.writeUInt16BE(this.#identifier, at + 4);
    octets.writeUInt16BE(sequence & 0xffff, at + 6);
    const sum = this.#v6 ? this.checksum(from, at, length) : folded((octets[at]! << 8) + this.#identifier + (sequence & 0xffff));
    octets.writeUInt16BE(sum, at + 2);
  }
}

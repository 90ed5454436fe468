/**
 * One TCP connection (RFC 9293): opening with options, data with right sequence and acknowledgement numbers, segments sent again,
 * endings by FIN or RST. It keeps the numbers; conversations say what is sent and when. `from`: 0 the client, 1 the server.
 */
import { Channel, type Ends, protocols } from './channel.ts';
import type { Recorder } from './recorder.ts';

export const tcpFlags = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** Payload of a full segment: 1,460 octets over IPv4, 1,440 over IPv6; the frame is 1,514 octets, 1,518 with a tag. */
export const segmentOctets = { v4: 1_460, v6: 1_440 } as const;

/** MSS 1,460, window scale 7, selective acknowledgements (RFC 9293 3.7.1, RFC 7323 2, RFC 2018 2). */
const openingOptions = Uint8Array.of(2, 4, 0x05, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2);
const nothing = new Uint8Array();
const windowOctets = 4_096;

export class TcpChannel extends Channel {
  readonly segment: number;
  readonly rttS: number;
  readonly #ports: readonly [number, number];
  readonly #next: [number, number];

  constructor(recorder: Recorder, ends: Ends, ports: readonly [number, number], firstNumbers: readonly [number, number]) {
    super(recorder, ends, protocols.tcp);
    this.segment = ends.v6 ? segmentOctets.v6 : segmentOctets.v4;
    this.rttS = ends.far.rttS;
    this.#ports = ports;
    this.#next = [...firstNumbers];
  }

  syn(): void {
    this.#emit(0, tcpFlags.syn, this.#take(0, 1), nothing, 0, openingOptions);
  }

  synAck(): void {
    this.#emit(1, tcpFlags.syn | tcpFlags.ack, this.#take(1, 1), nothing, 0, openingOptions);
  }

  ack(from: 0 | 1): void {
    this.#emit(from, tcpFlags.ack, this.#next[from], nothing, 0);
  }

  /** One segment: `payload`, followed by zeros up to `payloadOctets`. */
  data(from: 0 | 1, payload: Uint8Array, payloadOctets = payload.length): void {
    this.#emit(from, tcpFlags.psh | tcpFlags.ack, this.#take(from, payloadOctets), payload, payloadOctets);
  }

  /** The last segment of `payloadOctets` once more, as after a loss. */
  dataAgain(from: 0 | 1, payload: Uint8Array, payloadOctets = payload.length): void {
    this.#emit(from, tcpFlags.psh | tcpFlags.ack, (this.#next[from] - payloadOctets) >>> 0, payload, payloadOctets);
  }

  fin(from: 0 | 1): void {
    this.#emit(from, tcpFlags.fin | tcpFlags.ack, this.#take(from, 1), nothing, 0);
  }

  rst(from: 0 | 1): void {
    this.#emit(from, tcpFlags.rst | tcpFlags.ack, this.#next[from], nothing, 0);
  }

  #take(from: 0 | 1, count: number): number {
    const sequence = this.#next[from];
    this.#next[from] = (sequence + count) >>> 0;
    return sequence;
  }

  #emit(from: 0 | 1, flags: number, sequence: number, payload: Uint8Array, payloadOctets: number, options = nothing): void {
    const { octets } = this.recorder;
    const headerOctets = 20 + options.length;
    const length = headerOctets + payloadOctets;
    const at = this.open(from, length, headerOctets + payload.length);
    octets.writeUInt16BE(this.#ports[from], at);
    octets.writeUInt16BE(this.#ports[from === 0 ? 1 : 0], at + 2);
    octets.writeUInt32BE(sequence, at + 4);
    octets.writeUInt32BE(flags & tcpFlags.ack ? this.#next[from === 0 ? 1 : 0] : 0, at + 8);
    octets[at + 12] = headerOctets << 2;
    octets[at + 13] = flags;
    octets.writeUInt16BE(windowOctets, at + 14);
    octets.set(options, at + 20);
    octets.set(payload, at + headerOctets);
    octets.writeUInt16BE(this.checksum(from, at, length), at + 16);
  }
}

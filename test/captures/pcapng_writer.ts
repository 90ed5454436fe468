/**
 * pcapng files for tests, block by block (draft-ietf-opsawg-pcapng), both byte orders. Pure: makes octets.
 */
import { joined } from './frames.ts';
import type { CapturedPacket } from './pcap_writer.ts';

export interface PcapngInterface {
  readonly linkType?: number;
  readonly snapLength?: number;
  /** if_tsresol as it stands in the file: 6, 9, or 0x80 | power of two. */
  readonly resolution?: number;
  /** if_tsoffset, seconds. */
  readonly offsetS?: bigint;
}

export class PcapngWriter {
  readonly #little: boolean;
  readonly #parts: Uint8Array[] = [];

  constructor(bigEndian = false) {
    this.#little = !bigEndian;
    this.section();
  }

  section(): this {
    const body = new DataView(new ArrayBuffer(16));
    body.setUint32(0, 0x1a2b3c4d, this.#little);
    body.setUint16(4, 1, this.#little);
    body.setBigInt64(8, -1n, this.#little);
    return this.block(0x0a0d0d0a, new Uint8Array(body.buffer));
  }

  interface({ linkType = 1, snapLength = 0, resolution, offsetS }: PcapngInterface = {}): this {
    const body = new DataView(new ArrayBuffer(8));
    body.setUint16(0, linkType, this.#little);
    body.setUint32(4, snapLength, this.#little);
    const options: Uint8Array[] = [];
    if (resolution !== undefined) options.push(this.#option(9, Uint8Array.of(resolution)));
    if (offsetS !== undefined) {
      const value = new DataView(new ArrayBuffer(8));
      value.setBigInt64(0, offsetS, this.#little);
      options.push(this.#option(14, new Uint8Array(value.buffer)));
    }
    if (options.length > 0) options.push(this.#option(0, new Uint8Array()));
    return this.block(1, joined(new Uint8Array(body.buffer), ...options));
  }

  /** Enhanced packet block. `ticks` overrides the time in the interface's resolution (microseconds by default). */
  packet({ ns, frame, wireOctets = frame.length }: CapturedPacket, interfaceId = 0, ticks = ns / 1000n): this {
    const body = new DataView(new ArrayBuffer(20));
    body.setUint32(0, interfaceId, this.#little);
    body.setUint32(4, Number(ticks >> 32n), this.#little);
    body.setUint32(8, Number(ticks & 0xffff_ffffn), this.#little);
    body.setUint32(12, frame.length, this.#little);
    body.setUint32(16, wireOctets, this.#little);
    return this.block(6, joined(new Uint8Array(body.buffer), frame));
  }

  simplePacket(frame: Uint8Array, wireOctets = frame.length): this {
    const body = new DataView(new ArrayBuffer(4));
    body.setUint32(0, wireOctets, this.#little);
    return this.block(3, joined(new Uint8Array(body.buffer), frame));
  }

  /** The obsolete packet block, type 2. */
  oldPacket({ ns, frame, wireOctets = frame.length }: CapturedPacket, interfaceId = 0): this {
    const ticks = ns / 1000n;
    const body = new DataView(new ArrayBuffer(20));
    body.setUint16(0, interfaceId, this.#little);
    body.setUint32(4, Number(ticks >> 32n), this.#little);
    body.setUint32(8, Number(ticks & 0xffff_ffffn), this.#little);
    body.setUint32(12, frame.length, this.#little);
    body.setUint32(16, wireOctets, this.#little);
    return this.block(2, joined(new Uint8Array(body.buffer), frame));
  }

  /** Interface statistics with isb_ifdrop and isb_osdrop. */
  statistics(interfaceId: number, droppedByNic: bigint, droppedByKernel: bigint): this {
    const body = new DataView(new ArrayBuffer(12));
    body.setUint32(0, interfaceId, this.#little);
    const counter = (code: number, count: bigint): Uint8Array => {
      const value = new DataView(new ArrayBuffer(8));
      value.setBigUint64(0, count, this.#little);
      return this.#option(code, new Uint8Array(value.buffer));
    };
    return this.block(5, joined(new Uint8Array(body.buffer), counter(5, droppedByNic), counter(7, droppedByKernel)));
  }

  /** Any block; the body is padded to four octets. */
  block(type: number, body: Uint8Array): this {
    const padding = new Uint8Array((4 - (body.length % 4)) % 4);
    const total = 12 + body.length + padding.length;
    const head = new DataView(new ArrayBuffer(8));
    head.setUint32(0, type, this.#little);
    head.setUint32(4, total, this.#little);
    const tail = new DataView(new ArrayBuffer(4));
    tail.setUint32(0, total, this.#little);
    this.#parts.push(joined(new Uint8Array(head.buffer), body, padding, new Uint8Array(tail.buffer)));
    return this;
  }

  octets(): Uint8Array {
    return joined(...this.#parts);
  }

  #option(code: number, value: Uint8Array): Uint8Array {
    const head = new DataView(new ArrayBuffer(4));
    head.setUint16(0, code, this.#little);
    head.setUint16(2, value.length, this.#little);
    return joined(new Uint8Array(head.buffer), value, new Uint8Array((4 - (value.length % 4)) % 4));
  }
}

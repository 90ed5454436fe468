/**
 * Classic pcap files for tests: both byte orders, micro- and nanoseconds, any link type, cut packets
 * (draft-ietf-opsawg-pcap). Pure: makes octets, the test writes them.
 */
export interface CapturedPacket {
  /** Nanoseconds since 1970. */
  readonly ns: bigint;
  readonly frame: Uint8Array;
  /** Length on the wire when the frame was cut. */
  readonly wireOctets?: number;
}

export interface PcapOptions {
  readonly bigEndian?: boolean;
  readonly nanoseconds?: boolean;
  readonly linkType?: number;
  readonly snapLength?: number;
}

export const linkTypes = { null: 0, ethernet: 1, ppp: 9, raw: 101, radiotap: 127, linuxSll: 113, linuxSll2: 276 } as const;

/** 14 November 2023, 22:13:20 UTC: when test captures begin. */
export const captureStartNs = 1_700_000_000_000_000_000n;

/** Packets `stepNs` apart from the start of test captures on. */
export function packetsOf(frames: readonly Uint8Array[], stepNs = 1_000_000n): CapturedPacket[] {
  return frames.map((frame, index) => ({ ns: captureStartNs + BigInt(index) * stepNs, frame }));
}

export function pcapFile(packets: readonly CapturedPacket[], options: PcapOptions = {}): Uint8Array {
  const { bigEndian = false, nanoseconds = false, linkType = linkTypes.ethernet, snapLength = 262_144 } = options;
  const little = !bigEndian;
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, little);
  header.setUint16(4, 2, little);
  header.setUint16(6, 4, little);
  header.setUint32(16, snapLength, little);
  header.setUint32(20, linkType, little);
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  for (const { ns, frame, wireOctets = frame.length } of packets) {
    const captured = frame.subarray(0, snapLength);
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, Number(ns / 1_000_000_000n), little);
    record.setUint32(4, Number((ns % 1_000_000_000n) / (nanoseconds ? 1n : 1000n)), little);
    record.setUint32(8, captured.length, little);
    record.setUint32(12, wireOctets, little);
    parts.push(new Uint8Array(record.buffer), captured);
  }
  return Buffer.concat(parts);
}

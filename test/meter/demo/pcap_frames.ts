/** Record headers of a little-endian nanosecond pcap, read independently of the generator. */

export interface PcapFrame {
  readonly atNs: number;
  readonly keptOctets: number;
  readonly wireOctets: number;
}

export function framesOf(file: Buffer): PcapFrame[] {
  if (file.readUInt32LE(0) !== 0xa1b23c4d) throw new Error('not a nanosecond pcap');
  const firstS = file.readUInt32LE(24);
  const frames: PcapFrame[] = [];
  for (let at = 24; at < file.length; ) {
    const keptOctets = file.readUInt32LE(at + 8);
    // Relative to the first second: whole nanoseconds since 1970 do not fit a double.
    const atNs = (file.readUInt32LE(at) - firstS) * 1e9 + file.readUInt32LE(at + 4);
    frames.push({ atNs, keptOctets, wireOctets: file.readUInt32LE(at + 12) });
    at += 16 + keptOctets;
  }
  return frames;
}

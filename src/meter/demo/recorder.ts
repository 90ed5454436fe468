/**
 * Writes classic pcap with nanoseconds (magic 0xa1b23c4d) into one reused chunk: the caller fills each frame in place and drains
 * the chunk to the file when it nears its end. Cuts frames as a mirror port's capture would, with their true lengths kept.
 */

/** Bulk frames keep this much: the headers up to TCP over IPv6 over a tag, and the first octets of the payload. */
const headOctets = 96;
/** What a message worth reading (DNS, DHCP, the first of TLS) keeps at most; the file's snap length. */
export const snapOctets = 512;
const recordHeaderOctets = 16;
const chunkOctets = 1 << 20;
/** More than one step of a conversation ever writes. */
const reserveOctets = 64 << 10;
/** A Monday morning, 2026-03-02 09:00:00 UTC: the replay moves it to its own time. */
const epochSeconds = 1_772_442_000;
/** Ethernet without its checksum; a tag comes on top, as switches send it (IEEE 802.1Q annex G). */
const shortestFrameOctets = 60;

export class Recorder {
  readonly octets = Buffer.alloc(chunkOctets);
  /** Since the start of the capture; the timeline sets it. */
  nowNs = 0;
  packets = 0;
  /** Of whole frames, as they were on the wire. */
  wireOctets = 0;
  #used: number;

  constructor() {
    this.octets.writeUInt32LE(0xa1b23c4d, 0);
    this.octets.writeUInt16LE(2, 4);
    this.octets.writeUInt16LE(4, 6);
    this.octets.writeUInt32LE(snapOctets, 16);
    this.octets.writeUInt32LE(1, 20);
    this.#used = 24;
  }

  /**
   * Opens a frame of `frameOctets`, of which the caller will fill the first `filledOctets`; the rest of what is kept is zero.
   * Returns where the frame begins in `octets`; `frameEnd` is where the kept part ends.
   */
  frame(frameOctets: number, filledOctets: number): number {
    const wire = Math.max(frameOctets, shortestFrameOctets);
    const kept = Math.min(wire, Math.max(headOctets, Math.min(filledOctets, snapOctets)));
    const { octets } = this;
    const at = this.#used;
    const seconds = Math.floor(this.nowNs / 1e9);
    octets.writeUInt32LE(epochSeconds + seconds, at);
    octets.writeUInt32LE(this.nowNs - seconds * 1e9, at + 4);
    octets.writeUInt32LE(kept, at + 8);
    octets.writeUInt32LE(wire, at + 12);
    const start = at + recordHeaderOctets;
    this.#used = start + kept;
    octets.fill(0, start, this.#used);
    this.packets += 1;
    this.wireOctets += wire;
    return start;
  }

  get frameEnd(): number {
    return this.#used;
  }

  /** Whether the chunk must be drained before the next step. */
  get full(): boolean {
    return this.#used > chunkOctets - reserveOctets;
  }

  /** What was written since the last call; valid until the next frame. */
  drain(): Uint8Array {
    const chunk = this.octets.subarray(0, this.#used);
    this.#used = 0;
    return chunk;
  }
}

/** The account of one port when the package behind it misbehaves; its real behaviour is tried in `libpcap_source.test.ts`. */
import { describe, expect, it } from 'vitest';
import { type FeedMeter, FrameFeed } from '../../../src/meter/libpcap/frame_feed.ts';
import type { PcapBinding, PcapSession } from '../../../src/meter/libpcap/pcap_package.ts';
import { PortReader, stuckSessionsMax } from '../../../src/meter/libpcap/port_reader.ts';

/** A meter that takes `slots` slots and meters none of them. */
function meterOf(slots: number, feedSlotBytes = 1_024): FeedMeter & { readonly handed: [number, number][] } {
  const handed: [number, number][] = [];
  let lent = 0;
  const feedBuffer = new ArrayBuffer(slots * feedSlotBytes);
  return {
    handed,
    feedBuffer,
    feedSlotBytes,
    feedSlot: () => (lent < slots ? lent++ : -1),
    feed: (slot, octets) => void handed.push([slot, octets]),
  };
}

/** A session that shows `frames` frames of 100 octets at its next dispatch, then `answer`. */
class ScriptedSession implements PcapSession {
  static frames = 0;
  static answer = 0;
  static stats = { ps_recv: 0, ps_drop: 0 };
  static closed = 0;
  #onPacket: () => void = () => {};
  open_live(...[, , , , , onPacket]: Parameters<PcapSession['open_live']>): string {
    this.#onPacket = onPacket;
    return 'LINKTYPE_ETHERNET';
  }
  dispatch(frame: Buffer, header: Buffer): number {
    for (; ScriptedSession.frames > 0; ScriptedSession.frames--) {
      header.writeUInt32LE(100, 8);
      header.writeUInt32LE(1_500, 12);
      frame.fill(ScriptedSession.frames, 0, 100);
      this.#onPacket();
    }
    return ScriptedSession.answer;
  }
  stats(): { ps_recv: number; ps_drop: number } {
    return ScriptedSession.stats;
  }
  close(): void {
    ScriptedSession.closed++;
  }
}

const binding: PcapBinding = { PcapSession: ScriptedSession, lib_version: () => 'scripted' };
const options = { device: 'mirror0', port: 0, filter: '', bufferOctets: 1 << 20, snapLength: 256, promiscuous: true };

describe('port reader', () => {
  it('packs whole frames into slots and counts those that found none', () => {
    Object.assign(ScriptedSession, { frames: 20, answer: 0, stats: { ps_recv: 25, ps_drop: 5 } });
    const meter = meterOf(2);
    const feed = new FrameFeed(meter, 1);
    const reader = new PortReader(binding, options, feed);
    expect(reader.open()).toBe(true);
    reader.read();
    feed.flush();
    // A record is 24 octets and the frame up to a multiple of eight: eight fit into 1,024 octets.
    expect(meter.handed).toEqual([
      [0, 8 * 128],
      [1, 8 * 128],
    ]);
    const words = new Uint32Array(meter.feedBuffer);
    expect([...words.subarray(2, 5)]).toEqual([100, 1_500, 0]);
    expect(new Uint8Array(meter.feedBuffer)[24 + 99]).toBe(20);
    expect(feed.refused).toEqual([4]);
    expect(reader.totals()).toEqual({ tapped: 25, lost: 5 + 4 });
  });

  it('counts what a session was shown and never gave', () => {
    Object.assign(ScriptedSession, { frames: 3, answer: 0, stats: { ps_recv: 10, ps_drop: 2 } });
    const reader = new PortReader(binding, options, new FrameFeed(meterOf(8), 1));
    reader.open();
    reader.read();
    reader.close();
    expect(reader.totals()).toEqual({ tapped: 10, lost: 7 });
  });

  it('goes on counting where the package begins again at 2^32', () => {
    Object.assign(ScriptedSession, { frames: 0, answer: 0, stats: { ps_recv: 0, ps_drop: 0 } });
    const reader = new PortReader(binding, options, new FrameFeed(meterOf(8), 1));
    reader.open();
    const shown = [3_000_000_000, 5_000_000_000, 9_000_000_000];
    for (const tapped of shown) {
      // As the binding hands them over, signed or not.
      ScriptedSession.stats = { ps_recv: (tapped % 2 ** 32) | 0, ps_drop: Math.floor(tapped / 2) % 2 ** 32 };
      expect(reader.totals()).toEqual({ tapped, lost: tapped / 2 });
    }
    reader.close();
    expect(reader.totals()).toEqual({ tapped: 9_000_000_000, lost: 9_000_000_000 });
  });

  it('closes a session that fails, and leaves a port alone whose sessions cannot be closed', () => {
    const reader = new PortReader(binding, options, new FrameFeed(meterOf(8), 1));
    Object.assign(ScriptedSession, { frames: 0, answer: -1, stats: { ps_recv: 0, ps_drop: 0 } });
    for (let i = 0; i < stuckSessionsMax; i++) {
      expect(reader.open()).toBe(true);
      reader.read();
      expect(reader.isOpen).toBe(false);
      expect(reader.trouble).toBe('');
    }
    expect(reader.open()).toBe(false);
    expect(reader.trouble).toContain('restart the service');
  });
});

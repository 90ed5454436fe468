/** The demo's capture against its promises: the same file for ever, in the order of time, sound to tshark and to our own meter. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { loadAddon } from '../../../src/meter/addon.ts';
import { type DemoCapture, demoCaptureFile, writeDemoCapture } from '../../../src/meter/demo/demo_capture.ts';
import { OfflineMeter } from '../../../src/meter/offline.ts';
import { framesOf, type PcapFrame } from './pcap_frames.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('the same file for ever', () => {
  it('gives equal files for equal seeds, others for other seeds', async () => {
    const hashes: string[] = [];
    for (const [i, seed] of [5, 5, 6].entries()) {
      const path = join(folder, `same-${i}.pcap`);
      await writeDemoCapture(path, { seed, durationS: 8 });
      hashes.push(hashOf(path));
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it('leaves nothing behind when aborted, and says why', async () => {
    const path = join(folder, 'aborted.pcap');
    const reason = new Error('stopping');
    await expect(writeDemoCapture(path, { seed: 1, durationS: 120 }, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(readdirSync(folder).filter((name) => name.startsWith('aborted'))).toEqual([]);
  });

  it('names a folder that cannot be written', async () => {
    const path = join(folder, 'missing', 'demo.pcap');
    await expect(writeDemoCapture(path, { seed: 1, durationS: 1 })).rejects.toMatchObject({ code: 'storeUnwritable' });
  });
});

describe('a minute of it', () => {
  let path: string;
  let written: DemoCapture;
  let frames: PcapFrame[];
  beforeAll(async () => {
    path = join(folder, 'minute.pcap');
    written = await writeDemoCapture(path, { seed: 17, durationS: 60 });
    frames = framesOf(readFileSync(path));
  });

  it('holds what it says', () => {
    expect(frames.length).toBe(written.packets);
    expect(frames.reduce((sum, frame) => sum + frame.wireOctets, 0)).toBe(written.octets);
    expect(Math.max(...frames.map((frame) => frame.keptOctets))).toBeLessThanOrEqual(512);
  });

  it('never steps back in time and stays inside its length', () => {
    expect(frames.findIndex((frame, i) => i > 0 && frame.atNs < frames[i - 1]!.atNs)).toBe(-1);
    expect(frames.at(-1)!.atNs - frames[0]!.atNs).toBeLessThan(60e9);
  });

  it('is sound to tshark: nothing malformed, header and UDP checksums right', () => {
    const faults = '_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0';
    expect(tshark(path, `${faults} || icmpv6.checksum.status == 0 || tcp.analysis.ack_lost_segment`)).toEqual([]);
  });

  it('has every kind of traffic, in one reading', () => {
    const protocols = tshark(path, 'frame', 'frame.protocols').join(':').split(':');
    const kinds = ['dns', 'mdns', 'quic', 'tls', 'ip', 'ipv6', 'icmp', 'icmpv6', 'dhcp', 'ntp', 'arp', 'lldp', 'stp', 'nbss'];
    expect(kinds.filter((kind) => !protocols.includes(kind))).toEqual([]);
    expect(new Set(tshark(path, 'vlan', 'vlan.id'))).toEqual(new Set(['10', '20', '30', '40']));
    expect(tshark(path, 'tcp.analysis.retransmission').length).toBeGreaterThan(0);
  });

  it('names its servers in the hellos of TLS', () => {
    const names = new Set(tshark(path, 'tls.handshake.extensions_server_name', 'tls.handshake.extensions_server_name'));
    expect(names).toContain('meet.example.com');
    expect(names.size).toBeGreaterThan(4);
    for (const name of names) expect(name).toMatch(/(^|\.)example(\.(com|net|org))?$/);
  });

  it('ends every connection it opens, so that a loop has no seam', () => {
    const streams = (filter: string): Set<string> => new Set(tshark(path, filter, 'tcp.stream'));
    const ended = streams('tcp.flags.fin == 1 || tcp.flags.reset == 1');
    expect([...streams('tcp')].filter((stream) => !ended.has(stream))).toEqual([]);
  });
});

describe('metered', () => {
  it('balances, is free of damage, has many flows and a lively rate to its end', async () => {
    const path = join(folder, 'long.pcap');
    await writeDemoCapture(path, { seed: 17, durationS: 300 });
    const meter = new OfflineMeter(loadAddon(), { path, settings: settingsSchema.parse({}).meter });
    try {
      let flows = 0;
      for (const block of meter.blocks()) flows += block.count;
      const ledger = meter.ledger();
      expect(meter.trouble()).toBeUndefined();
      expect(ledger.balanced).toBe(true);
      expect(ledger.undecodable.packets).toBe(ledger.received.packets - ledger.decoded.packets);
      expect(ledger.annotations).toEqual({});
      expect(flows).toBeGreaterThan(500);
    } finally {
      meter.close();
    }
    const bits = new Array<number>(30).fill(0);
    const frames = framesOf(readFileSync(path));
    for (const frame of frames) bits[Math.floor((frame.atNs - frames[0]!.atNs) / 10e9)]! += frame.wireOctets * 8;
    for (const sum of bits) {
      expect(sum / 10).toBeGreaterThan(1e6);
      expect(sum / 10).toBeLessThan(60e6);
    }
  });
});

describe('the file in the data folder', () => {
  it('is made once, and takes the place of older versions and of what a crash left', async () => {
    const place = join(folder, 'place');
    const path = await demoCaptureFile(place);
    expect(path).toMatch(/demo-\d+\.pcap$/);
    const hash = hashOf(path);
    writeFileSync(join(place, 'demo-0.pcap'), 'old');
    writeFileSync(`${path}.part`, 'cut');
    writeFileSync(join(place, 'demo-notes.txt'), 'mine');
    expect(await demoCaptureFile(place)).toBe(path);
    expect(readdirSync(place).sort()).toEqual([path.slice(place.length + 1), 'demo-notes.txt']);
    expect(hashOf(path)).toBe(hash);
    expect(existsSync(`${path}.part`)).toBe(false);
  });
});

/** One field of each frame that passes the filter. */
function tshark(path: string, filter: string, field = 'frame.number'): string[] {
  const checks = ['ip', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const lines = execFileSync('tshark', ['-r', path, ...checks, '-Y', filter, '-T', 'fields', '-e', field], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 64 << 20,
  });
  return lines.split('\n').filter((line) => line !== '');
}

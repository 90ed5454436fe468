/** The addon's other half: projection against its reference, socket measures, clocks, refused arguments. */
import { connect, createServer, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { residentNow } from '../../src/core/resident.ts';
import { compileProfile, profileNames, profileSpec } from '../../src/flow/profiles.ts';
import { packTable, projectRows } from '../../src/flow/projection.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { joined, udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder, countsOf, meterFile, optionsFor } from './metering.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
const frames = Array.from({ length: 60 }, (_, i) =>
  i % 4 === 0
    ? udpFrame({ source: `2001:db8::${i + 1}`, destination: '2001:db8::f' })
    : udpFrame({ source: `10.0.0.${i + 1}`, vlans: i % 3 === 0 ? [{ id: 5 }] : [] }),
);
const path = folder.write('project.pcap', pcapFile(packetsOf(frames)));
const rows = joined(...meterFile(path).rows);

describe('projection', () => {
  it.each(profileNames)('writes what the reference writes, profile %s', (name) => {
    const { table } = compileProfile(profileSpec(name), 32_473);
    const projection = addon.compileProjection(packTable(table));
    const result = new Int32Array(3);
    for (const limit of [0, 3, 100, 999, 60_000]) {
      const expected = new Uint8Array(61_000);
      const written = new Uint8Array(61_000);
      const reference = projectRows(table, rows, 0, rows.length / ROW_BYTES, expected, 16, limit, 123_456_789n);
      addon.project(projection, rows, 0, rows.length / ROW_BYTES, written, 16, limit, 123_456_789n, result);
      expect([...result]).toEqual([reference.octets, reference.rows, reference.records]);
      const end = 16 + reference.octets;
      expect(Buffer.compare(written.subarray(0, end), expected.subarray(0, end))).toBe(0);
      // Behind the records, up to the limit, is scratch; behind the limit nothing is touched.
      expect(written.subarray(16 + limit).some((octet) => octet !== 0)).toBe(false);
    }
  });

  it('refuses what would leave its buffers', () => {
    const projection = addon.compileProjection(packTable(compileProfile(profileSpec('lean'), 0).table));
    const out = new Uint8Array(100);
    const result = new Int32Array(3);
    const einval = expect.objectContaining({ code: 'EINVAL' });
    expect(() => addon.project(projection, rows, 0, 1_000, out, 0, 100, 0n, result)).toThrow(einval);
    expect(() => addon.project(projection, rows, 0, 1, out, 50, 51, 0n, result)).toThrow(einval);
    expect(() => addon.project(projection, rows, 0, 1, out, 0, 100, 0n, new Int32Array(2))).toThrow(einval);
    expect(() => addon.project({}, rows, 0, 1, out, 0, 100, 0n, result)).toThrow(einval);
    expect(() => addon.compileProjection(Int32Array.of(1, 2, 3))).toThrow(einval);
  });
});

describe('socket measures', () => {
  it('tells what the peer has not acknowledged, the path and takes a time-out', async () => {
    const held: Socket[] = [];
    const server = createServer((socket) => held.push(socket.pause()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    const fd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
    expect(addon.unacknowledgedBytes(fd)).toBe(0);
    expect(addon.pathMtu(fd)).toBeGreaterThan(1_000);
    expect(addon.setUserTimeout(fd, 30_000)).toBe(true);
    // The peer does not read: more than both kernels hold stays unacknowledged.
    socket.write(Buffer.alloc(64 << 20));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(addon.unacknowledgedBytes(fd)).toBeGreaterThan(0);
    socket.destroy();
    for (const one of held) one.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it('says that it cannot tell for what is no socket', () => {
    expect([addon.unacknowledgedBytes(-1), addon.pathMtu(-1), addon.setUserTimeout(-1, 5)]).toEqual([-1, -1, false]);
  });
});

describe('memory', () => {
  it('of cache and blocks is all taken when the meter opens, and a cache that is full takes no more', async () => {
    const cacheFlows = 131_072;
    // One flow a packet, more of them than there is room for.
    const flood = Array.from({ length: cacheFlows + 20_000 }, (_, i) => {
      const frame = frames[1]!.slice();
      new DataView(frame.buffer).setUint32(26, 0x0a_00_00_00 + i);
      return frame;
    });
    const floodPath = folder.write('flood.pcap', pcapFile(packetsOf(flood, 1_000n)));
    flood.length = 0;
    // What the flood was made of must not go while the meter's memory is measured.
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    await addon.giveMemoryBack();
    const anonymous = async (): Promise<number> => (await residentNow())!.anonymous;
    const before = await anonymous();
    const meter = addon.open(
      optionsFor({ kind: 'file', path: floodPath, pace: 'asFast' }, { cacheFlows, blocks: 64, rowsPerBlock: 512 }),
    );
    const open = await anonymous();
    meter.start();
    while (!meter.drained()) {
      const block = meter.waitBlock(1_000);
      if (block >= 0) meter.release(block);
    }
    const used = await anonymous();
    const counts = countsOf(meter.stats());
    meter.close();
    expect(counts.flowsAggregated + counts.flowsEndedForResources).toBeGreaterThan(0);
    // 46 MB; what this process does beside, its collector above all, is some megabytes either way.
    expect(counts.memoryBytes).toBeGreaterThan(45_000_000);
    expect(open - before).toBeGreaterThan(counts.memoryBytes - 6_000_000);
    expect(used - open).toBeLessThan(6_000_000);
  });

  it('goes back to the system on request, small pieces too', async () => {
    addon.keepMemoryTogether();
    // Below what gets a mapping of its own; every other one stays, so that the pool's end does not move.
    const pieces: (ArrayBuffer | undefined)[] = Array.from({ length: 2_000 }, () => new Uint8Array(64_000).fill(1).buffer);
    for (let i = 0; i < pieces.length; i += 2) pieces[i]!.transfer(0);
    const before = (await residentNow())!.anonymous;
    await addon.giveMemoryBack();
    const back = before - (await residentNow())!.anonymous;
    expect(pieces[1]!.byteLength).toBe(64_000);
    expect(back).toBeGreaterThan(0.7 * 1_000 * 64_000);
  });
});

it('reads both clocks together', () => {
  const { monotonicNs, realtimeNs } = addon.clocks();
  expect(Number(process.hrtime.bigint() - monotonicNs)).toBeLessThan(1e9);
  expect(Math.abs(Number(realtimeNs / 1_000_000n) - Date.now())).toBeLessThan(1_000);
});

describe('arguments', () => {
  const refused: [string, object, string][] = [
    ['threads', { threads: 0 }, 'threads is 0, allowed is a whole number from 1 to 64'],
    ['cacheFlows', { cacheFlows: 1.5 }, 'cacheFlows is 1.5'],
    ['blocks', { threads: 4, blocks: 7 }, 'blocks is 7, allowed is at least two for each thread'],
    ['seed', { seed: 1 }, 'seed is 1, allowed is a bigint'],
    ['duplicates', { duplicates: 'maybe' }, 'duplicates is "maybe", allowed is one of off, report, remove'],
    ['tunnels', { tunnels: ['wormhole'] }, 'tunnels is wormhole, allowed is a list of names from tunnelTypes'],
    ['sampling', { sampling: { kind: 'count', interval: 0 } }, 'sampling.interval is 0'],
    ['protocols', { idleTimeoutByProtocolMs: { 300: 5 } }, 'idleTimeoutByProtocolMs has the key "300"'],
    ['source', { source: { kind: 'tape' } }, 'source.kind is "tape", allowed is one of ring, file'],
    ['path', { source: { kind: 'file' } }, 'source.path is undefined, allowed is a string'],
    ['loop', { source: { kind: 'file', path, loop: true } }, 'source.loop is true'],
    ['interfaces', { source: { kind: 'ring', interfaces: [] } }, 'source.interfaces is , allowed is 1 to 16 interface names'],
    ['options', { sampling: undefined }, 'sampling is undefined, an object is needed'],
  ];
  it.each(refused)('refuses %s with name, value and what is allowed', (_name, change, words) => {
    expect(() => addon.open({ ...optionsFor({ kind: 'file', path }), ...change })).toThrow(
      expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining(words) }),
    );
  });
});

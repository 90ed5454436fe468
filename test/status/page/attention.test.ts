/** What a technician is told to look at: nothing on a good day, the right thing first on a bad one. */
import { describe, expect, it } from 'vitest';
import type { BoxStatus, TrafficSecond } from '../../../src/flow/status_shapes.ts';
import { attentionOf, silentForS } from '../../../src/status/page/attention.ts';
import { fakeStatus } from '../fake_status.ts';

const nowMs = Date.UTC(2026, 0, 15, 10);
const second = (n: number, packets: number): TrafficSecond => ({
  atMs: nowMs + n * 1_000,
  packets,
  octets: 0,
  droppedPackets: 0,
  newFlows: 0,
});
const busy = Array.from({ length: 60 }, (_, n) => second(n, 9));
const quiet = Array.from({ length: 60 }, (_, n) => second(n, n < 20 ? 9 : 0));

const good = ((): BoxStatus => {
  const status = fakeStatus('normal', nowMs);
  return { ...status, ledger: { ...status.ledger, droppedByKernel: { packets: 0, octets: null } } };
})();
const keys = (status: BoxStatus, seconds = busy): string[] => attentionOf(status, seconds).map(({ key }) => key);

describe('attentionOf', () => {
  it('says nothing on a good day', () => {
    expect(attentionOf(good, busy)).toEqual([]);
  });

  it('gives the reason and what waits when an uplink is down, bad before merely odd', () => {
    const found = attentionOf(fakeStatus('uplink-down', nowMs), busy);
    const uplink = found.find(({ key }) => key === 'uplink-noc-archive')!;
    expect(uplink.level).toBe('bad');
    expect(uplink.text).toMatch(/timed out/);
    expect(uplink.text).toMatch(/records wait/);
    const levels = found.map(({ level }) => level);
    expect(levels).toEqual([...levels].sort());
    expect(levels).toContain('warn');
  });

  it('tells a full disk, a fault in the ledger, and drops', () => {
    expect(keys(fakeStatus('disk-full', nowMs))).toEqual(expect.arrayContaining(['store-history', 'disk']));
    expect(keys(fakeStatus('ledger-fault', nowMs))).toContain('ledger');
    expect(keys(good, [...busy, { ...second(60, 9), droppedPackets: 5 }])).toEqual(['drops']);
  });

  it('tells that the box samples by itself, and says nothing of a rate that was set', () => {
    const sampled = (change: object) => ({
      ...good,
      meter: { ...good.meter, sampling: { ...good.meter.sampling, kind: 'random' as const, interval: 8, ...change } },
    });
    expect(keys(sampled({}))).toEqual([]);
    const [found] = attentionOf(sampled({ adaptive: true, factor: 8, kernelInterval: 2, why: 'the ring is full' }), busy);
    expect(found).toMatchObject({ key: 'sampling', level: 'warn' });
    expect(found!.text).toMatch(/because the ring is full\. Figures are estimates/);
  });

  it('tells a flow cache that fills', () => {
    expect(keys({ ...good, meter: { ...good.meter, cachedFlows: 60_000, cacheCapacityFlows: 65_536 } })).toEqual(['cache']);
    expect(keys({ ...good, meter: { ...good.meter, cachedFlows: 30_000, cacheCapacityFlows: 65_536 } })).toEqual([]);
  });

  it('does not alarm today about packets that were dropped last week', () => {
    const { received } = good.ledger;
    const once = { ...good, ledger: { ...good.ledger, droppedByKernel: { packets: received.packets * 0.01, octets: null } } };
    expect(keys(once)).toEqual([]);
  });

  it('asks about the mirror after half a minute of silence, not when the meter is known to be down', () => {
    expect(keys(good, quiet)).toEqual(['silent']);
    expect(keys(good, quiet.slice(0, 40))).toEqual([]);
    const waiting: BoxStatus = { ...good, meter: { ...good.meter, state: 'waiting', reason: 'eth1 is down' } };
    expect(attentionOf(waiting, quiet)).toMatchObject([{ key: 'meter', level: 'bad', text: 'eth1 is down' }]);
  });

  it('shows what the traffic tells about the mirror, with what to change; silence is not said twice', () => {
    const status = fakeStatus('one-way-mirror', nowMs);
    const oneWay = attentionOf(status, busy).find(({ key }) => key === 'mirror-oneWayMirror')!;
    expect(oneWay).toMatchObject({ level: 'bad', title: 'The mirror shows one direction only' });
    expect(oneWay.text).toMatch(/^5,122 of 5,310 .+ side answered\. On the switch, /);
    const [finding] = status.mirror.findings;
    const silent = { ...finding!, code: 'nothingSeen' as const, level: 'warn' as const };
    const judged = { ...good, mirror: { ...good.mirror, findings: [silent] } };
    expect(attentionOf(judged, quiet)).toMatchObject([{ key: 'mirror-nothingSeen', level: 'warn' }]);
  });

  it('names each thing once', () => {
    for (const scenario of [
      'normal',
      'no-data',
      'uplink-down',
      'disk-full',
      'ledger-fault',
      'first-start',
      'one-way-mirror',
    ] as const) {
      const found = keys(fakeStatus(scenario, nowMs), quiet);
      expect(new Set(found).size).toBe(found.length);
    }
  });

  it('has something to say in every entry', () => {
    const stopped = { ...good, uplinks: good.uplinks.map((uplink) => ({ ...uplink, state: 'waiting' as const, reason: '' })) };
    for (const { title, text } of attentionOf(stopped, busy)) {
      expect(title).not.toMatch(/undefined|NaN/);
      expect(text).not.toBe('');
    }
  });
});

describe('silentForS', () => {
  it('counts from the last packet, or from when the browser began to look', () => {
    expect(silentForS([])).toBe(0);
    expect(silentForS(busy)).toBe(0);
    expect(silentForS(quiet)).toBe(40);
    expect(silentForS(quiet.slice(30))).toBe(29);
  });
});

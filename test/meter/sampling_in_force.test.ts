/**
 * Pools and numbers of selectors in the service, with the real addon: what earlier runs numbered stays true after a restart,
 * what the settings change is told, and an exact pool stays exact under pressure.
 */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { World } from '../../src/core/world.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import type { SelectorMeaning } from '../../src/flow/selectors.ts';
import type { MeterStatus } from '../../src/flow/status_shapes.ts';
import type { NativeAddon } from '../../src/meter/addon.ts';
import { MeterService } from '../../src/meter/meter_service.ts';
import { type SelectorStore, SelectorsInUse } from '../../src/meter/selectors_in_use.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { addon, CaptureFolder } from './metering.ts';
import { withDrops } from './pressed_addon.ts';

const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());
// Every other packet belongs to a call.
const frames = Array.from({ length: 400 }, (_, i) =>
  udpFrame({ source: `10.0.0.${(i % 20) + 1}`, destinationPort: i % 2 === 0 ? 5_060 : 80 }),
);
const capture = folder.write('pools.pcap', pcapFile(packetsOf(frames, 500_000n)));
const calls = { name: 'calls', ports: [5_060] };
const settings = (sampling: object) =>
  settingsSchema.parse({ meter: { source: 'capture', capture, loop: true, activeTimeoutS: 1, duplicates: 'off', sampling } })
    .meter;
const signal = new AbortController().signal;

function testWorld(): World & { readonly logged: string[] } {
  const clock = new SystemClock();
  const logged: string[] = [];
  const log = createLog(clock, (_level, _part, event) => logged.push(event));
  return { clock, random: new SeededRandom(1), log, metrics: createMetrics(), logged };
}

class MemoryStore implements SelectorStore {
  text: string | undefined;
  holdsRows = false;
  refuses = false;
  writes = 0;

  async read(): Promise<string | undefined> {
    return this.text;
  }

  mayHoldRows(): boolean {
    return this.holdsRows;
  }

  async replace(text: string): Promise<void> {
    if (this.refuses) throw new ApplianceError('storeFull', 'no room');
    this.text = text;
    this.writes++;
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 300 && !holds(); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(holds()).toBe(true);
}

let store = new MemoryStore();
beforeEach(() => {
  store = new MemoryStore();
});

interface Run {
  readonly meter: MeterService;
  readonly selectors: SelectorsInUse;
  readonly world: ReturnType<typeof testWorld>;
  readonly heard: string[];
  /** Packets by selectorId, of the rows that came. */
  readonly packets: Map<number, number>;
}

async function run(sampling: object, native: NativeAddon = addon, numbering = SelectorsInUse): Promise<Run> {
  const world = testWorld();
  const heard: string[] = [];
  const packets = new Map<number, number>();
  const selectors = new numbering(world, store);
  await selectors.start();
  const meter = new MeterService(world, settings(sampling), {
    bootId: 'b',
    receive: (block) => {
      const row = new RowCursor(block.bytes);
      for (let i = 0; i < block.count; i++) {
        const { selectorId, packetDeltaCount } = row.at(i, block.firstRow);
        packets.set(selectorId, (packets.get(selectorId) ?? 0) + packetDeltaCount);
      }
    },
    addon: native,
    onEvent: (level, event, text) => heard.push(`${level} ${event}: ${text}`),
    selectors,
  });
  await meter.start(signal);
  return { meter, selectors, world, heard, packets };
}

describe('sampling in force', () => {
  it('meters pools at their rates, with the meter’s own counts in status, facts and figures', async () => {
    const { meter, world, packets } = await run({ kind: 'count', interval: 4, pools: [calls] });
    await until(() => meter.figures().counts.receivedPackets > 400);
    await meter.stop(5_000);
    const { counts } = meter.figures();
    const { sampling } = meter.status();
    const [pool, others] = sampling.selectors as [(typeof sampling.selectors)[0], (typeof sampling.selectors)[0]];
    expect(pool).toMatchObject({ pool: 'calls', kind: 'none', interval: 1, within95Packets: 0, inForce: true });
    expect(others).toMatchObject({ pool: '', kind: 'count', interval: 4, selectorId: sampling.selectorId });
    expect(pool.observedPackets + others.observedPackets).toBe(counts.meteredPackets + counts.sampledOutPackets);
    expect(pool.selectedPackets).toBe(pool.observedPackets);
    expect(pool.estimatedPackets).toBe(pool.observedPackets);
    expect(others.selectedPackets).toBe(Math.ceil(others.observedPackets / 4));
    expect(Math.abs(others.estimatedPackets - others.observedPackets)).toBeLessThanOrEqual(others.within95Packets!);
    expect(packets.get(pool.selectorId)).toBe(pool.selectedPackets);
    expect(packets.get(others.selectorId)).toBe(others.selectedPackets);
    expect(meter.selectorOf(others.selectorId)).toEqual({ kind: 'count', interval: 4 });
    const text = await world.metrics.render();
    expect(text).toContain('flowspan_meter_pool_interval{pool="calls",kind="none"} 1');
    expect(text).toContain(
      `flowspan_meter_selector_packets{selector="${others.selectorId}",pool="",stage="selected"} ${others.selectedPackets}`,
    );
  });

  it('gives a number one meaning over restarts with other settings, and the former number to a meaning that comes back', async () => {
    const meant = new Map<number, string>();
    const ids: number[][] = [];
    for (const sampling of [
      { kind: 'random', interval: 4, pools: [calls] },
      { kind: 'random', interval: 8 },
      { kind: 'flowHash', interval: 4, pools: [calls] },
      { kind: 'random', interval: 4, pools: [calls] },
    ]) {
      const { meter } = await run(sampling);
      await until(() => meter.figures().counts.receivedPackets > 0);
      const facts = meter.selectors();
      for (const { selectorId, kind, interval, pool } of facts) {
        const said = `${kind} ${interval} ${pool}`;
        expect(meant.get(selectorId) ?? said).toBe(said);
        meant.set(selectorId, said);
      }
      ids.push(facts.filter(({ inForce }) => inForce).map(({ selectorId }) => selectorId));
      await meter.stop(5_000);
    }
    expect(ids[3]!.toSorted()).toEqual(ids[0]!.toSorted());
    // Two selectors each, but the second run's one; the exact pool under the same partition is the same.
    expect(meant.size).toBe(4);
    expect(store.writes).toBeLessThanOrEqual(3);
  });

  it('begins numbers elsewhere when what earlier runs numbered is lost and their rows may wait', async () => {
    const firstNumber = async (): Promise<number> => {
      const { meter, world } = await run({ kind: 'random', interval: 4 });
      const { selectorId } = meter.status().sampling;
      await meter.stop(1_000);
      expect(world.logged.includes('selectorsForgotten')).toBe(store.text?.startsWith('{"version":2') ?? false);
      return selectorId;
    };
    expect(await firstNumber()).toBe(1);
    store = new MemoryStore();
    store.holdsRows = true;
    expect(await firstNumber()).toBeGreaterThan(256);
    const damaged = await run({ kind: 'none' });
    await damaged.meter.stop(1_000);
    store.text = '{"version":1,"next":3,"sel';
    const { meter, world } = await run({ kind: 'random', interval: 4 });
    expect(world.logged).toContain('selectorsForgotten');
    expect(meter.status().sampling.selectorId).toBeGreaterThan(256);
    await meter.stop(1_000);
  });

  it('goes on while what numbers mean cannot be written, says it once, and writes it as soon as it can', async () => {
    store.refuses = true;
    const { meter, selectors, world } = await run({ kind: 'random', interval: 4 });
    for (let i = 0; i < 5; i++) {
      meter.status();
      await world.clock.sleep(5);
    }
    expect(world.logged.filter((event) => event === 'selectorsNotKept')).toHaveLength(1);
    store.refuses = false;
    await meter.stop(1_000);
    await selectors.stop();
    expect(store.text).toContain('"kind":"random","interval":4');
  });

  it('samples more under pressure, but not a pool that is to be exact, and says so', async () => {
    const pressed = { packets: 0 };
    const adaptive = { enabled: true, dwellS: 5, intervalMax: 8 };
    const guests = { name: 'guests', kind: 'flowHash', interval: 4, prefixes: ['10.0.0.0/29'] };
    const { meter, heard, packets } = await run({ pools: [calls, guests], adaptive }, withDrops(pressed));
    await until(() => meter.figures().counts.receivedPackets > 100);
    expect(meter.status().sampling).toMatchObject({ kind: 'none', selectorId: 0 });
    pressed.packets = 1_000_000;
    await until(() => meter.status().sampling.interval === 8);
    pressed.packets = 0;
    expect(heard.at(-1)).toMatch(/from .* to 1 packet in 8: the kernel .*; pools: calls every packet, guests 1 flow in 32$/);
    const changedAt = meter.figures().counts.receivedPackets;
    await until(() => meter.figures().counts.receivedPackets > changedAt + 400);
    // Without the pools: told again, and nothing of them is left in force.
    meter.configure(settings({ adaptive }));
    expect(heard.at(-1)).toMatch(/by the settings$/);
    expect(meter.status().sampling).toMatchObject({ kind: 'random', interval: 8 });
    meter.configure(settings({ adaptive: { ...adaptive, dwellS: 6 } }));
    const said = heard.length;
    await until(() => meter.selectors().filter(({ inForce }) => inForce).length === 1);
    await meter.stop(5_000);
    expect(heard).toHaveLength(said);
    const { counts } = meter.figures();
    const facts = meter.selectors();
    expect(facts.reduce((sum, one) => sum + (one.observedPackets ?? 0), 0)).toBe(
      counts.meteredPackets + counts.sampledOutPackets,
    );
    const exact = facts.filter(({ pool }) => pool === 'calls');
    expect(exact).toHaveLength(1);
    expect(exact[0]!.selectedPackets).toBe(exact[0]!.observedPackets);
    expect(packets.get(exact[0]!.selectorId)).toBe(exact[0]!.observedPackets);
    expect(
      facts
        .filter(({ pool }) => pool === 'guests')
        .map(({ interval }) => interval)
        .toSorted((a, b) => a - b),
    ).toEqual(expect.arrayContaining([4, 32]));
  });

  it('takes up that two pools of one rate have changed names', async () => {
    const mail = { name: 'mail', ports: [80] };
    const { meter, heard } = await run({ pools: [calls, mail] });
    await until(() => meter.figures().counts.receivedPackets > 0);
    const swapped = [
      { ...calls, name: 'mail' },
      { ...mail, name: 'calls' },
    ];
    expect(meter.configure(settings({ pools: swapped }))).toEqual([]);
    expect(heard).toEqual([expect.stringMatching(/^info samplingChanged: .*; pools: mail every packet, calls every packet$/)]);
    await until(() => meter.selectors().filter(({ inForce, pool }) => inForce && pool !== '').length === 2);
    await meter.stop(5_000);
    expect(meter.ledger().balanced).toBe(true);
  });

  it('goes on as it was when the addon refuses other sampling, also under pressure, and takes up time-outs all the same', async () => {
    // The pool's number for nearly everything else too: the addon takes it for the pool alone.
    class Stuck extends SelectorsInUse {
      override readonly numberOf = ({ pool, interval }: SelectorMeaning): number =>
        pool === '' ? ({ 4: 4, 6: 6 }[interval] ?? 5) : 5;
    }
    const pressed = { packets: 0, asked: [] as object[] };
    const adaptive = { enabled: true, dwellS: 5, intervalMax: 8 };
    const { meter, heard } = await run({ kind: 'random', interval: 4, pools: [calls], adaptive }, withDrops(pressed), Stuck);
    await until(() => meter.figures().counts.receivedPackets > 100);
    const before = meter.status().sampling;
    const other = settings({ kind: 'count', interval: 5 });
    expect(meter.configure({ ...other, idleTimeoutS: 1 })).toEqual([
      { path: 'meter.sampling', why: expect.stringMatching(/^selectorId is 5, which stands for another selection/) },
    ]);
    expect(pressed.asked.at(-1)).toMatchObject({ idleTimeoutMs: 1_000 });
    expect(heard).toEqual([]);
    const kept = ({ sampling: { kind, interval, selectorId, adaptive: on, sinceMs } }: MeterStatus) => [
      ...[kind, interval, selectorId, on, sinceMs],
    ];
    expect(kept(meter.status())).toEqual(kept({ ...meter.status(), sampling: before }));
    pressed.packets = 1_000_000;
    await until(() => heard.length > 0);
    expect(heard[0]).toMatch(/^error samplingRefused: sampling stays at 1 packet in 4 until its next change: selectorId is 5/);
    expect(kept(meter.status())).toEqual(kept({ ...meter.status(), sampling: before }));
    pressed.packets = 0;
    expect(meter.configure(settings({ kind: 'count', interval: 6 }))).toEqual([]);
    expect(meter.status().sampling).toMatchObject({ kind: 'count', interval: 6, selectorId: 6, adaptive: false, factor: 1 });
    await meter.stop(5_000);
  });

  it('leaves sampling as it is when pools by VLAN come before the VLANs are in the key', async () => {
    const { meter, heard } = await run({ kind: 'random', interval: 4 });
    await until(() => meter.figures().counts.receivedPackets > 0);
    const { selectorId } = meter.status().sampling;
    const byVlan = settings({ kind: 'random', interval: 8, pools: [{ name: 'voice', vlans: [20] }] });
    meter.configure({ ...byVlan, vlanInKey: false });
    expect(heard).toEqual([expect.stringMatching(/^warn samplingWaits: meter\.sampling\.pools .* next start/)]);
    expect(meter.status().sampling).toMatchObject({ interval: 4, selectorId });
    meter.configure(settings({ kind: 'random', interval: 8 }));
    expect(meter.status().sampling).toMatchObject({ interval: 8 });
    await meter.stop(5_000);
  });
});

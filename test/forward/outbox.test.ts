/** The outbox over every `Kv` there is. A kill is an outbox that is simply no longer used; a power cut loses what no sync covered. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Kv } from '../../src/core/kv.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { cursorKey, messageKey, messageRange } from '../../src/forward/outbox_record.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import {
  HeldKv,
  numbered,
  numberOf,
  numbersOf,
  openOutbox,
  rebooted,
  simulatedWorld,
  takeAll,
  WatchedKv,
} from './outbox_world.ts';

interface Store {
  open(): Promise<Kv>;
  remove(): Promise<void>;
}

const stores: Record<string, () => Store> = {
  MemoryKv: () => {
    const kv = new MemoryKv();
    return {
      open: async () => {
        kv.reopen();
        return kv;
      },
      remove: async () => {},
    };
  },
  LevelKv: () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowspan-outbox-'));
    let kv: Kv | undefined;
    return {
      open: async () => {
        kv = await openLevelKv(folder);
        return kv;
      },
      remove: async () => {
        await kv?.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

const count = async (kv: Kv): Promise<number> => {
  let entries = 0;
  for await (const _ of kv.entries(messageRange)) entries++;
  return entries;
};

describe.each(Object.entries(stores))('outbox over %s', (_, makeStore) => {
  let store: Store;
  let kv: WatchedKv;
  beforeEach(async () => {
    store = makeStore();
    kv = new WatchedKv(await store.open());
  });
  afterEach(() => store.remove());

  test('what a healthy broker acknowledges in time is never written', async () => {
    const world = simulatedWorld();
    const { outbox } = await openOutbox(kv, world);
    const lane = outbox.lane('a');
    for (let i = 0; i < 100; i++) {
      outbox.append(numbered(i));
      lane.acknowledge((await lane.next())!);
      await kv.pass(world, 1_000);
    }
    expect(await count(kv)).toBe(0);
    const cursors: unknown[] = [];
    for await (const entry of kv.entries({ gte: Buffer.from('c'), lt: Buffer.from('d') })) cursors.push(entry);
    expect(cursors).toEqual([]);
    expect(lane.account()).toMatchObject({ handedOver: 100, acknowledged: 100, pending: 0 });
  });

  test('what nobody acknowledges reaches the disk after persistAfterS, in one write, and survives a kill in order', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    for (let i = 0; i < 50; i++) first.outbox.append(numbered(i));
    await kv.pass(world, 4_000);
    expect(await count(kv)).toBe(0);
    await kv.pass(world, 3_000);
    expect(await count(kv)).toBe(50);

    world = rebooted(world);
    const second = await openOutbox(kv, world);
    expect(numbersOf(await takeAll(second.outbox.lane('a')))).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(second.outbox.hole).toBeDefined();
    expect(second.heard.map(({ event }) => event)).toEqual(['outboxRecovered', 'gapMarked']);
  });

  test('what has just come reaches the disk at once when it is told to', async () => {
    const world = simulatedWorld();
    const { outbox } = await openOutbox(kv, world);
    for (let i = 0; i < 5; i++) outbox.append(numbered(i));
    outbox.putOnDisk();
    await kv.idle();
    expect(await count(kv)).toBe(5);
  });

  test('a planned stop loses nothing, marks no hole, and the next start goes on behind it', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    const lane = first.outbox.lane('a');
    for (let i = 0; i < 10; i++) first.outbox.append(numbered(i));
    for (let i = 0; i < 4; i++) lane.acknowledge((await lane.next())!);
    await first.outbox.stop(1_000);

    world = rebooted(world);
    const second = await openOutbox(kv, world);
    second.outbox.append(numbered(10));
    expect(numbersOf(await takeAll(second.outbox.lane('a')))).toEqual([4, 5, 6, 7, 8, 9, 10]);
    expect(second.outbox.hole).toBeUndefined();
  });

  test('each broker has its own cursor; the log is cut behind the slowest', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world, ['fast', 'slow']);
    for (let i = 0; i < 20; i++) first.outbox.append(numbered(i));
    const fast = first.outbox.lane('fast');
    for (const item of await takeAll(fast)) fast.acknowledge(item);
    const slow = first.outbox.lane('slow');
    const slowItems = await takeAll(slow);
    for (const item of slowItems.slice(0, 5)) slow.acknowledge(item);
    await kv.pass(world, 10_000);
    expect(await count(kv)).toBe(15);

    world = rebooted(world);
    const second = await openOutbox(kv, world, ['fast', 'slow']);
    expect(await takeAll(second.outbox.lane('fast'))).toEqual([]);
    expect(numbersOf(await takeAll(second.outbox.lane('slow')))).toEqual(Array.from({ length: 15 }, (_, i) => i + 5));
    for (const item of await takeAll(second.outbox.lane('slow'))) second.outbox.lane('slow').acknowledge(item);
  });

  test('a broker that is new starts with now; one that is gone holds nothing back', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world, ['old']);
    for (let i = 0; i < 5; i++) first.outbox.append(numbered(i));
    await first.outbox.stop(1_000);
    world = rebooted(world);
    const second = await openOutbox(kv, world, ['new']);
    second.outbox.append(numbered(5));
    expect(numbersOf(await takeAll(second.outbox.lane('new')))).toEqual([5]);
    await kv.pass(world, 10_000);
    expect(await count(kv)).toBe(1);
  });

  test('acknowledgements out of order free what they name and nothing else', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    for (let i = 0; i < 10; i++) first.outbox.append(numbered(i));
    await kv.pass(world, 10_000);
    const lane = first.outbox.lane('a');
    const items = await takeAll(lane);
    for (const index of [9, 3, 7, 5]) lane.acknowledge(items[index]!);
    lane.rewind();
    expect(numbersOf(await takeAll(lane))).toEqual([0, 1, 2, 4, 6, 8]);
    await first.outbox.stop(1_000);
    world = rebooted(world);
    const second = await openOutbox(kv, world);
    expect(numbersOf(await takeAll(second.outbox.lane('a')))).toEqual([0, 1, 2, 4, 6, 8]);
  });

  test('what was acknowledged while draining is not sent again after a kill, but for what the window holds', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    for (let i = 0; i < 300; i++) first.outbox.append(numbered(i));
    await kv.pass(world, 10_000);
    const lane = first.outbox.lane('a');
    let acknowledged = 0;
    let most = 0;
    for (let item = await lane.next(); item !== undefined && acknowledged < 200; item = await lane.next()) {
      lane.acknowledge(item);
      acknowledged++;
      most = Math.max(most, lane.unrecorded);
      if (lane.unrecorded >= 16) await kv.idle();
    }
    await kv.idle();
    const unrecorded = lane.unrecorded;
    world = rebooted(world);
    const second = await openOutbox(kv, world);
    const again = numbersOf(await takeAll(second.outbox.lane('a')));
    expect(again[0]).toBeGreaterThanOrEqual(acknowledged - unrecorded);
    expect(most).toBeLessThanOrEqual(16);
    expect(again.at(-1)).toBe(299);
  });

  test('over budget the oldest go first, each counted for each broker that misses it', async () => {
    const world = simulatedWorld();
    const { outbox } = await openOutbox(kv, world, ['a', 'b'], { outboxBytesMax: 20_000, outboxMemoryBytesMax: 10_000 });
    const b = outbox.lane('b');
    for (let i = 0; i < 100; i++) {
      outbox.append(numbered(i, undefined, 900));
      if (i < 30) b.acknowledge((await b.next())!);
      await kv.pass(world, 1_000);
    }
    const left = numbersOf(await takeAll(outbox.lane('a')));
    expect(left.length).toBeGreaterThan(15);
    expect(left).toEqual(Array.from({ length: left.length }, (_, i) => 100 - left.length + i));
    for (const name of ['a', 'b']) {
      const account = outbox.lane(name).account();
      expect(destinationFault(account)).toBe(0);
      expect(account.dropped.overBudget).toBe(100 - left.length - (name === 'b' ? 30 : 0));
    }
    expect(outbox.status().octetsOnDisk).toBeLessThanOrEqual(20_000);
    await kv.pass(world, 1_000);
    expect(await count(kv)).toBeLessThanOrEqual(left.length);
  });

  test('what is too old is dropped and counted, also when its age spans a restart; a clock step ages nothing', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    first.outbox.append(numbered(0, world.clock.wallMs()));
    await world.clock.advance(2_000_000);
    await kv.idle();
    first.outbox.append(numbered(1, world.clock.wallMs()));
    world.clock.stepWall(86_400_000);
    await kv.pass(world, 10_000);
    expect(first.outbox.lane('a').account().dropped.tooOld).toBe(0);
    world.clock.stepWall(-86_400_000);
    await first.outbox.stop(1_000);
    world = rebooted(world);
    const second = await openOutbox(kv, world);
    await world.clock.advance(1_700_000);
    expect(second.outbox.lane('a').account().dropped.tooOld).toBe(1);
    expect(numbersOf(await takeAll(second.outbox.lane('a')))).toEqual([1]);
  });

  test('messages on disk that cannot be read are said, dropped and do not stop the others', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    for (let i = 0; i < 3; i++) first.outbox.append(numbered(i));
    await first.outbox.stop(1_000);
    await kv.batch([
      { key: messageKey(2), value: Buffer.from([1, 0xc1, 0xff]) },
      { key: Buffer.from('m?'), value: Buffer.from('junk') },
    ]);
    world = rebooted(world);
    const second = await openOutbox(kv, world);
    expect(numbersOf(await takeAll(second.outbox.lane('a')))).toEqual([0, 2]);
    expect(second.heard.map(({ event }) => event)).toContain('outboxDamaged');
    expect(await count(kv)).toBe(2);
  });

  test('a broker’s place that cannot be read costs no message: all that is on disk is sent again', async () => {
    let world = simulatedWorld();
    const first = await openOutbox(kv, world);
    for (let i = 0; i < 3; i++) first.outbox.append(numbered(i));
    await first.outbox.stop(1_000);
    await kv.batch([{ key: cursorKey('a'), value: Buffer.from('junk') }]);
    world = rebooted(world);
    const second = await openOutbox(kv, world);
    expect(numbersOf(await takeAll(second.outbox.lane('a')))).toEqual([0, 1, 2]);
  });

  test('what is acknowledged while it is being written is not sent again after a kill', async () => {
    let world = simulatedWorld();
    const held = new HeldKv(kv);
    const first = await openOutbox(held, world, ['fast', 'away']);
    for (let i = 0; i < 20; i++) first.outbox.append(numbered(i));
    const fast = first.outbox.lane('fast');
    const items = await takeAll(fast);
    held.hold();
    const passing = kv.pass(world, 7_000);
    await held.begun;
    for (const item of items) fast.acknowledge(item);
    held.release();
    await passing;
    await kv.pass(world, 3_000);
    expect(fast.unrecorded).toBe(0);
    world = rebooted(world);
    const second = await openOutbox(kv, world, ['fast', 'away']);
    expect(numbersOf(await takeAll(second.outbox.lane('fast')))).toEqual([]);
    expect(numbersOf(await takeAll(second.outbox.lane('away')))).toHaveLength(20);
  });

  test('a message damaged while the outbox runs is counted, and the next goes out', async () => {
    const world = simulatedWorld();
    const { outbox } = await openOutbox(kv, world);
    for (let i = 0; i < 3; i++) outbox.append(numbered(i));
    await kv.pass(world, 10_000);
    await kv.batch([{ key: messageKey(1), value: Buffer.from([99]) }], [messageKey(2)]);
    const lane = outbox.lane('a');
    expect(numbersOf(await takeAll(lane))).toEqual([2]);
    expect(lane.account()).toMatchObject({ dropped: { damaged: 2 }, pending: 1 });
    expect(destinationFault(lane.account())).toBe(0);
  });
});

describe('outbox over a store that fails', () => {
  test('a full disk: goes on in memory within bounds, says so once, and writes again when there is room', async () => {
    const world = simulatedWorld();
    const kv = new MemoryKv();
    const { outbox, heard } = await openOutbox(kv, world, ['a'], { outboxMemoryBytesMax: 10_000 });
    kv.full = true;
    for (let i = 0; i < 40; i++) {
      outbox.append(numbered(i, undefined, 900));
      await world.clock.advance(1_000);
    }
    expect(outbox.status()).toMatchObject({ state: 'stopped', octetsOnDisk: 0 });
    expect(outbox.status().reason).toContain('no space left');
    const lane = outbox.lane('a');
    const left = numbersOf(await takeAll(lane));
    expect(left.length).toBeLessThan(11);
    expect(left.at(-1)).toBe(39);
    expect(lane.account().dropped.overBudget).toBe(40 - left.length);
    kv.full = false;
    await world.clock.advance(2_000);
    expect(outbox.status().state).toBe('open');
    expect(heard.map(({ event }) => event)).toEqual(['outboxStoreFailed', 'outboxStoreBack']);
    expect(destinationFault(lane.account())).toBe(0);
  });

  test('a full disk does not stop what is on disk from being sent and acknowledged', async () => {
    const world = simulatedWorld();
    const kv = new MemoryKv();
    const { outbox } = await openOutbox(kv, world);
    for (let i = 0; i < 100; i++) outbox.append(numbered(i));
    await world.clock.advance(10_000);
    kv.full = true;
    const lane = outbox.lane('a');
    for (const item of await takeAll(lane)) lane.acknowledge(item);
    lane.recordNow();
    await world.clock.advance(2_000);
    expect(lane.unrecorded).toBe(0);
    kv.full = false;
    await world.clock.advance(2_000);
    expect(await count(kv)).toBe(0);
  });

  test('a store that opens late: what was on disk still goes out before what came since', async () => {
    let world = simulatedWorld();
    const kv = new MemoryKv();
    const first = await openOutbox(kv, world);
    for (let i = 0; i < 5; i++) first.outbox.append(numbered(i));
    await first.outbox.stop(1_000);
    await kv.close();

    world = rebooted(world);
    const { outbox } = await openOutbox(kv, world);
    expect(outbox.status().state).toBe('stopped');
    const lane = outbox.lane('a');
    outbox.append(numbered(5));
    lane.acknowledge((await lane.next())!);
    outbox.append(numbered(6));
    outbox.append(numbered(7));
    expect(numberOf((await lane.next())!.message)).toBe(6);
    kv.reopen();
    await world.clock.advance(20_000);
    lane.rewind();
    expect(numbersOf(await takeAll(lane))).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(await count(kv)).toBe(7);
    expect(outbox.status().state).toBe('open');
    expect(destinationFault(lane.account())).toBe(0);
    await outbox.stop(1_000);
    world = rebooted(world);
    const last = await openOutbox(kv, world);
    expect(numbersOf(await takeAll(last.outbox.lane('a')))).toEqual([0, 1, 2, 3, 4, 6, 7]);
  });

  test('a disk that dies with messages on it does not hold up what comes after them', async () => {
    const world = simulatedWorld();
    const kv = new MemoryKv();
    const { outbox } = await openOutbox(kv, world);
    for (let i = 0; i < 3; i++) outbox.append(numbered(i));
    await world.clock.advance(10_000);
    await kv.close();
    for (let i = 3; i < 6; i++) outbox.append(numbered(i));
    const lane = outbox.lane('a');
    const ahead = [(await lane.next())!, (await lane.next())!, (await lane.next())!];
    expect(numbersOf(ahead)).toEqual([3, 4, 5]);
    await expect(lane.next()).rejects.toMatchObject({ code: 'storeClosed' });
    lane.acknowledge(ahead[0]!);
    // The session ends; what was not acknowledged comes again, and once the disk answers, in order.
    lane.rewind();
    kv.reopen();
    expect(numbersOf(await takeAll(lane))).toEqual([0, 1, 2, 4, 5]);
    expect(destinationFault(lane.account())).toBe(0);
  });

  test('a stop that cannot write counts what is lost', async () => {
    const world = simulatedWorld();
    const kv = new MemoryKv();
    const { outbox, heard } = await openOutbox(kv, world);
    outbox.append(numbered(0));
    kv.full = true;
    await outbox.stop(1_000);
    expect(outbox.lane('a').account().dropped.shutdown).toBe(1);
    expect(heard.at(-1)).toMatchObject({ event: 'outboxLost' });
    outbox.append(numbered(1));
    expect(destinationFault(outbox.lane('a').account())).toBe(0);
  });
});

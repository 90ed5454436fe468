/**
 * The outbox against a model under random actions: appends, sends, acknowledgements in any order, lost sessions, kills, power
 * cuts and full disks. A failing seed is printed; put it into `seeds`.
 */
import { describe, expect, test } from 'vitest';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import type { OutboxItem } from '../../src/forward/outbox.ts';
import { decodeMessage, messageRange } from '../../src/forward/outbox_record.ts';
import { numbered, numberOf, openOutbox, rebooted, simulatedWorld } from './outbox_world.ts';

const brokers = ['a', 'b', 'c'];
const window = 20;
const seeds = Array.from({ length: 40 }, (_, i) => i + 1);

describe('outbox against a model', () => {
  test.each(seeds)('seed %i: nothing persisted is lost, order is kept, duplicates stay within the window', async (seed) => {
    const random = new SeededRandom(seed);
    let world = simulatedWorld();
    const kv = new MemoryKv();
    let { outbox } = await openOutbox(kv, world, brokers);
    let appended = 0;
    /** Numbers each broker must still get, because they had time to reach the disk or are in memory. */
    const owed = brokers.map(() => new Set<number>());
    const acknowledged = brokers.map(() => new Set<number>());
    const lastInSession = brokers.map(() => -1);
    let inFlight: OutboxItem[][] = brokers.map(() => []);
    const duplicates = brokers.map(() => 0);
    let kills = 0;
    let fullFor = 0;

    const restart = async (how: 'kill' | 'cut' | 'stop'): Promise<void> => {
      const young = new Set<number>();
      await world.clock.advance(0);
      if (how === 'stop') await outbox.stop(1_000);
      else {
        // A kill takes what is not on disk: whatever the lanes would still read from memory.
        for (const set of owed) for (const number of set) if (!(await onDisk(kv, number))) young.add(number);
        kills++;
      }
      if (how === 'cut') {
        kv.powerCut();
        kv.reopen();
      }
      for (const set of owed) for (const number of young) set.delete(number);
      world = rebooted(world);
      ({ outbox } = await openOutbox(kv, world, brokers));
      inFlight = brokers.map(() => []);
      lastInSession.fill(-1);
      if (how === 'cut') for (const set of acknowledged) set.clear();
    };

    for (let step = 0; step < 400; step++) {
      const broker = random.below(brokers.length);
      const lane = outbox.lane(brokers[broker]!);
      const dice = random.below(100);
      if (dice < 40) {
        outbox.append(numbered(appended));
        for (const set of owed) set.add(appended);
        appended++;
      } else if (dice < 65) {
        if (inFlight[broker]!.length + lane.unrecorded >= window) continue;
        const item = await lane.next();
        if (item === undefined) continue;
        const number = numberOf(item.message);
        expect(number, 'order within a session').toBeGreaterThan(lastInSession[broker]!);
        lastInSession[broker] = number;
        if (acknowledged[broker]!.has(number)) duplicates[broker] = duplicates[broker]! + 1;
        inFlight[broker]!.push(item);
      } else if (dice < 85) {
        const [item] = inFlight[broker]!.splice(random.below(inFlight[broker]!.length), 1);
        if (item === undefined) continue;
        lane.acknowledge(item);
        owed[broker]!.delete(numberOf(item.message));
        acknowledged[broker]!.add(numberOf(item.message));
      } else if (dice < 90) {
        lane.rewind();
        inFlight[broker] = [];
        lastInSession[broker] = -1;
      } else if (dice < 96) {
        await world.clock.advance(random.below(8_000));
      } else if (dice === 96) fullFor = 10;
      else if (dice === 97 && !kv.full) await restart('kill');
      else if (dice === 98 && !kv.full) await restart('cut');
      else if (dice === 99 && !kv.full) await restart('stop');
      kv.full = fullFor > 0;
      fullFor--;
      for (const name of brokers) expect(destinationFault(outbox.lane(name).account())).toBe(0);
    }

    kv.full = false;
    for (const [broker, name] of brokers.entries()) {
      const lane = outbox.lane(name);
      lane.rewind();
      for (let item = await lane.next(); item !== undefined; item = await lane.next()) {
        owed[broker]!.delete(numberOf(item.message));
        lane.acknowledge(item);
      }
      expect([...owed[broker]!], `what ${name} never got`).toEqual([]);
      expect(lane.account()).toMatchObject({ pending: 0 });
      expect(duplicates[broker]).toBeLessThanOrEqual(kills * window);
    }
  });
});

async function onDisk(kv: MemoryKv, number: number): Promise<boolean> {
  for await (const [, value] of kv.entries(messageRange)) {
    if (Buffer.from(value).includes(Buffer.from(`${number} `))) {
      if (numberOf(decodeMessage(value)!) === number) return true;
    }
  }
  return false;
}

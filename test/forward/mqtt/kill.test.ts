/**
 * kill -9 of a process that publishes over an unsteady line, again and again, on a real LevelDB: what was on disk arrives,
 * in order, with duplicates within the window; what was younger may be missing, and only that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { unpack } from 'msgpackr';
import { afterEach, expect, test } from 'vitest';
import { decodeMessage, messageRange } from '../../../src/forward/outbox_record.ts';
import { openLevelKv } from '../../../src/store/level_kv.ts';
import { startBox } from './box.ts';
import { Mosquitto, Relay, Subscriber, temporaryFolder, until } from './broker.ts';

const window = 20;
const rounds = 4;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test('kill -9 at any moment loses nothing that was on disk', async () => {
  const folder = temporaryFolder();
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
  const mosquitto = await Mosquitto.start();
  cleanups.push(() => mosquitto.remove());
  const heard = await Subscriber.connect(mosquitto.port);
  cleanups.push(() => heard.end());
  const between = await Relay.start(mosquitto.port);
  cleanups.push(() => between.stop());
  const numbers = (): number[] => heard.json('/event').map(({ atMs }) => atMs as number);

  let first = 0;
  const durable = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    const child = spawn(
      process.execPath,
      [new URL('publishing_child.ts', import.meta.url).pathname, String(between.port), folder, String(first)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    cleanups.push(async () => void child.kill('SIGKILL'));
    let said = first;
    child.stdout!.on('data', (text: Buffer) => {
      for (const [, count] of text.toString().matchAll(/said (\d+)/g)) said = Number(count);
    });
    await until('the child talks', () => said > first + 200);
    // Half the rounds end with the line down, so that messages are on disk; half while they drain.
    between.shut();
    await new Promise((resolve) => setTimeout(resolve, 1_500 + 150 * round));
    if (round % 2 === 1) {
      between.open();
      const before = heard.received.length;
      await until('it drains', () => heard.received.length > before + 40);
    }
    await kill(child);
    first = said + 100_000;
    // What the store holds now for the broker was on disk before the kill, and must arrive.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const kv = await openLevelKv(folder);
    for await (const [, value] of kv.entries(messageRange)) {
      durable.add((unpack(decodeMessage(value)!.payload) as { atMs: number }).atMs);
    }
    await kv.close();
    between.open();
  }

  const kv = await openLevelKv(folder);
  const last = await startBox(between.port, {}, { kv, first });
  await until('all are acknowledged', () => last.uplink.status().backlogRecords === 0);
  last.say(1);
  await until('the last has arrived', () => numbers().at(-1) === first);
  await last.stop();
  await kv.close();

  const arrived = new Set(numbers());
  expect(durable.size).toBeGreaterThan(1_000);
  expect([...durable].filter((number) => !arrived.has(number))).toEqual([]);
  const inOrder = [...arrived];
  expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
  // One window for each kill, one for each time the line was cut.
  expect(numbers().length - arrived.size).toBeLessThanOrEqual(2 * rounds * window);
  expect(last.heard.map(({ event }) => event)).toContain('gapMarked');
}, 90_000);

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

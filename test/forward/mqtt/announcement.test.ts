/** Announcements of updates over a real Mosquitto: heard on both topics, once for what is retained, never a reason to lose the session. */
import { writeFileSync } from 'node:fs';
import mqtt from 'mqtt';
import { afterEach, expect, test } from 'vitest';
import { SystemClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { MemoryKv } from '../../../src/core/memory_kv.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SystemRandom } from '../../../src/core/random.ts';
import { MqttUplink } from '../../../src/forward/mqtt/uplink.ts';
import { Outbox } from '../../../src/forward/outbox.ts';
import { brokerSettings, identity } from './box.ts';
import { Mosquitto, temporaryFolder, until } from './broker.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function box(port: number) {
  const world = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog, metrics: createMetrics() };
  const { broker, mqtt: settings } = brokerSettings(port);
  const announced: boolean[] = [];
  const told: string[] = [];
  const onEvent = (_level: string, event: string, text: string): void => void told.push(`${event}: ${text}`);
  const outbox = new Outbox({ world, kv: new MemoryKv(), settings, brokers: ['main'], onEvent });
  await outbox.start();
  const uplink = new MqttUplink({
    ...{ world, broker, settings, identity, lane: outbox.lane('main'), onEvent },
    onAnnounced: (isForAll) => announced.push(isForAll),
  });
  await uplink.start();
  cleanups.push(
    () => outbox.stop(1_000),
    () => uplink.stop(1_000),
  );
  await until('the uplink is up', () => uplink.status().state === 'up');
  return { uplink, announced, told };
}

async function operator(port: number) {
  const client = await mqtt.connectAsync({ host: '127.0.0.1', port, protocolVersion: 5 });
  cleanups.push(() => client.endAsync());
  return {
    say: (topic: string, text: string, retain = false) => client.publishAsync(topic, text, { qos: 1, retain }),
  };
}

test('to all boxes and to this one are heard, to others are not; what they carry does not matter', async () => {
  const broker = await Mosquitto.start();
  cleanups.push(() => broker.remove());
  const { announced } = await box(broker.port);
  const somebody = await operator(broker.port);
  await somebody.say('flowspan/v1/update', '1.2.0');
  await somebody.say('flowspan/v1/branch/other/update', '1.2.0');
  await somebody.say('flowspan/v1/branch/box/update', '$(reboot)\u0000');
  await somebody.say('flowspan/v1/update', '1.2.0');
  await until('three are heard', () => announced.length === 3);
  expect(announced).toEqual([true, false, true]);
});

test('what the broker retains is news once, also after the connection was lost', async () => {
  const broker = await Mosquitto.start();
  cleanups.push(() => broker.remove());
  const somebody = await operator(broker.port);
  await somebody.say('flowspan/v1/update', '1.2.0', true);
  const { uplink, announced } = await box(broker.port);
  await until('it is heard', () => announced.length === 1);
  await broker.stop();
  await until('the uplink is down', () => uplink.status().state !== 'up');
  await broker.run();
  await until('the uplink is up', () => uplink.status().state === 'up');
  await (await operator(broker.port)).say('flowspan/v1/update', '1.2.0', true);
  // Published while it listens it is news by itself; then again retained at the next connection it is none.
  await until('it is heard', () => announced.length === 2);
  await broker.stop();
  await until('the uplink is down', () => uplink.status().state !== 'up');
  await broker.run();
  await until('the uplink is up', () => uplink.status().state === 'up');
  const late = await operator(broker.port);
  await late.say('flowspan/v1/branch/box/update', 'another');
  await until('the other is heard', () => announced.length === 3);
  expect(announced).toEqual([true, true, false]);
});

test('a broker that does not let us listen is told of, and used all the same', async () => {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/acl`, 'topic write flowspan/v1/branch/box/#\n');
  const broker = await Mosquitto.start(['listener PORT 127.0.0.1', 'allow_anonymous true', 'acl_file FOLDER/acl'], folder);
  cleanups.push(() => broker.remove());
  const { uplink, told, announced } = await box(broker.port);
  await (await operator(broker.port)).say('flowspan/v1/branch/box/update', '1.2.0');
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(uplink.status().state).toBe('up');
  expect(announced).toEqual([]);
  // Mosquitto grants what its list forbids, and sends nothing; others say so.
  expect(told.filter((one) => /^uplink(Lost|Refused)/.test(one))).toEqual([]);
});

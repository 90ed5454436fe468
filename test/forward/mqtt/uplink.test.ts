/** The uplink against a real Mosquitto: what arrives, in which order, how often, and what is said when it does not. */
import { writeFileSync } from 'node:fs';
import { unpack } from 'msgpackr';
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryKv } from '../../../src/core/memory_kv.ts';
import { destinationFault } from '../../../src/flow/ledger.ts';
import { type Box, startBox } from './box.ts';
import { Mosquitto, Relay, Subscriber, temporaryFolder, until } from './broker.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function broker(...args: Parameters<typeof Mosquitto.start>): Promise<Mosquitto> {
  const started = await Mosquitto.start(...args);
  cleanups.push(() => started.remove());
  return started;
}
async function subscriber(port: number): Promise<Subscriber> {
  const started = await Subscriber.connect(port);
  cleanups.push(() => started.end());
  return started;
}
async function box(...args: Parameters<typeof startBox>): Promise<Box> {
  const started = await startBox(...args);
  cleanups.push(() => started.stop(1_000));
  return started;
}
async function relay(...args: Parameters<typeof Relay.start>): Promise<Relay> {
  const started = await Relay.start(...args);
  cleanups.push(() => started.stop());
  return started;
}

const numbers = (received: Subscriber): number[] => received.json('/event').map(({ atMs }) => atMs as number);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const firsts = (all: readonly number[]): number[] => [...new Set(all)];
const acknowledged = (of: Box): number => of.outbox.lane('main').account().acknowledged;

describe('delivery', () => {
  test('everything arrives once, in order, typed by MQTT 5 properties', async () => {
    const { port } = await broker();
    const heard = await subscriber(port);
    const sender = await box(port);
    sender.say(1_000);
    await until('all have arrived', () => numbers(heard).length >= 1_000);
    expect(numbers(heard)).toEqual(range(1_000));
    const { packet } = heard.on('/event')[0]!;
    expect(packet.topic || heard.on('/event')[0]!.topic).toBe('flowspan/v1/branch/box/event');
    expect(packet.qos).toBe(1);
    expect(packet.properties).toMatchObject({ contentType: 'application/json', payloadFormatIndicator: true });
    expect({ ...packet.properties?.userProperties }).toEqual({ schema: '1' });
    await until('all are acknowledged', () => acknowledged(sender) === 1_000);
    expect(sender.uplink.status()).toMatchObject({
      state: 'up',
      reason: '',
      backlogRecords: 0,
      acknowledgedRecords: 1_000,
      sentRecords: 1_000,
    });
  });

  test('MessagePack goes out as MessagePack', async () => {
    const { port } = await broker();
    const heard = await subscriber(port);
    const sender = await box(port, { encoding: 'msgpack' });
    sender.say(1);
    await until('it has arrived', () => heard.on('/event').length === 1);
    const [message] = heard.on('/event');
    expect(unpack(message!.payload)).toMatchObject({ schema: 1, site: 'branch', event: 'number', atMs: 0 });
    expect(message!.packet.properties).toMatchObject({ contentType: 'application/msgpack' });
    expect(message!.packet.properties?.payloadFormatIndicator ?? false).toBe(false);
  });

  test('a broker that is away for a while gets everything, in order, once it is back', async () => {
    const mosquitto = await broker();
    const heard = await subscriber(mosquitto.port);
    // Through a relay, so that the subscriber is back before the box is.
    const between = await relay(mosquitto.port);
    const sender = await box(between.port);
    sender.say(10);
    await until('the first have arrived', () => numbers(heard).length === 10);
    await mosquitto.stop();
    await until('the loss is noticed', () => sender.uplink.status().state === 'waiting');
    between.shut();
    sender.say(500);
    expect(sender.uplink.status()).toMatchObject({ backlogRecords: 500 });
    expect(sender.uplink.status().reason).not.toBe('');
    await mosquitto.run();
    await heard.ready();
    between.open();
    await until('all have arrived', () => firsts(numbers(heard)).length === 510);
    expect(numbers(heard)).toEqual(range(510));
    expect(sender.heard.map(({ event }) => event)).toContain('uplinkLost');
  });

  test('connections cut in the middle of the window: nothing missing, order kept, duplicates within the window', async () => {
    const mosquitto = await broker();
    const heard = await subscriber(mosquitto.port);
    let octets = 0;
    let cuts = 0;
    const between = await relay(mosquitto.port, (self, fromBroker, data) => {
      octets += data.length;
      // Cutting on an answer of the broker leaves acknowledgements unread, the worst case for duplicates.
      if (fromBroker && octets > 60_000 && cuts < 12) {
        octets = 0;
        cuts++;
        self.cut();
      }
    });
    const sender = await box(between.port, { inFlightMax: 20 });
    sender.say(3_000, 100);
    await until('all have arrived', () => firsts(numbers(heard)).length === 3_000);
    await until('all are acknowledged', () => acknowledged(sender) === 3_000);
    expect(cuts).toBeGreaterThan(8);
    expect(firsts(numbers(heard))).toEqual(range(3_000));
    expect(numbers(heard).length - 3_000).toBeLessThanOrEqual(cuts * 20);
    expect(destinationFault(sender.outbox.lane('main').account())).toBe(0);
  });

  test('a broker killed in the middle of the window gets all it had not acknowledged, in order', async () => {
    const mosquitto = await broker();
    const sender = await box(mosquitto.port, { inFlightMax: 50 });
    sender.say(20_000);
    await until('some are acknowledged', () => acknowledged(sender) > 500);
    await mosquitto.kill();
    await until('the loss is noticed', () => sender.uplink.status().state !== 'up');
    const taken = acknowledged(sender);
    expect(taken).toBeLessThan(20_000);
    await mosquitto.run();
    // The box may be back before the subscriber, who then misses a first part; what it sees must have no hole.
    const heard = await subscriber(mosquitto.port);
    await until('all are acknowledged', () => acknowledged(sender) === 20_000);
    sender.say(1);
    await until('the last has arrived', () => numbers(heard).at(-1) === 20_000);
    const arrived = firsts(numbers(heard));
    expect(arrived).toEqual(range(20_001).slice(20_001 - arrived.length));
  });

  test('a restart of the box with messages waiting: they go out first, from disk', async () => {
    const mosquitto = await broker();
    const heard = await subscriber(mosquitto.port);
    const between = await relay(mosquitto.port);
    between.shut();
    const kv = new MemoryKv();
    const first = await startBox(between.port, {}, { kv });
    first.say(300);
    await first.stop();
    between.open();
    const second = await box(between.port, { inFlightMax: 10 }, { kv, first: 300 });
    second.say(100);
    await until('all have arrived', () => numbers(heard).length >= 400);
    expect(numbers(heard)).toEqual(range(400));
    await until('all are acknowledged', () => second.uplink.status().backlogRecords === 0);
  });

  test('a planned stop delivers what waits, says offline and waits for the broker', async () => {
    const { port } = await broker();
    const heard = await subscriber(port);
    const sender = await startBox(port);
    await until('connected', () => sender.uplink.status().state === 'up');
    sender.say(200);
    await sender.stop();
    expect(sender.outbox.lane('main').account()).toMatchObject({ acknowledged: 200, pending: 0 });
    await until('goodbye has arrived', () => heard.json('/state').at(-1)?.reason === 'stopped');
    expect(numbers(heard)).toEqual(range(200));
    expect(heard.received.at(-1)!.topic).toMatch(/state$/);
    expect(sender.uplink.status().state).toBe('stopped');
  });

  test('a stop while the broker hangs ends in time and forgets nothing', async () => {
    const mosquitto = await broker();
    const kv = new MemoryKv();
    const sender = await startBox(mosquitto.port, {}, { kv });
    await until('connected', () => sender.uplink.status().state === 'up');
    mosquitto.freeze();
    sender.say(20);
    await sender.stop(500);
    mosquitto.thaw();
    const heard = await subscriber(mosquitto.port);
    const again = await box(mosquitto.port, {}, { kv, first: 20 });
    await until('all are acknowledged', () => acknowledged(again) === 20);
    expect(destinationFault(again.outbox.lane('main').account())).toBe(0);
    expect(numbers(heard).at(-1)).toBe(19);
  });

  test('a broker that answers nothing any more is left after acknowledgeTimeoutMs, and everything arrives at last', async () => {
    const mosquitto = await broker();
    const heard = await subscriber(mosquitto.port);
    const between = await relay(mosquitto.port);
    const sender = await box(between.port, { acknowledgeTimeoutMs: 1_000 });
    await until('connected', () => sender.uplink.status().state === 'up');
    between.hold();
    sender.say(30);
    await until('given up', () => sender.heard.some(({ text }) => text.includes('acknowledged nothing')));
    await until('all have arrived', () => firsts(numbers(heard)).length === 30);
    expect(between.connections).toBeGreaterThan(1);
  });

  test('a slow broker holds the box back at its receive maximum and its window', async () => {
    const { port } = await broker(['listener PORT 127.0.0.1', 'allow_anonymous true', 'max_inflight_messages 5']);
    const between = await relay(port);
    const sender = await box(between.port, { inFlightMax: 40 });
    await until('connected', () => sender.uplink.status().state === 'up');
    between.hold();
    sender.say(100);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sender.uplink.status().sentRecords).toBeLessThanOrEqual(40);
    expect(sender.uplink.status().backlogRecords).toBe(100);
  });

  test('over budget the oldest are counted, and what is left arrives in order', async () => {
    const mosquitto = await broker();
    const heard = await subscriber(mosquitto.port);
    const between = await relay(mosquitto.port);
    between.shut();
    const sender = await box(between.port, {}, { outbox: { outboxBytesMax: 50_000, outboxMemoryBytesMax: 65_536 } });
    sender.say(200, 900);
    const account = sender.outbox.lane('main').account();
    expect(account.dropped.overBudget).toBeGreaterThan(100);
    between.open();
    await until('the rest has arrived', () => numbers(heard).length === account.pending);
    expect(numbers(heard)).toEqual(range(200).slice(200 - account.pending));
    expect(sender.uplink.status().droppedRecords).toBe(200 - account.pending);
  });
});

describe('refused messages', () => {
  test('a topic that this user may not publish to: each message is counted and none blocks the others', async () => {
    const folder = temporaryFolder();
    writeFileSync(`${folder}/acl`, 'topic readwrite flowspan/v1/branch/box/state\n');
    const mosquitto = await broker(['listener PORT 127.0.0.1', 'allow_anonymous true', 'acl_file FOLDER/acl'], folder);
    const sender = await box(mosquitto.port);
    sender.say(60);
    await until('all are settled', () => sender.uplink.status().backlogRecords === 0);
    expect(sender.outbox.lane('main').account()).toMatchObject({ acknowledged: 0, dropped: { refused: 60 } });
    expect(sender.heard.map(({ event }) => event)).not.toContain('uplinkLost');
    expect(sender.uplink.status().state).toBe('up');
    expect(sender.heard.find(({ event }) => event === 'publishRefused')?.text).toContain('may not publish');
  });

  test('a message larger than the broker takes is counted; the next one arrives', async () => {
    const { port } = await broker(['listener PORT 127.0.0.1', 'allow_anonymous true', 'max_packet_size 2000']);
    const heard = await subscriber(port);
    const sender = await box(port);
    sender.say(1);
    sender.say(1, 5_000);
    sender.say(1);
    await until('the others have arrived', () => numbers(heard).length === 2);
    expect(numbers(heard)).toEqual([0, 2]);
    await until('all are settled', () => sender.uplink.status().backlogRecords === 0);
    expect(sender.outbox.lane('main').account()).toMatchObject({ acknowledged: 2, dropped: { refused: 1 } });
    expect(sender.heard.find(({ event }) => event === 'publishRefused')?.text).toContain('the broker takes 2000');
  });
});

describe('state', () => {
  test('is retained: who subscribes later still learns it', async () => {
    const { port } = await broker();
    const sender = await box(port);
    await until('connected', () => sender.uplink.status().state === 'up');
    const late = await subscriber(port);
    await until('the state is there', () => late.json('/state').length === 1);
    expect(late.json('/state')[0]).toMatchObject({ schema: 1, site: 'branch', node: 'box', online: true, reason: 'connected' });
    expect(late.received[0]!.packet.retain).toBe(true);
  });

  test('when our socket dies the broker says offline for us, and online again when we are back', async () => {
    const { port } = await broker();
    const heard = await subscriber(port);
    const between = await relay(port);
    const sender = await box(between.port, { retryFirstMs: 400, retryCapMs: 400 });
    await until('online', () => heard.json('/state').length === 1);
    between.cut();
    await until('offline, then online', () => heard.json('/state').length === 3);
    expect(heard.json('/state').map(({ online, reason }) => [online, reason])).toEqual([
      [true, 'connected'],
      [false, 'lost'],
      [true, 'connected'],
    ]);
    // The broker's answer may come to us after its message to others.
    await until('up', () => sender.uplink.status().state === 'up');
  });

  test('a blip shorter than offlineAfterS is not announced', async () => {
    const { port } = await broker();
    const heard = await subscriber(port);
    const between = await relay(port);
    await box(between.port, { offlineAfterS: 30 });
    await until('online', () => heard.json('/state').length === 1);
    between.cut();
    await until('online again', () => heard.json('/state').length === 2);
    expect(heard.json('/state').map(({ online }) => online)).toEqual([true, true]);
  });
});

/** The announcement to Home Assistant: on a real broker, retained; every value it names is in the payload it names. */
import { afterEach, describe, expect, test } from 'vitest';
import { parseSettings } from '../../../src/config/load.ts';
import { discoveryPayload, discoveryTopic } from '../../../src/forward/mqtt/home_assistant.ts';
import { exampleIdentity, examples } from '../../../src/forward/mqtt/payload_examples.ts';
import { type Topic, topics } from '../../../src/forward/mqtt/topics.ts';
import { identity, startBox } from './box.ts';
import { Mosquitto, Relay, Subscriber, until } from './broker.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
async function broker(lines?: readonly string[]): Promise<Mosquitto> {
  const started = await Mosquitto.start(lines);
  cleanups.push(() => started.remove());
  return started;
}
async function subscriber(port: number): Promise<Subscriber> {
  const started = await Subscriber.connect(port);
  cleanups.push(() => started.end());
  return started;
}

interface Component {
  readonly unique_id: string;
  readonly state_topic: string;
  readonly value_template: string;
}
interface Discovery {
  readonly availability: readonly { topic: string; value_template: string }[];
  readonly components: Readonly<Record<string, Component>>;
}
const payload = discoveryPayload('flowspan/v1', exampleIdentity) as Discovery;

describe('the announcement', () => {
  test('names values that are in the payloads of their topics', () => {
    const readers = [
      ...Object.values(payload.components),
      ...payload.availability.map((one) => ({ state_topic: one.topic, ...one })),
    ];
    expect(readers.length).toBeGreaterThan(12);
    for (const { state_topic, value_template } of readers) {
      const topic = (Object.keys(topics) as Topic[]).find((one) =>
        state_topic.endsWith(`/${exampleIdentity.node}/${topics[one].name}`),
      );
      const paths = [...value_template.matchAll(/value_json((?:\.\w+)+)/g)].map(([, path]) => path!.slice(1).split('.'));
      expect(paths.length).toBeGreaterThan(0);
      for (const path of paths) {
        const value = path.reduce<unknown>((from, key) => (from as Record<string, unknown> | undefined)?.[key], examples[topic!]);
        expect({ value_template, value }).not.toEqual({ value_template, value: undefined });
      }
    }
    // The attribute that sums go over.
    expect((examples.health as { uplinks: object[] }).uplinks[0]).toMatchObject({
      backlogRecords: expect.any(Number),
      state: expect.any(String),
    });
  });

  test('bears ids that Home Assistant takes, whatever site and node are called', () => {
    const odd = { site: 'Zürich.1', node: 'box 1/2' };
    expect(discoveryTopic('homeassistant', odd)).toMatch(/^homeassistant\/device\/[A-Za-z0-9_-]+\/config$/);
    const ids = Object.values(payload.components).map(({ unique_id }) => unique_id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is retained at the broker, and made again when the broker has forgotten it', async () => {
    const mosquitto = await broker();
    const box = await startBox(mosquitto.port, { homeAssistantPrefix: 'homeassistant' });
    cleanups.push(() => box.stop(500));
    await until('it is up', () => box.uplink.status().state === 'up');
    const heard = await subscriber(mosquitto.port);
    await until('it is there for who comes later', () => heard.on('/config').length === 1);
    const [one] = heard.on('/config');
    expect(one!.topic).toBe(discoveryTopic('homeassistant', identity));
    expect(one!.packet.retain).toBe(true);
    expect(JSON.parse(one!.payload.toString())).toEqual(discoveryPayload('flowspan/v1', identity));
    await heard.end(); // its name is the next one's too
    await mosquitto.kill();
    await mosquitto.run();
    const again = await subscriber(mosquitto.port);
    await until('it is announced again', () => again.on('/config').length === 1);
  });

  test('that a broker refuses costs nothing else', async () => {
    const lines = ['listener PORT 127.0.0.1', 'allow_anonymous true', 'acl_file FOLDER/acl'];
    const { writeFileSync } = await import('node:fs');
    const { temporaryFolder } = await import('./broker.ts');
    const folder = temporaryFolder();
    writeFileSync(`${folder}/acl`, 'topic readwrite flowspan/#\n');
    const mosquitto = await Mosquitto.start(lines, folder);
    cleanups.push(() => mosquitto.remove());
    const heard = await subscriber(mosquitto.port);
    const box = await startBox(mosquitto.port, { homeAssistantPrefix: 'homeassistant' });
    cleanups.push(() => box.stop(500));
    box.say(3);
    await until('events arrive', () => heard.on('/event').length === 3);
    expect(box.uplink.status().state).toBe('up');
    expect(box.heard.some(({ event, text }) => event === 'publishRefused' && text.includes('Home Assistant'))).toBe(true);
  });

  test('needs JSON, and says so', () => {
    const result = parseSettings('mqtt: {brokers: [{name: a, host: h, encoding: msgpack, homeAssistantPrefix: homeassistant}]}');
    expect(JSON.stringify(result)).toMatch(/json where homeAssistantPrefix is set/);
  });
});

test('on the wire: session expiry and will delay in CONNECT, and a topic once, its alias from then on', async () => {
  const mosquitto = await broker();
  const heard = await subscriber(mosquitto.port);
  const sent: Buffer[] = [];
  const relay = await Relay.start(mosquitto.port, (_, fromBroker, octets) => {
    if (!fromBroker) sent.push(octets);
  });
  cleanups.push(() => relay.stop());
  const box = await startBox(relay.port, { sessionExpiryS: 90, offlineAfterS: 7 });
  cleanups.push(() => box.stop(500));
  box.say(50);
  await until('all have arrived', () => heard.on('/event').length === 50);
  const stream = Buffer.concat(sent);
  // MQTT 5 3.1.2.11.2: Session Expiry Interval, property 17; 3.1.3.2.2: Will Delay Interval, property 24.
  expect(stream.subarray(0, 200).includes(Buffer.of(0x11, 0, 0, 0, 90))).toBe(true);
  expect(stream.subarray(0, 200).includes(Buffer.of(0x18, 0, 0, 0, 7))).toBe(true);
  // 3.3.2.3.4: once told, an alias stands for the topic.
  expect(stream.toString('latin1').split('flowspan/v1/branch/box/event').length - 1).toBe(1);
});

import { unpack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { exampleStatus, exampleWindow } from '../../../src/forward/mqtt/payload_examples.ts';
import { MqttReporter } from '../../../src/forward/mqtt/reporter.ts';
import type { OutboxMessage } from '../../../src/forward/outbox.ts';
import { simulatedWorld } from '../outbox_world.ts';
import { brokerSettings } from './box.ts';

function reporter(brokers = true, status = () => exampleStatus) {
  const world = simulatedWorld();
  const { mqtt } = brokerSettings(1883);
  const messages: OutboxMessage[] = [];
  const settings = brokers ? mqtt : { ...mqtt, brokers: [] };
  const identity = { site: 's', node: 'n' };
  return {
    world,
    messages,
    reporter: new MqttReporter({ world, settings, identity, append: (message) => messages.push(message), status }),
  };
}

describe('reporter', () => {
  test('says health every period, each closed minute and hour, each event; 10 s windows stay on the box', async () => {
    const { world, messages, reporter: made } = reporter();
    await made.start();
    await world.clock.advance(180_000);
    made.windowClosed({ ...exampleWindow, tier: '10s' });
    made.windowClosed(exampleWindow);
    made.windowClosed({ ...exampleWindow, tier: '1h' });
    made.event({ atMs: 5, level: 'warn', event: 'uplinkLost', text: 'x' });
    await made.stop(1_000);
    await world.clock.advance(180_000);
    expect(messages.map(({ topic }) => topic.replace('flowspan/v1/s/n/', ''))).toEqual([
      ...['health', 'health', 'health', 'summary/1m', 'summary/1h', 'event'],
    ]);
    expect(messages.every(({ retain }) => !retain)).toBe(true);
    expect(unpack(messages.at(-1)!.payload)).toEqual({
      schema: 1,
      site: 's',
      node: 'n',
      atMs: 5,
      level: 'warn',
      event: 'uplinkLost',
      text: 'x',
    });
  });

  test('without a broker it says nothing, and a status that fails does not end the reporting', async () => {
    const silent = reporter(false);
    await silent.reporter.start();
    silent.reporter.windowClosed(exampleWindow);
    await silent.world.clock.advance(600_000);
    expect(silent.messages).toEqual([]);

    let calls = 0;
    const shaky = reporter(true, () => {
      if (calls++ === 0) throw new Error('not yet');
      return exampleStatus;
    });
    await shaky.reporter.start();
    await shaky.world.clock.advance(130_000);
    expect(shaky.messages).toHaveLength(1);
  });
});

test('events of a box that does not know the time wait for it, bounded, and then bear the time at which they happened', async () => {
  let awaited = true;
  const world = simulatedWorld();
  const { mqtt } = brokerSettings(1883);
  const said: { atMs: number; text: string }[] = [];
  const made = new MqttReporter({
    world,
    settings: mqtt,
    identity: { site: 's', node: 'n' },
    append: ({ payload }) => said.push(unpack(payload) as { atMs: number; text: string }),
    status: () => exampleStatus,
    timeAwaited: () => awaited,
  });
  const say = (text: string): void => made.event({ atMs: world.clock.wallMs(), level: 'info', event: 'e', text });
  const startMs = world.clock.wallMs();
  for (let i = 0; i < 250; i++) say(`early ${i}`);
  await world.clock.advance(5_000);
  say('late');
  expect(said).toEqual([]);
  world.clock.stepWall(3_600_000);
  awaited = false;
  await world.clock.advance(1_000);
  // The oldest had to make room.
  expect(said).toHaveLength(200);
  expect(said[0]).toMatchObject({ text: 'early 51', atMs: startMs + 3_600_000 });
  expect(said.at(-1)).toMatchObject({ text: 'late', atMs: startMs + 3_605_000 });
  say('known');
  expect(said.at(-1)).toMatchObject({ text: 'known', atMs: startMs + 3_606_000 });
  await world.clock.advance(10_000);
  expect(said).toHaveLength(201);
});

/** A box's MQTT side as the appliance composes it, on the real clock, with short waits. */
import { type BrokerSettings, type Settings, settingsSchema } from '../../../src/config/schema.ts';
import { type Clock, SystemClock } from '../../../src/core/clock.ts';
import type { Kv } from '../../../src/core/kv.ts';
import { silentLog } from '../../../src/core/log.ts';
import { MemoryKv } from '../../../src/core/memory_kv.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SystemRandom } from '../../../src/core/random.ts';
import { encodePayload } from '../../../src/forward/mqtt/encoding.ts';
import { eventPayload, schemaVersions } from '../../../src/forward/mqtt/payloads.ts';
import { topicName } from '../../../src/forward/mqtt/topics.ts';
import { MqttUplink } from '../../../src/forward/mqtt/uplink.ts';
import { Outbox, type OutboxSettings } from '../../../src/forward/outbox.ts';

export const identity = { site: 'branch', node: 'box' };

export interface Box {
  readonly outbox: Outbox;
  readonly uplink: MqttUplink;
  readonly heard: { level: string; event: string; text: string }[];
  /** Puts the next numbered event into the outbox. */
  say(count: number, padding?: number): void;
  stop(deadlineMs?: number): Promise<void>;
}

export function brokerSettings(
  port: number,
  changes: Partial<BrokerSettings> = {},
): { broker: BrokerSettings; mqtt: Settings['mqtt'] } {
  const { mqtt } = settingsSchema.parse({
    mqtt: {
      brokers: [
        {
          name: 'main',
          host: '127.0.0.1',
          port,
          retryFirstMs: 20,
          retryCapMs: 200,
          connectTimeoutMs: 3_000,
          offlineAfterS: 0,
          ...changes,
        },
      ],
    },
  });
  return { broker: mqtt.brokers[0]!, mqtt };
}

export async function startBox(
  port: number,
  changes: Partial<BrokerSettings> = {},
  options: { kv?: Kv; outbox?: Partial<OutboxSettings>; first?: number; clock?: Clock } = {},
): Promise<Box> {
  const world = {
    clock: options.clock ?? new SystemClock(),
    random: new SystemRandom(),
    log: silentLog,
    metrics: createMetrics(),
  };
  const { broker, mqtt } = brokerSettings(port, changes);
  const heard: Box['heard'] = [];
  const onEvent = (level: string, event: string, text: string): void => void heard.push({ level, event, text });
  const outbox = new Outbox({
    world,
    kv: options.kv ?? new MemoryKv(),
    settings: { ...mqtt, ...options.outbox },
    brokers: ['main'],
    onEvent,
  });
  await outbox.start();
  const uplink = new MqttUplink({ world, broker, settings: mqtt, identity, lane: outbox.lane('main'), onEvent });
  await uplink.start();
  let next = options.first ?? 0;
  return {
    outbox,
    uplink,
    heard,
    say(count, padding = 0) {
      for (let i = 0; i < count; i++) {
        const event = { atMs: next, level: 'info', event: `number`, text: `${next++} ${'x'.repeat(padding)}` } as const;
        outbox.append({
          topic: topicName('event', mqtt.topicPrefix, identity),
          retain: false,
          schemaVersion: schemaVersions.event,
          atMs: world.clock.wallMs(),
          ...encodePayload(eventPayload(identity, event)),
        });
      }
    },
    async stop(deadlineMs = 5_000) {
      await uplink.stop(deadlineMs);
      await outbox.stop(deadlineMs);
    },
  };
}

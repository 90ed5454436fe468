/**
 * Puts what is to be said over MQTT into the outbox: health by period, a summary for each closed window, events as they
 * happen. Does nothing when no broker is set. Owned by the main event loop.
 */
import type { MqttSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import type { World } from '../../core/world.ts';
import type { HistoryWindow } from '../../flow/history_shapes.ts';
import type { BoxEvent, BoxStatus } from '../../flow/status_shapes.ts';
import type { OutboxMessage } from '../outbox.ts';
import { encodePayload } from './encoding.ts';
import { eventPayload, healthPayload, schemaVersions, summaryPayload } from './payloads.ts';
import { type Identity, type Topic, topicName, topics } from './topics.ts';

export interface MqttReporterParts {
  readonly world: World;
  readonly settings: MqttSettings;
  readonly identity: Identity;
  /** Where messages go: `outbox.append`. */
  readonly append: (message: OutboxMessage) => void;
  readonly status: () => BoxStatus;
}

export class MqttReporter implements Service {
  readonly name = 'mqtt reporter';
  readonly #parts: MqttReporterParts;
  #timer: Timer | undefined;

  constructor(parts: MqttReporterParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const { world, settings } = this.#parts;
    if (!this.#enabled) return;
    this.#timer = world.clock.every(
      settings.healthPeriodS * 1_000,
      () => this.#publish('health', healthPayload(this.#parts.status())),
      (error) => world.log.error('healthFailed', { reason: messageOf(error) }),
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
  }

  /** A window of the history has closed. 10 s windows stay on the box. */
  windowClosed(window: HistoryWindow): void {
    if (window.tier === '10s') return;
    const topic = window.tier === '1m' ? 'summary1m' : 'summary1h';
    this.#publish(topic, summaryPayload(window, this.#parts.identity, this.#parts.settings.summaryTop));
  }

  event(event: BoxEvent): void {
    this.#publish('event', eventPayload(this.#parts.identity, event));
  }

  get #enabled(): boolean {
    return this.#parts.settings.brokers.length > 0;
  }

  #publish(topic: Topic, payload: object): void {
    if (!this.#enabled) return;
    const { append, settings, identity, world } = this.#parts;
    append({
      topic: topicName(topic, settings.topicPrefix, identity),
      retain: topics[topic].retain,
      schemaVersion: schemaVersions[topic],
      atMs: Math.round(world.clock.wallMs()),
      ...encodePayload(payload),
    });
  }
}

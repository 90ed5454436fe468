/**
 * Puts what is to be said over MQTT into the outbox: health by period, a summary for each closed window, events as they
 * happen. Does nothing when no broker is set. Owned by the main event loop.
 */
import type { MqttSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import { BoundedQueue } from '../../core/queue.ts';
import type { World } from '../../core/world.ts';
import type { Alert } from '../../flow/alert_shapes.ts';
import type { HistoryWindow } from '../../flow/history_shapes.ts';
import type { BoxEvent, BoxStatus } from '../../flow/status_shapes.ts';
import type { OutboxMessage } from '../outbox.ts';
import { encodePayload } from './encoding.ts';
import { alertPayload, eventPayload, healthPayload, schemaVersions, summaryPayload } from './payloads.ts';
import { type Identity, type Topic, topicName, topics } from './topics.ts';

export interface MqttReporterParts {
  readonly world: World;
  readonly settings: MqttSettings;
  readonly identity: Identity;
  /** Where messages go: `outbox.append`. */
  readonly append: (message: OutboxMessage) => void;
  readonly status: () => BoxStatus;
  /** The time is not known yet and expected: events wait for it. Absent: never. */
  readonly timeAwaited?: () => boolean;
}

const heldMax = 200;
const timeRetryMs = 1_000;

export class MqttReporter implements Service {
  readonly name = 'mqtt reporter';
  readonly #parts: MqttReporterParts;
  #timer: Timer | undefined;
  /** Events that wait for the time, the oldest first. */
  readonly #held: BoundedQueue<{ readonly event: BoxEvent; readonly atMonotonicMs: number }>;
  #release: Timer | undefined;

  constructor(parts: MqttReporterParts) {
    this.#parts = parts;
    this.#held = new BoundedQueue('mqttEventsWithoutTime', heldMax, 'drop-oldest');
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
    this.#release?.cancel();
    this.#publishHeld();
  }

  /** A window of the history has closed. 10 s windows stay on the box. */
  windowClosed(window: HistoryWindow): void {
    if (window.tier === '10s') return;
    const topic = window.tier === '1m' ? 'summary1m' : 'summary1h';
    this.#publish(topic, summaryPayload(window, this.#parts.identity, this.#parts.settings.summaryTop));
  }

  /** An alert has changed: kept by the broker, so that whoever comes later sees what stands. */
  alert(alert: Alert): void {
    this.#publish('alert', alertPayload(this.#parts.identity, alert), alert.id);
  }

  /** An event of a box that does not know the time yet waits until it does, or is not expected to any more. */
  event(event: BoxEvent): void {
    if (!this.#enabled) return;
    const { world, timeAwaited, identity } = this.#parts;
    if (timeAwaited?.() === true) {
      this.#held.push({ event, atMonotonicMs: world.clock.monotonicMs() });
      this.#release ??= this.#watch();
      return;
    }
    this.#publishHeld();
    this.#publish('event', eventPayload(identity, event));
  }

  #watch(): Timer {
    const { world, timeAwaited } = this.#parts;
    return world.clock.every(
      timeRetryMs,
      () => {
        if (timeAwaited?.() === true) return;
        this.#release?.cancel();
        this.#release = undefined;
        this.#publishHeld();
      },
      (error) => world.log.error('eventsFailed', { reason: messageOf(error) }),
    );
  }

  #publishHeld(): void {
    const { clock } = this.#parts.world;
    for (let held = this.#held.shift(); held !== undefined; held = this.#held.shift()) {
      const atMs = Math.round(clock.wallMs() - (clock.monotonicMs() - held.atMonotonicMs));
      this.#publish('event', eventPayload(this.#parts.identity, { ...held.event, atMs }));
    }
  }

  get #enabled(): boolean {
    return this.#parts.settings.brokers.length > 0;
  }

  #publish(topic: Topic, payload: object, id = ''): void {
    if (!this.#enabled) return;
    const { append, settings, identity, world } = this.#parts;
    append({
      topic: topicName(topic, settings.topicPrefix, identity, id),
      retain: topics[topic].retain,
      schemaVersion: schemaVersions[topic],
      atMs: Math.round(world.clock.wallMs()),
      ...encodePayload(payload),
    });
  }
}

/**
 * The uplink to one broker: connects, says `online`, delivers what the outbox holds, and starts over when the connection is
 * lost. Messages that were on their way then are sent again in order; duplicates never exceed the window.
 *
 * Owned by the main event loop.
 */
import { createHash } from 'node:crypto';
import type { BrokerSettings, MqttSettings } from '../../config/schema.ts';
import { type Timer, withDeadline } from '../../core/clock.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import { RetrySchedule } from '../../core/retry.ts';
import type { World } from '../../core/world.ts';
import type { BoxEvent, UplinkState, UplinkStatus } from '../../flow/status_shapes.ts';
import { VERSION } from '../../flow/version.ts';
import type { OutboxLane } from '../outbox.ts';
import { Delivery } from './delivery.ts';
import { encodePayload, payloadFor } from './encoding.ts';
import { isRefusal } from './failure.ts';
import { discoveryPayload, discoveryTopic } from './home_assistant.ts';
import { type StatePayload, schemaVersions, statePayload } from './payloads.ts';
import { addressOf, type MqttSession, type OpenSession, openSession, type Publication } from './session.ts';
import { announcementTopics, type Identity, topicName, topics } from './topics.ts';

export interface MqttUplinkParts {
  readonly world: World;
  readonly broker: BrokerSettings;
  readonly settings: Pick<MqttSettings, 'topicPrefix'>;
  readonly identity: Identity;
  readonly lane: OutboxLane;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
  /** Somebody says that there are updates, to this box or to all. Absent: it does not listen. */
  readonly onAnnounced?: (isForAll: boolean) => void;
  /** Another way to a broker, for the simulation. */
  readonly open?: OpenSession;
}

/** A session that lasted this long, or delivered something, was a good one: the next retry is quick again. */
const goodSessionMs = 10_000;
/** A planned stop waits no longer for a broker that takes its time: what it has not taken is on disk. */
const stopMaxMs = 15_000;
/** Share of a stop's deadline in which waiting messages are still sent; the rest is for the goodbye. */
const drainShare = 0.6;

export class MqttUplink implements Service {
  readonly name: string;
  readonly #parts: MqttUplinkParts;
  readonly #world: World;
  readonly #address: string;
  readonly #retry: RetrySchedule;
  /** For what a person must set right: no quick tries. */
  readonly #slowRetry: RetrySchedule;
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #session: MqttSession | undefined;
  #delivery: Delivery | undefined;
  #stopping = false;
  #state: UplinkState = 'stopped';
  #reason = '';
  #sinceMs = 0;
  #retryAtMs = 0;
  #sentBefore = 0;
  #suspects = 0;
  /** What was said of this outage: each kind of trouble once, however often it is met. */
  readonly #said = new Set<string>();
  /** Digest of what was announced last, by topic: a broker tells what it retained again at each connection. */
  readonly #heard = new Map<string, string>();

  constructor(parts: MqttUplinkParts) {
    const { broker, world } = parts;
    this.name = `mqtt ${broker.name}`;
    this.#parts = parts;
    this.#world = world;
    this.#address = addressOf(broker);
    this.#retry = new RetrySchedule({ firstMs: broker.retryFirstMs, capMs: broker.retryCapMs }, world.random);
    this.#slowRetry = new RetrySchedule({ firstMs: broker.retryCapMs, capMs: broker.retryCapMs }, world.random);
  }

  /** Resolves at once: a broker that is away is no reason not to start. */
  async start(): Promise<void> {
    this.#parts.lane.onWork(() => this.#delivery?.wake());
    this.#running = this.#run();
  }

  /** Sends what it can, says `offline` and waits for the acknowledgements, all within the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#world;
    const ownDeadlineMs = Math.min(deadlineMs, stopMaxMs);
    this.#stopping = true;
    let tooLate: Timer | undefined;
    if (this.#delivery === undefined) this.#abort.abort(new ApplianceError('connectionLost', 'stopped'));
    else {
      this.#delivery.drain(ownDeadlineMs * drainShare);
      tooLate = clock.after(ownDeadlineMs * 0.95, () =>
        this.#session?.drop(new ApplianceError('deadlineExceeded', 'no time left to stop')),
      );
    }
    await this.#running;
    tooLate?.cancel();
    this.#set('stopped', '');
  }

  status(): UplinkStatus {
    const { lane, broker } = this.#parts;
    const account = lane.account();
    const bornMs = lane.oldestBornMs();
    return {
      name: broker.name,
      kind: 'mqtt',
      address: this.#address,
      state: this.#state,
      sinceMs: this.#sinceMs,
      reason: this.#reason,
      backlogRecords: account.pending,
      backlogOctets: lane.pendingOctets,
      backlogAgeMs: bornMs === undefined ? 0 : Math.round(this.#world.clock.monotonicMs() - bornMs),
      catchUp: null,
      sentRecords: this.#sentBefore + (this.#delivery?.sent ?? 0),
      acknowledgedRecords: account.acknowledged,
      droppedRecords: Object.values(account.dropped).reduce((sum, count) => sum + count, 0),
      latencyP50Ms: null,
      latencyP99Ms: null,
      proof: 'the broker has taken each message over (PUBACK)',
      retryAtMs: this.#retryAtMs,
    };
  }

  async #run(): Promise<void> {
    const { clock } = this.#world;
    while (!this.#stopping) {
      this.#set('connecting', this.#reason);
      const failure = await this.#connectAndDeliver();
      if (this.#stopping || failure === undefined) return;
      const refused = isRefusal(failure);
      const delayMs = (refused ? this.#slowRetry : this.#retry).nextMs();
      this.#set(refused ? 'refused' : 'waiting', failure.message, Math.round(clock.wallMs() + delayMs));
      const event = refused ? 'uplinkRefused' : 'uplinkLost';
      const kind = `${event} ${failure.code}`;
      if (!this.#said.has(kind)) this.#say('warn', event, failure.message);
      this.#said.add(kind);
      try {
        await clock.sleep(delayMs, this.#abort.signal);
      } catch {
        // The stop aborts the sleep, and nothing else.
        return;
      }
    }
  }

  /** One session from beginning to end. Returns why it ended, undefined for a planned stop. */
  async #connectAndDeliver(): Promise<ApplianceError | undefined> {
    const { lane, broker } = this.#parts;
    const { clock } = this.#world;
    const open = this.#parts.open ?? openSession;
    const will = this.#statePublication('lost');
    try {
      const clientId = `flowspan-${this.#parts.identity.site}-${this.#parts.identity.node}`;
      this.#session = await open({ broker, clientId, will, clock }, this.#abort.signal);
    } catch (error) {
      return operating(error);
    }
    const session = this.#session;
    const startedMs = clock.monotonicMs();
    const delivery = new Delivery({
      session,
      lane,
      broker,
      clock,
      suspects: this.#suspects,
      onRefused: (error) => this.#say('error', 'publishRefused', `given up: ${error.message}`),
    });
    this.#delivery = delivery;
    if (this.#stopping) delivery.drain(0);
    try {
      await this.#publishState(session, 'connected');
      await this.#listen(session);
      if (broker.homeAssistantPrefix !== '') await this.#announce(session, broker.homeAssistantPrefix);
      const ended = await delivery.run();
      if (ended !== undefined) return ended;
      await this.#publishState(session, 'stopped');
      await session.close();
      return undefined;
    } catch (error) {
      return operating(error);
    } finally {
      if (delivery.acknowledged + delivery.refused > 0 || clock.monotonicMs() - startedMs >= goodSessionMs) this.#retry.reset();
      delivery.close();
      this.#suspects = delivery.suspects > 0 ? delivery.suspects : Math.max(0, this.#suspects - delivery.acknowledged);
      this.#sentBefore += delivery.sent;
      this.#delivery = undefined;
      session.drop(new ApplianceError('connectionLost', 'done with'));
      this.#session = undefined;
      lane.rewind();
    }
  }

  /** The retained state; a broker that refuses it may still take the rest. */
  async #publishState(session: MqttSession, reason: StatePayload['reason']): Promise<void> {
    await this.#publishRetained(session, this.#statePublication(reason), 'the state of this box');
    if (reason !== 'connected') return;
    this.#set('up', '');
    this.#said.clear();
    this.#say('info', 'uplinkUp', `connected to ${this.#address}`);
  }

  /** A broker that does not let us listen may still take what we have to say. */
  async #listen(session: MqttSession): Promise<void> {
    const { onAnnounced, settings, identity } = this.#parts;
    if (onAnnounced === undefined) return;
    const { all, own } = announcementTopics(settings.topicPrefix, identity);
    const late = 'the broker has not acknowledged that we listen for updates';
    const listening = session.subscribe([all, own], (topic, payload, isRetained) => {
      if (topic !== all && topic !== own) return;
      const digest = createHash('sha256').update(payload).digest('hex');
      const isKnown = isRetained && this.#heard.get(topic) === digest;
      this.#heard.set(topic, digest);
      if (!isKnown) onAnnounced(topic === all);
    });
    try {
      await withDeadline(this.#world.clock, this.#parts.broker.acknowledgeTimeoutMs, late, listening);
    } catch (error) {
      const failure = operating(error);
      if (failure.code !== 'publishRefused') throw failure;
      this.#say('warn', 'subscribeRefused', `listening for updates: ${failure.message}`);
    }
  }

  /** At each connection, since a broker may have lost what it retained; one that refuses it may still take the rest. */
  async #announce(session: MqttSession, prefix: string): Promise<void> {
    const { identity, settings } = this.#parts;
    const publication = {
      topic: discoveryTopic(prefix, identity),
      retain: true,
      schemaVersion: 1,
      ...payloadFor('json', encodePayload(discoveryPayload(settings.topicPrefix, identity))),
    };
    await this.#publishRetained(session, publication, 'the announcement to Home Assistant');
  }

  async #publishRetained(session: MqttSession, publication: Publication, what: string): Promise<void> {
    const late = `the broker has not acknowledged ${what}`;
    try {
      await withDeadline(this.#world.clock, this.#parts.broker.acknowledgeTimeoutMs, late, session.publish(publication));
    } catch (error) {
      const failure = operating(error);
      if (failure.code !== 'publishRefused' && failure.code !== 'messageTooLong') throw failure;
      this.#say('warn', 'publishRefused', `${what}: ${failure.message}`);
    }
  }

  #statePublication(reason: StatePayload['reason']): Publication {
    const { identity, settings, broker } = this.#parts;
    const payload = statePayload(identity, reason, VERSION, Math.round(this.#world.clock.wallMs()));
    return {
      topic: topicName('state', settings.topicPrefix, identity),
      retain: topics.state.retain,
      schemaVersion: schemaVersions.state,
      ...payloadFor(broker.encoding, encodePayload(payload)),
    };
  }

  #set(state: UplinkState, reason: string, retryAtMs = 0): void {
    if (state !== this.#state) this.#sinceMs = Math.round(this.#world.clock.wallMs());
    this.#state = state;
    this.#reason = reason;
    this.#retryAtMs = retryAtMs;
  }

  #say(level: BoxEvent['level'], event: string, text: string): void {
    const { onEvent, broker } = this.#parts;
    if (onEvent === undefined) this.#world.log[level](event, { broker: broker.name, text });
    else onEvent(level, event, `MQTT broker ${broker.name}: ${text}`);
  }
}

/** Anything else is a bug and goes on to the supervisor. */
function operating(error: unknown): ApplianceError {
  if (error instanceof ApplianceError) return error;
  throw new Error(`unexpected failure of an MQTT session: ${messageOf(error)}`, { cause: error });
}

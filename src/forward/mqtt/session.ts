/**
 * One session with a broker: MQTT 5 through the `mqtt` package, used as a transport and no more. The package never
 * reconnects, never queues and never resends: when the connection is gone the client is thrown away and every publish that
 * was not acknowledged rejects here, because the package itself never calls those back. An edge.
 */
import type { Socket } from 'node:net';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import type { BrokerSettings } from '../../config/schema.ts';
import { type Clock, withDeadline } from '../../core/clock.ts';
import { ApplianceError } from '../../core/errors.ts';
import { publishFailure, refusal, socketFailure } from './failure.ts';
import { openSocket, passwordOf } from './socket.ts';

export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly contentType: string;
  readonly isText: boolean;
  readonly schemaVersion: number;
}

export interface SessionOptions {
  readonly broker: BrokerSettings;
  readonly clientId: string;
  readonly will: Publication;
  readonly clock: Clock;
}

/** What the broker allows, from its CONNACK. */
export interface BrokerLimits {
  /** MQTT 5 3.2.2.3.3: QoS 1 messages on the way at most. */
  readonly receiveMaximum: number;
  /** MQTT 5 3.2.2.3.6: largest packet in octets. */
  readonly packetBytesMax: number;
  readonly retainAvailable: boolean;
}

export interface MqttSession {
  readonly limits: BrokerLimits;
  /**
   * QoS 1. Resolves at the PUBACK. Rejects with `publishRefused` (reason code in `fields`), `messageTooLong`, or with why
   * the session ended.
   */
  publish(publication: Publication): Promise<void>;
  /**
   * Hears messages on these topics, at most once each: `isRetained` for what the broker kept. Larger ones than `heardOctetsMax` the broker
   * leaves out. Rejects with `publishRefused` where the broker does not let us.
   */
  subscribe(
    topics: readonly string[],
    onMessage: (topic: string, payload: Uint8Array, isRetained: boolean) => void,
  ): Promise<void>;
  /** Resolves with the reason once the session is gone; never rejects. */
  readonly ended: Promise<ApplianceError>;
  /** DISCONNECT with reason code 0: the broker forgets the last will. */
  close(): Promise<void>;
  /** Ends at once, without a word to the broker. */
  drop(reason: ApplianceError): void;
}

/** Opens a session; rejects with an ApplianceError in words for a technician. The signal gives the attempt up. */
export type OpenSession = (options: SessionOptions, signal: AbortSignal) => Promise<MqttSession>;

export const openSession: OpenSession = async (options, signal) => {
  const { broker, clock } = options;
  const attempt = new AbortController();
  try {
    return await withDeadline(
      clock,
      broker.connectTimeoutMs,
      'connecting',
      connect(options, AbortSignal.any([signal, attempt.signal])),
    );
  } catch (error) {
    if (error instanceof ApplianceError && error.code === 'deadlineExceeded') {
      const words = `${addressOf(broker)}: no answer within ${broker.connectTimeoutMs} ms`;
      throw new ApplianceError('connectTimedOut', words, { cause: error });
    }
    throw unanswered(socketFailure(error, addressOf(broker)), addressOf(broker));
  } finally {
    // After a time-out this ends what is still under way; a session that stands has let go of the signal.
    attempt.abort();
  }
};

/** A connection that is lost before the broker has answered is most often one to the wrong port. */
function unanswered(failure: ApplianceError, address: string): ApplianceError {
  if (failure.code !== 'connectionLost' || failure.fields.reasonCode !== undefined) return failure;
  const words = `${address}: the connection was closed before the broker answered: is it the right port, with TLS as it is set?`;
  return new ApplianceError('connectionLost', words, { cause: failure });
}

/** `mqtts://broker.example:8883`, without credentials. */
export function addressOf(broker: BrokerSettings): string {
  const host = broker.host.includes(':') ? `[${broker.host}]` : broker.host;
  return `${broker.tls ? 'mqtts' : 'mqtt'}://${host}:${broker.port}`;
}

async function connect(options: SessionOptions, signal: AbortSignal): Promise<MqttSession> {
  // Loaded with the first broker: a box without one starts sooner. Before the socket, whose events nobody would hear meanwhile.
  const mqtt = await import('mqtt');
  const socket = await openSocket(options.broker, signal);
  const session = new ClientSession(mqtt.MqttClient, socket, options);
  const onAbort = (): void => session.drop(new ApplianceError('connectionLost', 'given up'));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.accepted;
    return session;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** MQTT 5 3.1.2.11.4. Nothing that a broker has to tell us is longer. */
const heardOctetsMax = 65_536;

/** Octets of a PUBLISH besides topic, payload and texts: fixed header, packet id, property headers; rounded up. */
const publishOverhead = 48;

class ClientSession implements MqttSession {
  readonly ended: Promise<ApplianceError>;
  readonly accepted: Promise<void>;
  readonly #client: MqttClient;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #pending = new Set<(reason: ApplianceError) => void>();
  #end!: (reason: ApplianceError) => void;
  #over: ApplianceError | undefined;
  limits: BrokerLimits = { receiveMaximum: 65_535, packetBytesMax: 268_435_455, retainAvailable: true };

  constructor(Client: typeof MqttClient, socket: Socket, options: SessionOptions) {
    this.#address = addressOf(options.broker);
    this.#socket = socket;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#client = new Client(() => socket, clientOptions(options));
    this.accepted = new Promise((resolve, reject) => {
      this.#client.once('connect', (packet) => {
        const fault = this.#accept(packet);
        if (fault === undefined) resolve();
        else this.drop(fault);
      });
      void this.ended.then(reject);
    });
    // Whoever waits for `ended` alone must not see an unhandled rejection.
    this.accepted.catch(() => {});
    this.#client.on('error', (error) => this.drop(this.#reasonOf(error)));
    this.#client.on('disconnect', (packet) => this.drop(refusal(packet.reasonCode ?? 0, this.#address)));
    this.#client.on('close', () =>
      this.drop(new ApplianceError('connectionLost', `${this.#address}: the broker closed the connection`)),
    );
  }

  publish(publication: Publication): Promise<void> {
    const { topic, payload, retain, contentType, isText, schemaVersion } = publication;
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      const octets = Buffer.byteLength(topic) + payload.length + contentType.length + publishOverhead;
      if (octets > this.limits.packetBytesMax) {
        const words = `${topic}: ${octets} octets, the broker takes ${this.limits.packetBytesMax}`;
        return reject(new ApplianceError('messageTooLong', words, { fields: { topic, octets } }));
      }
      this.#pending.add(reject);
      const properties = {
        contentType,
        payloadFormatIndicator: isText,
        userProperties: { schema: String(schemaVersion) },
      };
      const body = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
      this.#client.publish(topic, body, { qos: 1, retain: retain && this.limits.retainAvailable, properties }, (error) => {
        this.#pending.delete(reject);
        if (error === undefined || error === null) resolve();
        else reject(reasonCodeOf(error) === undefined ? this.#reasonOf(error) : publishFailure(reasonCodeOf(error)!, topic));
      });
    });
  }

  subscribe(
    topics: readonly string[],
    onMessage: (topic: string, payload: Uint8Array, isRetained: boolean) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      this.#pending.add(reject);
      this.#client.on('message', (topic, payload, { retain }) => onMessage(topic, payload, retain));
      this.#client.subscribe([...topics], { qos: 0 }, (error, granted) => {
        this.#pending.delete(reject);
        // MQTT 5 3.9.3: from 128 on the broker does not let us.
        const refused = granted?.find(({ qos }) => qos >= 128);
        const code = refused?.qos ?? (error === null || error === undefined ? undefined : reasonCodeOf(error));
        if (code !== undefined) reject(publishFailure(code, refused?.topic ?? topics.join(', ')));
        else if (error === null || error === undefined) resolve();
        else reject(this.#reasonOf(error));
      });
    });
  }

  close(): Promise<void> {
    if (this.#over !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      void this.ended.then(() => resolve());
      this.#client.end(false, { reasonCode: 0 });
    });
  }

  drop(reason: ApplianceError): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    this.#socket.destroy();
    this.#client.end(true);
    this.#end(reason);
  }

  #accept(packet: IConnackPacket): ApplianceError | undefined {
    const { receiveMaximum, maximumPacketSize, retainAvailable, maximumQoS } = packet.properties ?? {};
    this.limits = {
      receiveMaximum: receiveMaximum ?? 65_535,
      packetBytesMax: maximumPacketSize ?? 268_435_455,
      retainAvailable: retainAvailable ?? true,
    };
    if (maximumQoS === 0) {
      const words = `${this.#address}: the broker takes QoS 0 only, where nothing is acknowledged`;
      return new ApplianceError('connectRefused', words, { fields: { reasonCode: 155 } });
    }
    return undefined;
  }

  #reasonOf(error: Error): ApplianceError {
    const reasonCode = reasonCodeOf(error);
    return reasonCode === undefined ? socketFailure(error, this.#address) : refusal(reasonCode, this.#address);
  }
}

/** The package puts MQTT reason codes, as numbers, where the system puts its own, as texts. */
function reasonCodeOf(error: Error): number | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' ? code : undefined;
}

function clientOptions(options: SessionOptions): IClientOptions {
  const { broker, clientId, will } = options;
  const password = passwordOf(broker);
  return {
    protocolVersion: 5,
    clientId,
    // MQTT 5 3.1.3.2.2: only a session that is continued within the delay keeps the last will from being sent.
    clean: false,
    keepalive: broker.keepAliveS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    autoAssignTopicAlias: true,
    // Ours comes first; this only keeps the package's own from coming before it.
    connectTimeout: broker.connectTimeoutMs + 60_000,
    properties: {
      sessionExpiryInterval: Math.max(broker.sessionExpiryS, broker.offlineAfterS),
      maximumPacketSize: heardOctetsMax,
    },
    ...(broker.username === '' ? {} : { username: broker.username }),
    ...(password === undefined ? {} : { password }),
    will: {
      topic: will.topic,
      payload: Buffer.from(will.payload),
      qos: 1,
      retain: will.retain,
      properties: {
        willDelayInterval: broker.offlineAfterS,
        contentType: will.contentType,
        payloadFormatIndicator: will.isText,
        userProperties: { schema: String(will.schemaVersion) },
      },
    },
  };
}

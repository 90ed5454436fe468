/**
 * What the outbox keeps on disk, octet by octet: keys and values. Pure. Values open with a version; a value that cannot
 * be read is undefined, never an exception, because a card may hand back anything.
 *
 *     key  'm' <sequence: u64 BE>   a message
 *     key  'c' <broker name>        u64 BE: everything up to this sequence is done with for that broker
 *     key  'o'                      present while the outbox is open: u64 BE, wall time at which it was opened
 */
import { pack, unpack } from 'msgpackr';

export interface OutboxMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  /** MIME type of the payload as it is kept. */
  readonly contentType: string;
  /** Version of the payload's schema; travels as a user property. */
  readonly schemaVersion: number;
  /** Wall time at which the message was made, ms. */
  readonly atMs: number;
}

const VERSION = 1;
const messagePrefix = 0x6d;
const cursorPrefix = 0x63;

export const openMarkerKey: Uint8Array = Uint8Array.of(0x6f);
export const messageRange = { gte: Uint8Array.of(messagePrefix), lt: Uint8Array.of(messagePrefix + 1) };
export const cursorRange = { gte: Uint8Array.of(cursorPrefix), lt: Uint8Array.of(cursorPrefix + 1) };

export function messageKey(sequence: number): Uint8Array {
  const key = Buffer.alloc(9);
  key[0] = messagePrefix;
  key.writeBigUInt64BE(BigInt(sequence), 1);
  return key;
}

/** Undefined for a key that is not a message's. */
export function sequenceOfKey(key: Uint8Array): number | undefined {
  if (key.length !== 9 || key[0] !== messagePrefix) return undefined;
  return decodeNumber(key.subarray(1));
}

export function cursorKey(broker: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(cursorPrefix), Buffer.from(broker, 'utf8')]);
}

export function brokerOfKey(key: Uint8Array): string {
  return Buffer.from(key.subarray(1)).toString('utf8');
}

export function encodeNumber(value: number): Uint8Array {
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(value))));
  return octets;
}

export function decodeNumber(octets: Uint8Array): number | undefined {
  if (octets.length !== 8) return undefined;
  const value = Number(new DataView(octets.buffer, octets.byteOffset, 8).getBigUint64(0));
  return Number.isSafeInteger(value) ? value : undefined;
}

export function encodeMessage(message: OutboxMessage): Uint8Array {
  const { topic, payload, retain, contentType, schemaVersion, atMs } = message;
  const body = pack([
    topic,
    Buffer.from(payload.buffer, payload.byteOffset, payload.length),
    retain,
    contentType,
    schemaVersion,
    atMs,
  ]);
  return Buffer.concat([Uint8Array.of(VERSION), body]);
}

export function decodeMessage(value: Uint8Array): OutboxMessage | undefined {
  if (value[0] !== VERSION) return undefined;
  let fields: unknown;
  try {
    fields = unpack(value.subarray(1));
  } catch {
    // msgpackr throws on anything that is not one whole MessagePack value; that is what damage looks like.
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length !== 6) return undefined;
  const [topic, payload, retain, contentType, schemaVersion, atMs] = fields as unknown[];
  if (typeof topic !== 'string' || !(payload instanceof Uint8Array) || typeof retain !== 'boolean') return undefined;
  if (typeof contentType !== 'string' || typeof schemaVersion !== 'number' || typeof atMs !== 'number') return undefined;
  return { topic, payload, retain, contentType, schemaVersion, atMs };
}

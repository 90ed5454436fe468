/**
 * How payloads are written. The outbox keeps MessagePack, about two thirds of JSON's size; each broker gets the encoding it
 * is set to when the message is sent, so that a changed setting also holds for what waits. Pure.
 */
import { pack, unpack } from 'msgpackr';
import type { BrokerSettings } from '../../config/schema.ts';

export type Encoding = BrokerSettings['encoding'];

export const contentTypes: Readonly<Record<Encoding, string>> = { json: 'application/json', msgpack: 'application/msgpack' };

/** As the outbox keeps it. */
export function encodePayload(payload: object): { payload: Uint8Array; contentType: string } {
  return { payload: pack(payload), contentType: contentTypes.msgpack };
}

export interface EncodedPayload {
  readonly payload: Uint8Array;
  readonly contentType: string;
  /** MQTT 5 payload format indicator: UTF-8 text. */
  readonly isText: boolean;
}

/** In the broker's encoding. A kept payload of another content type passes as it is. */
export function payloadFor(encoding: Encoding, kept: { payload: Uint8Array; contentType: string }): EncodedPayload {
  if (kept.contentType !== contentTypes.msgpack || encoding === 'msgpack') return { ...kept, isText: false };
  return { payload: Buffer.from(JSON.stringify(unpack(kept.payload)), 'utf8'), contentType: contentTypes.json, isText: true };
}

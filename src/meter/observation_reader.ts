/**
 * Takes observations out of the addon's queue and shows each to the receiver. One buffer, filled again and again; what a turn
 * leaves waits for the next, and what finds the queue full is counted there (`observationsQueueFull`).
 */
import { observationHead as head, observationKinds } from '../flow/decode_annotations.ts';
import type { ObservationReceiver } from '../flow/observations.ts';
import type { NativeMeter } from './addon.ts';

const bufferOctets = 64 * 1024;
/** More than a thread's queue holds, so a turn that is in time empties it. */
const fillsMax = 8;

export class ObservationReader {
  readonly #buffer = new Uint8Array(bufferOctets);
  readonly #view = new DataView(this.#buffer.buffer);

  /** Returns how many there were. */
  drain(meter: Pick<NativeMeter, 'observations'>, receive: ObservationReceiver): number {
    let taken = 0;
    for (let fill = 0; fill < fillsMax; fill++) {
      const octets = meter.observations(this.#buffer);
      if (octets === 0) break;
      for (let at = 0; at < octets; taken++) at += this.#show(at, receive);
    }
    return taken;
  }

  /** Returns how many octets it takes up. */
  #show(at: number, receive: ObservationReceiver): number {
    const view = this.#view;
    const octets = view.getUint16(at + head.octets, true);
    const payloadAt = at + head.bytes;
    const addressOctets = view.getUint8(at + head.ipVersion) === 4 ? 4 : 16;
    receive({
      kind: observationKinds[view.getUint8(at + head.kind)]!,
      ns: view.getBigUint64(at + head.ns, true),
      source: this.#buffer.subarray(at + head.source, at + head.source + addressOctets),
      destination: this.#buffer.subarray(at + head.destination, at + head.destination + addressOctets),
      sourcePort: view.getUint16(at + head.sourcePort, true),
      destinationPort: view.getUint16(at + head.destinationPort, true),
      streamOffset: view.getUint32(at + head.streamOffset, true),
      wholeOctets: view.getUint32(at + head.wholeOctets, true),
      payload: this.#buffer.subarray(payloadAt, payloadAt + octets),
    });
    return Math.ceil((head.bytes + octets) / 8) * 8;
  }
}

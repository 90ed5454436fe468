/**
 * Hellos whose segment ended before the name: with the key shares of today (X25519MLKEM768) two segments carry one, and half of those in an
 * order of chance have the name in the second. What was there is kept until the rest comes. Limits: 128 hellos, of 4,096 octets each at most;
 * the oldest makes room. Used by whoever reads observations, on the same loop.
 */
import type { Observation } from '../../flow/observations.ts';

const hellosMax = 128;
const octetsMax = 4_096;
const recordHeadOctets = 5;
/** Headers, version and random: what is shorter is no beginning. */
const beginningOctets = 43;

export class HelloPieces {
  readonly #waiting = new Map<string, Uint8Array>();
  #lapsed = 0;

  /** Hellos that made room before their rest came. */
  get lapsed(): number {
    return this.#lapsed;
  }

  /** The hello as far as it was shown; undefined when the payload is the rest of none that waits. */
  joined(observation: Observation): Uint8Array | undefined {
    const { payload, streamOffset } = observation;
    if (streamOffset === 0) return payload;
    const key = keyOf(observation);
    const before = this.#waiting.get(key);
    if (before?.length !== streamOffset) return undefined;
    this.#waiting.delete(key);
    return Buffer.concat([before, payload]);
  }

  /** Whether more of it can come, for which it then waits. */
  keep(observation: Observation, octets: Uint8Array): boolean {
    const { payload, wholeOctets } = observation;
    // What the capture cut has a hole that nothing fills.
    if (payload.length < wholeOctets || octets.length < beginningOctets || octets.length >= octetsMax) return false;
    if (recordHeadOctets + ((octets[3]! << 8) | octets[4]!) <= octets.length) return false;
    const key = keyOf(observation);
    this.#waiting.delete(key);
    this.#waiting.set(key, octets.slice());
    if (this.#waiting.size > hellosMax) {
      const [oldest] = this.#waiting.keys();
      this.#waiting.delete(oldest!);
      this.#lapsed++;
    }
    return true;
  }
}

function keyOf({ source, destination, sourcePort, destinationPort }: Observation): string {
  const text = (address: Uint8Array): string => Buffer.from(address).toString('latin1');
  return `${sourcePort} ${destinationPort} ${text(source)}${text(destination)}`;
}

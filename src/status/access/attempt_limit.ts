/**
 * How often somebody may try: token buckets in a table of fixed size, by keyed hash of an address or a name. Two that share
 * a bucket share its tokens, so memory is fixed, nothing is ever evicted, and a name that does not exist is limited like one
 * that does. Pure, with the clock handed in.
 */
import { createHmac } from 'node:crypto';
import type { Random } from '../../core/random.ts';
import { formatIpv4, formatIpv6, parseAddress } from '../../flow/addresses.ts';

export interface AttemptLimitOptions {
  /** Attempts at once. */
  readonly burst: number;
  /** One more each. */
  readonly refillMs: number;
  readonly buckets: number;
}

export class AttemptLimit {
  readonly #options: AttemptLimitOptions;
  readonly #key: Uint8Array;
  readonly #tokens: Float64Array;
  readonly #atMs: Float64Array;

  constructor(options: AttemptLimitOptions, random: Random, nowMs: number) {
    this.#options = options;
    // Keyed, so that nobody can choose names or addresses that fall into another's bucket.
    this.#key = random.bytes(32);
    this.#tokens = new Float64Array(options.buckets).fill(options.burst);
    this.#atMs = new Float64Array(options.buckets).fill(nowMs);
  }

  /** Milliseconds to wait; 0 when an attempt is free, which is then taken. */
  take(who: string, nowMs: number): number {
    const bucket = this.#bucket(who);
    const { burst, refillMs } = this.#options;
    const tokens = Math.min(burst, this.#tokens[bucket]! + Math.max(0, nowMs - this.#atMs[bucket]!) / refillMs);
    this.#atMs[bucket] = nowMs;
    this.#tokens[bucket] = tokens < 1 ? tokens : tokens - 1;
    return tokens < 1 ? Math.ceil((1 - tokens) * refillMs) : 0;
  }

  /** An attempt that proved good was no attempt. */
  giveBack(who: string): void {
    const bucket = this.#bucket(who);
    this.#tokens[bucket] = Math.min(this.#options.burst, this.#tokens[bucket]! + 1);
  }

  #bucket(who: string): number {
    return createHmac('sha256', this.#key).update(who).digest().readUInt32BE(0) % this.#options.buckets;
  }
}

/** Whom an address stands for: one IPv6 subscriber has a whole /64. */
export function addressGroup(address: string): string {
  const octets = parseAddress(address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, ''));
  if (octets === undefined || octets.length === 4) return octets === undefined ? address : formatIpv4(octets);
  return `${formatIpv6(octets.map((octet, at) => (at < 8 ? octet : 0)))}/64`;
}

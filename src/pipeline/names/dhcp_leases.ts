/**
 * Joins what a client calls itself, in its request, with the address that the server's answer gives it. Limits:
 * `waitingMax` requests wait for an answer, `waitMs` each; the oldest make room.
 */
import { type DhcpMessage, dhcpTypes } from './dhcp_message.ts';
import { isOneHost, type Learned } from './learned.ts';

const waitingMax = 1_024;
const waitMs = 60_000;
/** Where an answer to an INFORM, or a cut one, tells no lease. */
const leaseByDefaultS = 3_600;

export class DhcpLeases {
  readonly #waiting = new Map<string, { readonly name: string; readonly atMs: number }>();

  /** What the message teaches, if anything. */
  take(message: DhcpMessage, nowMs: number): Learned | undefined {
    const key = `${message.mac} ${message.transaction}`;
    if (!message.fromServer) {
      if (message.name === undefined) return undefined;
      this.#waiting.delete(key);
      const [oldest] = this.#waiting.keys();
      if (this.#waiting.size >= waitingMax && oldest !== undefined) this.#waiting.delete(oldest);
      this.#waiting.set(key, { name: message.name, atMs: nowMs });
      return undefined;
    }
    if (message.type !== dhcpTypes.ack) return undefined;
    const asked = this.#waiting.get(key);
    this.#waiting.delete(key);
    const inTime = asked !== undefined && nowMs - asked.atMs <= waitMs ? asked.name : undefined;
    // What the server answers with is what it has put down.
    const name = message.name ?? inTime;
    const address = message.yourAddress ?? message.clientAddress;
    if (name === undefined || address === undefined || !isOneHost(address)) return undefined;
    return { address, name, source: 'dhcp', ttlS: Math.max(1, message.leaseS ?? leaseByDefaultS), mac: message.mac };
  }
}

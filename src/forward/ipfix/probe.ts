/**
 * Is the collector's host there? Asks by opening a TCP connection: accepted or refused, somebody at that address answered,
 * and the way there and back works. Needs no ICMP. It says nothing about the UDP port: an ICMP error on the UDP socket
 * does, where the way lets it through. Owns one short-lived socket.
 */
import { connect } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { systemCode } from '../../core/errors.ts';

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
}

/** Resolves true for an answer, false for none within the time, whatever the reason. */
export type Probe = (target: ProbeTarget, timeoutMs: number) => Promise<boolean>;

// Each of these was sent by somebody at the other end.
const answers = new Set(['ECONNREFUSED', 'ECONNRESET']);

export function tcpProbe(clock: Clock): Probe {
  return ({ host, port }, timeoutMs) =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      const settle = (answered: boolean): void => {
        timer.cancel();
        socket.destroy();
        resolve(answered);
      };
      const timer = clock.after(timeoutMs, () => settle(false));
      socket.once('connect', () => settle(true));
      // Stays: an error after the answer has no other listener.
      socket.on('error', (error) => settle(answers.has(systemCode(error) ?? '')));
    });
}

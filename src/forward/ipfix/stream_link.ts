/**
 * A TCP or TLS connection as a link. Acknowledgement: `bytesWritten − writableLength − SIOCOUTQ` is a lower bound of what
 * the peer's kernel has; under TLS SIOCOUTQ counts ciphertext, so the bound is lower still, never higher. What the
 * collector says is read and thrown away: IPFIX is one-way. Owns the socket; decides nothing about rows.
 */
import type { Socket } from 'node:net';
import { type Clock, type Timer, withDeadline } from '../../core/clock.ts';
import { ApplianceError } from '../../core/errors.ts';
import type { Link, SocketMeasures } from '../link.ts';
import { networkError } from '../network_errors.ts';

/** Octets that may wait in our own memory before a sender has to wait. */
const waitingOctetsMax = 1024 * 1024;

export interface StreamLinkParts {
  readonly clock: Clock;
  readonly measures: SocketMeasures;
  readonly address: string;
  readonly messageOctetsMax: number;
  /** The connection messages are written to. */
  readonly stream: Socket;
  /** The TCP socket beneath it; the same without TLS. */
  readonly socket: Socket;
}

export class StreamLink implements Link {
  readonly fresh = true;
  readonly lossy = false;
  readonly messageOctetsMax: number;
  readonly lost: Promise<ApplianceError>;
  readonly #parts: StreamLinkParts;
  readonly #fd: number;
  #sentOctets = 0;
  #provenOctets = 0;
  #error: ApplianceError | undefined;
  #peerEnded = false;
  #ended: () => void = () => {};
  #waiters: { resolve: () => void; reject: (error: ApplianceError) => void }[] = [];
  #lose: (error: ApplianceError) => void = () => {};

  constructor(parts: StreamLinkParts) {
    this.#parts = parts;
    this.messageOctetsMax = parts.messageOctetsMax;
    this.#fd = descriptorOf(parts.socket);
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    const { stream, address } = parts;
    stream.resume();
    stream.on('drain', () => this.#release());
    stream.on('error', (error) => this.#fail(networkError(error, address)));
    stream.on('end', () => {
      this.#peerEnded = true;
      this.#ended();
      this.#fail(new ApplianceError('connectionLost', `${address}: the collector closed the connection`));
    });
    stream.on('close', () => {
      this.#ended();
      this.#fail(new ApplianceError('connectionLost', `${address}: the connection is closed`));
    });
  }

  /** IPv4 also where the socket speaks both. */
  get localAddress(): string | undefined {
    return this.#parts.socket.localAddress?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  }

  get sentOctets(): number {
    return this.#sentOctets;
  }

  send(message: Uint8Array): boolean {
    if (this.#error !== undefined) return false;
    this.#sentOctets += message.length;
    this.#parts.stream.write(message);
    return this.#parts.stream.writableLength < waitingOctetsMax;
  }

  drained(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (!this.#parts.stream.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** A connection that stands has been accepted: nothing to wait for. */
  settled(): Promise<void> {
    return this.#error === undefined ? Promise.resolve() : Promise.reject(this.#error);
  }

  provenOctets(): number {
    const { stream, measures } = this.#parts;
    // After a reset the descriptor is gone: the last sample stays the confirmed point.
    if (this.#error !== undefined || stream.destroyed) return this.#provenOctets;
    const waiting = measures.unacknowledgedBytes(this.#fd);
    if (waiting >= 0) {
      const proven = this.#sentOctets - stream.writableLength - waiting;
      if (proven > this.#provenOctets) this.#provenOctets = proven;
    }
    return this.#provenOctets;
  }

  async end(deadlineMs: number): Promise<boolean> {
    if (this.#error !== undefined) return false;
    const { stream, clock } = this.#parts;
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    stream.end();
    try {
      await withDeadline(clock, deadlineMs, 'the collector’s closing', ended);
    } catch {
      // Late: it may or may not have read everything, so nothing is proven by it.
      stream.destroy();
      return false;
    }
    return this.#peerEnded;
  }

  destroy(): void {
    this.#parts.stream.destroy();
    this.#parts.socket.destroy();
  }

  #fail(error: ApplianceError): void {
    if (this.#error !== undefined) return;
    this.provenOctets();
    this.#error = error;
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    this.#lose(error);
    this.destroy();
  }

  #release(): void {
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }
}

/** The descriptor of a connected socket, or −1. Node has no public name for it. */
export function descriptorOf(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { fd?: unknown } | null })._handle;
  return typeof handle?.fd === 'number' ? handle.fd : -1;
}

/** Rejects when the signal aborts or the time is over; the caller destroys what it was connecting. */
export function connected(
  clock: Clock,
  socket: Socket,
  event: string,
  timeoutMs: number,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: Timer | undefined;
    const settle = (act: () => void): void => {
      timer?.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onConnect);
      socket.off('error', onError);
      socket.off('close', onClose);
      act();
    };
    const onConnect = (): void => settle(resolve);
    const onError = (error: Error): void => settle(() => reject(networkError(error, address)));
    const onClose = (): void => settle(() => reject(new ApplianceError('connectionLost', `${address}: closed while connecting`)));
    const onAbort = (): void => settle(() => reject(signal.reason as Error));
    timer = clock.after(timeoutMs, () =>
      settle(() =>
        reject(
          new ApplianceError('connectTimedOut', `${address}: no answer within ${timeoutMs} ms: is the collector reachable?`),
        ),
      ),
    );
    socket.once(event, onConnect);
    socket.once('error', onError);
    socket.once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

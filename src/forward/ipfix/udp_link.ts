/**
 * A UDP socket as a link (RFC 7011 section 10.3). UDP proves nothing by itself, so: what was sent before a probe began
 * counts as arrived when the probe is answered and no error has come back. Where probes were never answered (a firewall
 * drops them) and the settings allow it, silence of the socket for a while has to do; `proof` says so.
 *
 * A datagram lost on a working way is not noticed: that is UDP. What is noticed is the outage: then nothing counts.
 */
import type { Socket } from 'node:dgram';
import type { Clock, Timer } from '../../core/clock.ts';
import { ApplianceError, systemCode } from '../../core/errors.ts';
import type { Link } from '../link.ts';
import { networkError } from '../network_errors.ts';

export interface UdpLinkParts {
  readonly clock: Clock;
  readonly socket: Socket;
  readonly fresh: boolean;
  readonly address: string;
  readonly messageOctetsMax: number;
  readonly messagesPerSecondMax: number;
  /** Resolves to whether what was sent before the call has arrived, as far as can be known; never rejects. */
  readonly prove: () => Promise<boolean>;
}

/** How long sent octets may wait for a probe: well below the spool's `persistAfterS`. */
const probePeriodMs = 2_000;
/** With so much unproven the next probe begins at once. */
const probeAtOctets = 256 * 1_024;
/** Messages that may go out at once, so that a busy loop does not have to wake for each. */
const burstMax = 32;

export class UdpLink implements Link {
  readonly fresh: boolean;
  readonly lossy = true;
  readonly messageOctetsMax: number;
  readonly lost: Promise<ApplianceError>;
  readonly #parts: UdpLinkParts;
  #lose: (error: ApplianceError) => void = () => {};
  #error: ApplianceError | undefined;
  #sentOctets = 0;
  #provenOctets = 0;
  #probing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #allowance = burstMax;
  #allowedAtMs: number;
  readonly #onError = (error: Error): void => this.#fail(networkError(error, this.#parts.address));

  constructor(parts: UdpLinkParts) {
    this.#parts = parts;
    this.fresh = parts.fresh;
    this.messageOctetsMax = parts.messageOctetsMax;
    this.#allowedAtMs = parts.clock.monotonicMs();
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    parts.socket.on('error', this.#onError);
  }

  get localAddress(): string | undefined {
    try {
      return this.#parts.socket.address().address.replace(/%.*$/, '');
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      return undefined; // closed meanwhile
    }
  }

  get sentOctets(): number {
    return this.#sentOctets;
  }

  send(message: Uint8Array): boolean {
    if (this.#error !== undefined) return false;
    this.#sentOctets += message.length;
    this.#parts.socket.send(message, (error) => {
      if (error !== null) this.#onError(error);
    });
    this.#allowance--;
    if (this.#sentOctets - this.#provenOctets >= probeAtOctets) void this.#probe();
    else this.#timer ??= this.#parts.clock.after(probePeriodMs, () => this.#probe());
    this.#refill();
    return this.#allowance > 0;
  }

  /** Waits until the rate allows more. */
  async drained(): Promise<void> {
    const { clock, messagesPerSecondMax } = this.#parts;
    this.#refill();
    while (this.#allowance <= 0 && this.#error === undefined) {
      await clock.sleep(Math.max(1, (1_000 * (1 - this.#allowance)) / messagesPerSecondMax));
      this.#refill();
    }
    if (this.#error !== undefined) throw this.#error;
  }

  provenOctets(): number {
    return this.#provenOctets;
  }

  /** Waits for the proof of everything sent so far; rejects with the error when there is none. */
  async settled(): Promise<void> {
    const mark = this.#sentOctets;
    while (this.#provenOctets < mark && this.#error === undefined) await this.#probe();
    if (this.#error !== undefined) throw this.#error;
  }

  async end(deadlineMs: number): Promise<boolean> {
    const late = this.#parts.clock.after(deadlineMs, () => this.destroy());
    while (this.#provenOctets < this.#sentOctets && this.#error === undefined) await this.#probe();
    late.cancel();
    const proven = this.#error === undefined;
    this.destroy();
    return proven;
  }

  /** Leaves the socket open: the session may go on. */
  destroy(): void {
    this.#fail(new ApplianceError('connectionLost', `${this.#parts.address}: ended`));
  }

  #refill(): void {
    const { clock, messagesPerSecondMax } = this.#parts;
    const nowMs = clock.monotonicMs();
    const gained = ((nowMs - this.#allowedAtMs) * messagesPerSecondMax) / 1_000;
    this.#allowance = Math.min(burstMax, this.#allowance + gained);
    this.#allowedAtMs = nowMs;
  }

  /** One probe at a time; whoever asks while one runs waits for that one. */
  #probe(): Promise<void> {
    this.#probing ??= this.#probeOnce().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async #probeOnce(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const mark = this.#sentOctets;
    const arrived = await this.#parts.prove();
    if (this.#error !== undefined) return;
    if (!arrived) {
      const { address } = this.#parts;
      this.#fail(new ApplianceError('networkUnreachable', `${address}: the host does not answer: is the uplink connected?`));
      return;
    }
    this.#provenOctets = Math.max(this.#provenOctets, mark);
    if (this.#sentOctets > this.#provenOctets) this.#timer ??= this.#parts.clock.after(probePeriodMs, () => this.#probe());
  }

  #fail(error: ApplianceError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#timer?.cancel();
    this.#parts.socket.off('error', this.#onError);
    this.#lose(error);
  }
}

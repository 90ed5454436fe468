/**
 * The way from a simulated box to one collector's host: a line that can be cut, a host that may not listen, and TCP as far
 * as it matters here. The kernel at the other end acknowledges what its receive buffer takes; the collector reads at its own
 * pace; what it had not read when it fell is lost although it was acknowledged.
 */
import type { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import type { Link, Transport } from '../../src/forward/link.ts';
import type { BoxClock } from './box_clock.ts';

/** What is told of a connection at the collector. */
export interface Receiver {
  /** A whole message was read. */
  message(bytes: Uint8Array, endOctet: number): void;
  /** It was in the receive buffer when the collector fell. */
  lost(bytes: Uint8Array): void;
}

const turnMs = 40;
const receiveBufferOctets = 48 * 1_024;
const sendBufferOctets = 1024 * 1024;
const lineOctetsPerTurn = 256 * 1_024;
/** TCP_USER_TIMEOUT and keep-alive, as the stream transport sets them. */
const silenceMaxMs = 60_000;

export class SimHost {
  readonly name: string;
  readonly #world: SimulatedClock;
  readonly #accept: (link: SimLink) => Receiver;
  readonly #links = new Set<SimLink>();
  /** Datagrams lost since the line was cut, and what to do about those that a box need not notice. */
  readonly losses: { readonly atMs: number; readonly excuse: () => void }[] = [];
  /** A datagram that was lost no longer ago than that, when the line is back, may be lost for good. */
  unnoticedMs = 0;
  #lineUp = true;
  listening = true;
  /** A canary: claims that everything sent has arrived. */
  lies = false;
  /** The collector reads this much a turn; 0 for one that accepts and never reads. */
  readOctetsPerTurn = Number.POSITIVE_INFINITY;

  constructor(name: string, world: SimulatedClock, accept: (link: SimLink) => Receiver) {
    this.name = name;
    this.#world = world;
    this.#accept = accept;
  }

  /** The line between box and host. */
  get lineUp(): boolean {
    return this.#lineUp;
  }
  set lineUp(up: boolean) {
    this.#lineUp = up;
    if (!up) return;
    const nowMs = this.#world.monotonicMs();
    for (const { atMs, excuse } of this.losses.splice(0)) if (nowMs - atMs <= this.unnoticedMs) excuse();
  }

  transport(clock: BoxClock, connectTimeoutMs: number): Transport {
    return {
      address: `tcp://${this.name}:4739`,
      proof: 'the simulated kernel has it',
      open: (signal) => this.#open(clock, connectTimeoutMs, signal),
      close: () => {},
    };
  }

  async #open(clock: BoxClock, connectTimeoutMs: number, signal: AbortSignal): Promise<Link> {
    await clock.sleep(turnMs, signal);
    if (!this.lineUp) {
      await clock.sleep(connectTimeoutMs, signal);
      throw new ApplianceError('connectTimedOut', `${this.name}: no answer`);
    }
    if (!this.listening) throw new ApplianceError('connectRefused', `${this.name}: nothing listens there`);
    const link = new SimLink(this, this.#world, clock);
    link.receiver = this.#accept(link);
    this.#links.add(link);
    return link;
  }

  /** The collector falls: what it had not read is gone, connections are reset. */
  crash(): void {
    this.listening = false;
    for (const link of this.#links) link.reset();
  }
  /** It ends in order, after it has read what was there. */
  leave(): void {
    this.listening = false;
    for (const link of this.#links) link.finish();
  }
  gone(link: SimLink): void {
    this.#links.delete(link);
  }
}

export class SimLink implements Link {
  readonly fresh = true;
  readonly lossy = false;
  readonly messageOctetsMax = 16_384;
  readonly lost: Promise<ApplianceError>;
  receiver!: Receiver;
  readonly boxClock: BoxClock;
  readonly #host: SimHost;
  readonly #world: SimulatedClock;
  #messages: { readonly bytes: Uint8Array; readonly endOctet: number }[] = [];
  sentOctets = 0;
  #taken = 0;
  #read = 0;
  /** What the box has asked last: all it knows. */
  provenTold = 0;
  #error: ApplianceError | undefined;
  #peerGone = false;
  #leaving = false;
  #closing: ((taken: boolean) => void) | undefined;
  #silentSinceMs: number | undefined;
  #waiters: { resolve: () => void; reject: (error: ApplianceError) => void }[] = [];
  #lose: (error: ApplianceError) => void = () => {};

  constructor(host: SimHost, world: SimulatedClock, clock: BoxClock) {
    this.#host = host;
    this.#world = world;
    this.boxClock = clock;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    world.after(turnMs, () => this.#turn());
  }

  send(message: Uint8Array): boolean {
    if (this.#error !== undefined) return false;
    this.sentOctets += message.length;
    this.#messages.push({ bytes: message, endOctet: this.sentOctets });
    return this.sentOctets - this.#taken < sendBufferOctets;
  }
  drained(): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.sentOctets - this.#taken < sendBufferOctets) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }
  settled(): Promise<void> {
    return this.#error === undefined ? Promise.resolve() : Promise.reject(this.#error);
  }
  provenOctets(): number {
    if (this.#error === undefined) this.provenTold = this.#host.lies ? this.sentOctets : this.#taken;
    return this.provenTold;
  }
  end(deadlineMs: number): Promise<boolean> {
    if (this.#error !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const late = this.boxClock.after(deadlineMs, () => this.#closing?.(false));
      this.#closing = (taken) => {
        late.cancel();
        this.#closing = undefined;
        resolve(taken);
        this.destroy();
      };
    });
  }
  destroy(): void {
    this.#fail(new ApplianceError('connectionLost', `${this.#host.name}: closed by the box`));
  }

  /** The collector fell. The box hears of it while the line is there. */
  reset(): void {
    if (!this.#peerGone)
      for (const { bytes, endOctet } of this.#messages.splice(0)) if (endOctet <= this.#taken) this.receiver.lost(bytes);
    this.#peerGone = true;
    if (this.#host.lineUp) this.#fail(new ApplianceError('connectionLost', `${this.#host.name}: reset by the collector`));
  }
  finish(): void {
    this.#leaving = true;
  }

  /** One turn of line and collector. Goes on after the box is off, until everything that arrived is read. */
  #turn(): void {
    const boxThere = this.boxClock.alive && this.#error === undefined;
    if (this.#host.lineUp && this.#peerGone) this.reset();
    const before = this.#taken;
    if (boxThere && this.#host.lineUp && !this.#peerGone) {
      const room = Math.min(receiveBufferOctets - (this.#taken - this.#read), lineOctetsPerTurn);
      this.#taken = Math.min(this.sentOctets, this.#taken + Math.max(0, room));
    }
    this.#readSome();
    if (boxThere) this.#listen(this.#taken > before);
    if (boxThere && this.sentOctets - this.#taken < sendBufferOctets)
      for (const { resolve } of this.#waiters.splice(0)) resolve();
    const allRead = this.#read === this.#taken;
    if (boxThere && this.#taken === this.sentOctets && allRead) {
      if (this.#closing !== undefined) this.#closing(true);
      else if (this.#leaving) this.#fail(new ApplianceError('connectionLost', `${this.#host.name}: the collector closed`));
    }
    const over = (!this.boxClock.alive || this.#error !== undefined) && (allRead || this.#peerGone);
    if (over) this.#host.gone(this);
    else this.#world.after(turnMs, () => this.#turn());
  }

  #readSome(): void {
    if (this.#peerGone) return;
    this.#read = Math.min(this.#taken, this.#read + this.#host.readOctetsPerTurn);
    while (this.#messages.length > 0 && this.#messages[0]!.endOctet <= this.#read) {
      const { bytes, endOctet } = this.#messages.shift()!;
      this.receiver.message(bytes, endOctet);
    }
  }

  /** A dead line is noticed after a while, whether or not something is to be sent. */
  #listen(moved: boolean): void {
    const waits = !this.#host.lineUp || this.#peerGone || this.sentOctets > this.#taken;
    if (!waits || moved) this.#silentSinceMs = undefined;
    else this.#silentSinceMs ??= this.#world.monotonicMs();
    // A window of zero that is answered is no silence: a collector that reads nothing is waited for.
    if (this.#silentSinceMs === undefined || (this.#host.lineUp && !this.#peerGone)) return;
    if (this.#world.monotonicMs() - this.#silentSinceMs >= silenceMaxMs)
      this.#fail(new ApplianceError('connectionLost', `${this.#host.name}: no answer for a minute`));
  }

  #fail(error: ApplianceError): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#closing?.(false);
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    this.#lose(error);
  }
}

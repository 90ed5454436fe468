/** A link that keeps what is sent, with the time: for tests on a simulated clock. Everything arrives at once. */
import type { Clock } from '../../src/core/clock.ts';
import type { ApplianceError } from '../../src/core/errors.ts';
import type { Link } from '../../src/forward/link.ts';

export interface Sent {
  /** Since the link was made. */
  readonly atMs: number;
  readonly message: Uint8Array;
}

export class RecordingLink implements Link {
  readonly fresh = true;
  readonly lossy: boolean;
  readonly messageOctetsMax: number;
  readonly lost: Promise<ApplianceError>;
  readonly sent: Sent[] = [];
  sentOctets = 0;
  readonly #clock: Clock;
  readonly #startMs: number;
  #lose: (error: ApplianceError) => void = () => {};

  constructor(clock: Clock, lossy: boolean, messageOctetsMax = 1_400) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.lossy = lossy;
    this.messageOctetsMax = messageOctetsMax;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }
  send(message: Uint8Array): boolean {
    this.sent.push({ atMs: this.#clock.monotonicMs() - this.#startMs, message });
    this.sentOctets += message.length;
    return true;
  }
  async drained(): Promise<void> {}
  async settled(): Promise<void> {}
  provenOctets(): number {
    return this.sentOctets;
  }
  break(error: ApplianceError): void {
    this.#lose(error);
  }
  async end(): Promise<boolean> {
    return true;
  }
  destroy(): void {}
}

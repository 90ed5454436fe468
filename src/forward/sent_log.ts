/**
 * Maps octets of a link to rows: which rows the octets proven so far cover. Messages are whole or not there, so rows count
 * once the last octet of their message is proven. Pure.
 */
import type { Gap } from './gaps.ts';
import type { LeftOut } from './lane_state.ts';

export interface SentMessage {
  /** Position of the first row in the spool. */
  readonly position: number;
  readonly rows: number;
  readonly records: number;
  /** Octets of the link up to and including this message. */
  readonly endOctet: number;
  /** Of the rows, those without a record in the message. */
  readonly leftOut?: LeftOut;
  /** Gaps that the message told. */
  readonly gaps?: readonly Gap[];
}

export class SentLog {
  #messages: SentMessage[] = [];
  #head = 0;

  get length(): number {
    return this.#messages.length - this.#head;
  }

  add(message: SentMessage): void {
    this.#messages.push(message);
  }

  /** Removes and returns the messages that are proven, in order. */
  settle(provenOctets: number): SentMessage[] {
    const start = this.#head;
    while (this.#head < this.#messages.length && this.#messages[this.#head]!.endOctet <= provenOctets) this.#head++;
    const settled = this.#messages.slice(start, this.#head);
    if (this.#head > 1_024 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return settled;
  }

  clear(): void {
    this.#messages = [];
    this.#head = 0;
  }
}

/**
 * A way to a collector, whatever the transport: messages go in, and the link says how many octets it can prove to have
 * arrived. Shared by the exporter and the transports under `ipfix/`. Octets are counted from the link's opening.
 */
import type { ApplianceError } from '../core/errors.ts';

/** What the kernel says about a socket; the addon's in production. −1 for what it cannot tell. */
export interface SocketMeasures {
  /** Octets sent that the peer's kernel has not acknowledged. */
  unacknowledgedBytes(fd: number): number;
  pathMtu(fd: number): number;
  setUserTimeout(fd: number, ms: number): boolean;
}

/** Where there is no addon: what was handed to the kernel counts as arrived, so the proof is weaker. */
export const noMeasures: SocketMeasures = { unacknowledgedBytes: () => 0, pathMtu: () => -1, setUserTimeout: () => false };

export interface Link {
  /** False when a session goes on that was only interrupted (UDP): templates and sequence numbers stay. */
  readonly fresh: boolean;
  /** Of this box as it sends to the collector; absent where there is none. */
  readonly localAddress?: string | undefined;
  /** Largest message, octets. */
  readonly messageOctetsMax: number;
  /** Whether messages may be lost on the way, so that templates are sent again and again. */
  readonly lossy: boolean;
  /** Hands a message over; the link keeps the memory. False: wait for `drained` before the next. */
  send(message: Uint8Array): boolean;
  /** Resolves when more can be sent; rejects with the error the link ended with. */
  drained(): Promise<void>;
  /** Resolves when the first messages were taken as well as can be known: data may follow. Rejects like `drained`. */
  settled(): Promise<void>;
  readonly sentOctets: number;
  /** Lower bound of the octets that have arrived as far as the transport can prove. Never goes down. */
  provenOctets(): number;
  /** Resolves when the link is gone, with the reason. Never rejects. */
  readonly lost: Promise<ApplianceError>;
  /** Where links have a planned end (a file that is large enough): resolves when the next is to be opened. */
  readonly finished?: Promise<void>;
  /**
   * Ends the link as planned. True when the collector was seen to take everything: it closed its side after ours.
   * Never throws.
   */
  end(deadlineMs: number): Promise<boolean>;
  /** Ends it at once. */
  destroy(): void;
}

export interface Transport {
  /** For people: `tcp://collector.example:4739`. */
  readonly address: string;
  /** What an acknowledgement is worth, in a few words. */
  readonly proof: string;
  /** Rejects with an ApplianceError: names are resolved again each time. */
  open(signal: AbortSignal): Promise<Link>;
  /** Frees what lives longer than a link. */
  close(): void;
}

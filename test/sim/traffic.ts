/**
 * What passes a branch's line: flows with a number, drawn from the seed, whether a box looks at them or not. Everything about
 * a flow follows from its number and its times, so a record at a collector can be compared with the truth.
 */
import type { Random } from '../../src/core/random.ts';

export interface Flow {
  readonly id: number;
  /** True time, ms of the branch's monotonic clock. */
  readonly startMs: number;
  readonly endMs: number;
}

export interface FlowCounts {
  readonly packets: number;
  readonly octets: number;
  readonly reversePackets: number;
  readonly reverseOctets: number;
}

/** Ethernet header and checksum: frame octets are IP octets and so much a packet. */
export const frameOverheadOctets = 18;

export function countsOf(id: number): FlowCounts {
  const packets = 2 + (id % 40);
  const reversePackets = id % 4 === 0 ? 0 : 1 + (id % 23);
  return { packets, octets: packets * (60 + (id % 1_200)), reversePackets, reverseOctets: reversePackets * (52 + (id % 900)) };
}

export class Traffic {
  readonly #random: Random;
  /** Flows a second. */
  rate: number;
  #next: Flow;
  #id = 0;

  constructor(random: Random, rate: number, nowMs: number) {
    this.#random = random;
    this.rate = rate;
    this.#next = this.#draw(nowMs);
  }

  /** Flows that begin before this time, in order. */
  until(nowMs: number): Flow[] {
    const flows: Flow[] = [];
    while (this.#next.startMs <= nowMs) {
      flows.push(this.#next);
      this.#next = this.#draw(this.#next.startMs);
    }
    return flows;
  }

  #draw(afterMs: number): Flow {
    const startMs = afterMs - (Math.log(1 - this.#random.float()) * 1_000) / this.rate;
    const lastsMs = this.#random.below(3) === 0 ? this.#random.float() * 60_000 : this.#random.float() * 2_000;
    return { id: ++this.#id, startMs: Math.ceil(startMs), endMs: Math.ceil(startMs + lastsMs) };
  }
}

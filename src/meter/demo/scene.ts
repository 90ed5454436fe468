/** What every conversation of the demo is handed: the office, chance, the clock of the capture and where frames go. */
import { type Random, SeededRandom } from '../../core/random.ts';
import { branchOffice, type Endpoint, type Office, vlans } from './office.ts';
import { Recorder } from './recorder.ts';
import { type Conversation, Timeline } from './timeline.ts';

export class Scene {
  readonly office: Office = branchOffice();
  readonly recorder = new Recorder();
  readonly random: Random;
  readonly timeline: Timeline;

  constructor({ seed, durationS }: { readonly seed: number; readonly durationS: number }) {
    this.random = new SeededRandom(seed);
    this.timeline = new Timeline(durationS);
  }

  /** Seconds until the capture ends: conversations take leave before, so that a replay in a loop has no seam. */
  get leftS(): number {
    return (this.timeline.endNs - this.timeline.nowNs) / 1e9;
  }

  start(conversation: Conversation, inS = 0): void {
    this.timeline.start(conversation, inS);
  }

  /** Takes the next step of whoever is due; false at the end of the capture. */
  step(): boolean {
    const atNs = this.timeline.nextNs();
    if (atNs === undefined) return false;
    this.recorder.nowNs = atNs;
    this.timeline.step();
    return true;
  }

  between(low: number, high: number): number {
    return low + this.random.float() * (high - low);
  }

  chance(probability: number): boolean {
    return this.random.float() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.random.below(choices.length)]!;
  }

  /** The earlier choices more often: the square of a uniform number leans to the front. */
  pickPopular<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random.float() ** 2 * choices.length)]!;
  }

  /** Waiting times between independent arrivals. */
  arrival(meanS: number): number {
    return -Math.log(1 - this.random.float()) * meanS;
  }

  /** RFC 6335 6: the dynamic ports. */
  port(): number {
    return 49_152 + this.random.below(16_384);
  }

  gatewayOf(host: Endpoint): Endpoint {
    return this.office.gateways.get(host.vlan ?? vlans.untagged) ?? this.office.router;
  }
}

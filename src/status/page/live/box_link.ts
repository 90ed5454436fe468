/**
 * The connection to the box: server-sent events, tried again with growing, jittered waits. Tells the state apart that
 * matter to a technician: live, just broken, lost, or connected to a page whose box says nothing. Catches up on the seconds
 * it missed. Owned by the page, one per tab; a hidden tab stays connected.
 */
import type { BoxStatus, TrafficSecond } from '../../../flow/status_shapes.ts';
import type { FirstStream } from '../ahead.ts';
import { askSeconds } from '../api.ts';
import { after, chance, every, monotonicMs, wallMs } from '../browser_clock.ts';
import { type BoxState, type Connection, unknownBox, withConnection, withSecond, withSeconds, withStatus } from './box_state.ts';

const lostAfterMs = 8_000;
const silentAfterMs = 6_000;
const retryCapMs = 10_000;

export class BoxLink {
  #state: BoxState = unknownBox;
  readonly #listeners = new Set<() => void>();
  #brokenSinceMs: number | undefined;
  #heardMs = Number.NEGATIVE_INFINITY;
  #heardWallMs = 0;
  #attempts = 0;
  #source: EventSource | undefined;
  #ends: (() => void)[] = [];
  readonly #onRefused: () => void;

  /** @param onRefused the stream broke: perhaps because whoever looks may not look any more */
  constructor(onRefused: () => void = () => {}) {
    this.#onRefused = onRefused;
  }

  get state(): BoxState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing where it has started. @param first a stream that is under way: what it has said is shown at once */
  start(first?: FirstStream): void {
    if (this.#source !== undefined) return;
    this.#ends = [every(1_000, () => this.#judge())];
    this.#connect(first);
  }

  /** Ends the connection and forgets what was seen. */
  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#source?.close();
    this.#source = undefined;
    this.#brokenSinceMs = undefined;
    this.#heardMs = Number.NEGATIVE_INFINITY;
    this.#heardWallMs = 0;
    this.#attempts = 0;
    this.#set(unknownBox);
  }

  #connect(first?: FirstStream): void {
    const source = first?.source ?? new EventSource('/api/v1/events');
    this.#source = source;
    const on: Readonly<Record<string, (event: MessageEvent<string>) => void>> = {
      open: () => void this.#catchUp(),
      skipped: () => void this.#catchUp(),
      status: ({ data }) => {
        this.#heardMs = monotonicMs();
        this.#heardWallMs = wallMs();
        this.#attempts = 0;
        this.#brokenSinceMs = undefined;
        this.#set(withConnection(withStatus(this.#state, JSON.parse(data) as BoxStatus, wallMs()), { kind: 'live' }));
      },
      second: ({ data }) => this.#set(withSecond(this.#state, JSON.parse(data) as TrafficSecond)),
      // The browser's own reconnecting gives up for good after some refusals; ours does not.
      error: () => {
        source.close();
        if (this.#source !== source) return;
        this.#onRefused();
        this.#brokenSinceMs ??= wallMs();
        this.#judge();
        const waitMs = Math.min(retryCapMs, 1_000 * 2 ** Math.min(this.#attempts++, 6));
        this.#ends.push(after(waitMs * (0.5 + chance() / 2), () => this.#connect()));
      },
    };
    for (const [kind, hear] of Object.entries(on)) source.addEventListener(kind, hear as (event: Event) => void);
    if (first === undefined) return;
    // Whoever has the seconds since the stream began, or has asked for them, need not ask again.
    if (first.seconds === undefined) void this.#catchUp(first.secondsLater);
    else this.#set(withSeconds(this.#state, first.seconds));
    for (const event of first.heard) if (event.type !== 'open') on[event.type]!(event as MessageEvent<string>);
    for (const kind of Object.keys(on)) source.removeEventListener(kind, first.hear);
  }

  /** @param asked the answer of somebody who has asked already, undefined where it failed */
  async #catchUp(asked?: Promise<readonly TrafficSecond[] | undefined>): Promise<void> {
    const source = this.#source;
    try {
      const seconds = (await asked) ?? (await askSeconds()).seconds;
      if (source === this.#source) this.#set(withSeconds(this.#state, seconds));
    } catch {
      // Whoever cannot answer this does not stream either: the stream's own trouble says it.
    }
  }

  #judge(): void {
    this.#set(withConnection(this.#state, this.#connection()));
  }

  #connection(): Connection {
    const quietMs = monotonicMs() - this.#heardMs;
    if (this.#brokenSinceMs !== undefined) {
      const sinceMs = this.#heardWallMs === 0 ? this.#brokenSinceMs : this.#heardWallMs;
      return wallMs() - this.#brokenSinceMs > lostAfterMs ? { kind: 'lost', sinceMs } : { kind: 'reconnecting', sinceMs };
    }
    if (this.#heardWallMs === 0) return { kind: 'connecting' };
    return quietMs > silentAfterMs ? { kind: 'silent', sinceMs: this.#heardWallMs } : { kind: 'live' };
  }

  #set(state: BoxState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

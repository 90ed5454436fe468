/**
 * Server-sent events: every change of the live feed, to every browser that looks. A browser that reads too slowly is
 * skipped ahead: while its connection is full nothing is kept for it; once it drains it is told how many events it missed
 * and gets the newest status. A browser whose session is over is cut off. Limits: `streamsMax` streams, half of them of one
 * user or token, one unread frame each; a stream stuck for `stuckMaxMs` is ended.
 */
import type { ServerResponse } from 'node:http';
import type { Timer } from '../core/clock.ts';
import type { World } from '../core/world.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { hideInText, type PrefixLengths } from './hidden_addresses.ts';
import type { LiveChange, LiveFeed } from './live_feed.ts';

const quietMs = 15_000;
const stuckMaxMs = 60_000;
/** The browser waits this long before it connects again, unless the page decides otherwise. */
const retryMs = 2_000;

/** What a browser may see, and for how long. */
export interface StreamView {
  readonly hidden: PrefixLengths | undefined;
  readonly holds: () => boolean;
  /** User or token; undefined where everybody is nobody in particular. */
  readonly who: string | undefined;
}

const wholeView: StreamView = { hidden: undefined, holds: () => true, who: undefined };

interface Stream {
  readonly response: ServerResponse;
  readonly view: StreamView;
  /** Monotonic time since which the connection has been full, or undefined. */
  fullSinceMs: number | undefined;
  skipped: number;
  /** Last lists of events, alerts and figures that this browser has; they are sent again only when they have changed. */
  eventsSent: string;
}

export class EventStreams {
  readonly #world: World;
  readonly #live: LiveFeed;
  readonly #streamsMax: number;
  readonly #streams = new Set<Stream>();
  #unsubscribe: (() => void) | undefined;
  #timer: Timer | undefined;
  #lastSentMs = 0;
  #skippedTotal = 0;
  #hiddenOf = '';
  #hiddenText = '';

  constructor(world: World, live: LiveFeed, streamsMax: number) {
    this.#world = world;
    this.#live = live;
    this.#streamsMax = streamsMax;
  }

  get count(): number {
    return this.#streams.size;
  }

  /** One that opens and holds leaves half for the others. */
  isFullFor({ who }: Pick<StreamView, 'who'>): boolean {
    const own = who === undefined ? 0 : [...this.#streams].filter(({ view }) => view.who === who).length;
    return this.#streams.size >= this.#streamsMax || own >= Math.max(1, Math.floor(this.#streamsMax / 2));
  }

  /** Events that slow browsers did not get. */
  get skippedTotal(): number {
    return this.#skippedTotal;
  }

  start(): void {
    this.#unsubscribe = this.#live.subscribe((change) => this.#publish(change));
    this.#timer = this.#world.clock.every(
      5_000,
      () => this.#tend(),
      (error) => this.#world.log.error('streamsUntended', { error }),
    );
  }

  /** Ends every stream; browsers connect again by themselves. */
  stop(): void {
    this.#unsubscribe?.();
    this.#timer?.cancel();
    for (const { response } of this.#streams) response.end();
    this.#streams.clear();
  }

  /** Takes a response over, headers not yet sent. */
  add(response: ServerResponse, headers: Readonly<Record<string, string>>, view: StreamView = wholeView): void {
    const stream: Stream = { response, view, fullSinceMs: undefined, skipped: 0, eventsSent: '' };
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    response.on('error', () => this.#streams.delete(stream)); // a reset connection is the browser's right
    response.on('drain', () => this.#catchUp(stream));
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    this.#write(stream, `retry: ${retryMs}\n\n`);
    const status = this.#live.latest();
    if (status !== undefined) this.#write(stream, this.#statusFrame(stream, status));
  }

  #publish(change: LiveChange): void {
    if (this.#streams.size === 0) return;
    this.#lastSentMs = this.#world.clock.monotonicMs();
    const shared = change.kind === 'second' ? frame('second', change.second) : undefined;
    const slim = change.kind === 'status' ? frame('status', withoutLists(change.status)) : '';
    for (const stream of this.#streams) {
      if (stream.fullSinceMs !== undefined) {
        stream.skipped++;
        this.#skippedTotal++;
      } else if (shared !== undefined) this.#write(stream, shared);
      else if (change.kind === 'status') this.#write(stream, this.#statusFrame(stream, change.status, slim));
    }
  }

  /** Events, alerts and figures come along only when they have changed: they are most of a status, and rare. */
  #statusFrame(stream: Stream, status: BoxStatus, slim?: string): string {
    const version = versionOf(status);
    if (slim !== undefined && version === stream.eventsSent) return slim;
    stream.eventsSent = version;
    return frame('status', status);
  }

  #write(stream: Stream, text: string): void {
    const { hidden } = stream.view;
    if (!stream.response.write(hidden === undefined ? text : this.#hiddenForm(text, hidden)))
      stream.fullSinceMs ??= this.#world.clock.monotonicMs();
  }

  /** Once for all browsers that are shown the same. */
  #hiddenForm(text: string, lengths: PrefixLengths): string {
    if (this.#hiddenOf !== text) {
      this.#hiddenOf = text;
      this.#hiddenText = hideInText(text, lengths);
    }
    return this.#hiddenText;
  }

  #catchUp(stream: Stream): void {
    stream.fullSinceMs = undefined;
    if (stream.skipped === 0) return;
    const status = this.#live.latest();
    this.#write(stream, frame('skipped', { events: stream.skipped }));
    stream.skipped = 0;
    if (status !== undefined && stream.fullSinceMs === undefined) this.#write(stream, this.#statusFrame(stream, status));
  }

  #tend(): void {
    const nowMs = this.#world.clock.monotonicMs();
    const isQuiet = nowMs - this.#lastSentMs >= quietMs;
    if (isQuiet) this.#lastSentMs = nowMs;
    for (const stream of this.#streams) {
      if (!stream.view.holds()) stream.response.end();
      else if (stream.fullSinceMs === undefined) {
        // A comment keeps proxies from closing the connection, and tells us of browsers that have gone.
        if (isQuiet) this.#write(stream, ': quiet\n\n');
      } else if (nowMs - stream.fullSinceMs > stuckMaxMs) stream.response.destroy();
    }
  }
}

function frame(event: string, body: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(body)}\n\n`;
}

/** What tells one pair of lists from another: alerts change in place, so all that changes of them is in it. */
function versionOf({ startedMs, events, alerts, figures }: BoxStatus): string {
  const newest = events.at(-1);
  const told = alerts.map(
    (alert) => `${alert.id} ${alert.raisedMs} ${alert.clearedMs} ${alert.acknowledgedMs} ${alert.mutedUntilMs} ${alert.text}`,
  );
  const values = figures.map(({ value, met }) => `${value} ${met}`);
  return [startedMs, events.length, newest?.atMs, newest?.event, ...told, ...values].join('/');
}

function withoutLists({
  events: _1,
  alerts: _2,
  figures: _3,
  ...rest
}: BoxStatus): Omit<BoxStatus, 'events' | 'alerts' | 'figures'> {
  return rest;
}

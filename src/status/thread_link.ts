/**
 * The line between the main thread and the page's thread: typed messages and both ends of it. A message port has no bound
 * of its own, so the main end counts what the page has not taken yet: beyond `inFlightMax` seconds and windows wait in a
 * bounded queue (`drop-oldest`) and of statuses only the newest is kept. A page that hangs costs the main thread nothing.
 */
import { type Clock, withDeadline } from '../core/clock.ts';
import { ApplianceError, type ErrorCode, errorCodes, messageOf } from '../core/errors.ts';
import { BoundedQueue, type QueueFigures } from '../core/queue.ts';
import type { Alert, AlertAct } from '../flow/alert_shapes.ts';
import type { HistoryWindow } from '../flow/history_shapes.ts';
import type { HostNameChange } from '../flow/host_names.ts';
import type { BoxEvent, BoxStatus, TrafficSecond } from '../flow/status_shapes.ts';
import type { UpdateAct } from '../flow/update_shapes.ts';

/** What goes to the page. The first four are acknowledged with `taken`. */
export type ToPage =
  | { readonly kind: 'second'; readonly second: TrafficSecond }
  | { readonly kind: 'window10s'; readonly window: HistoryWindow }
  | { readonly kind: 'status'; readonly status: BoxStatus }
  | { readonly kind: 'names'; readonly changes: readonly HostNameChange[] }
  | { readonly kind: 'rowsWait' }
  | { readonly kind: 'metrics'; readonly text: string }
  | { readonly kind: 'metricsFailed'; readonly message: string }
  | { readonly kind: 'acted'; readonly turn: number; readonly fault: string; readonly alerts: readonly Alert[] }
  | { readonly kind: 'stop'; readonly deadlineMs: number };

export type ToMain =
  | { readonly kind: 'taken' }
  | { readonly kind: 'metricsWanted' }
  | { readonly kind: 'listening'; readonly url: string; readonly fingerprint: string }
  | { readonly kind: 'setUpCode'; readonly code: string }
  | { readonly kind: 'alertAct'; readonly turn: number; readonly act: AlertAct }
  | { readonly kind: 'updateAct'; readonly turn: number; readonly act: UpdateAct }
  | { readonly kind: 'event'; readonly level: BoxEvent['level']; readonly event: string; readonly text: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly kind: 'stopped' };

/** What both `Worker` and `MessagePort` are. */
export interface LinkPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

const inFlightMax = 64;
const waitingMax = 600;
const metricsDeadlineMs = 5_000;
const actDeadlineMs = 5_000;
const actsMax = 32;

export interface MainEndEvents {
  /** Renders the main thread's figures, for `/metrics`. */
  readonly metrics: () => Promise<string>;
  /** @param fingerprint of the certificate the box made for itself, or empty */
  readonly onListening: (url: string, fingerprint: string) => void;
  /** What an operator does about an alert; all alerts after it. @throws ApplianceError that says why it cannot be done */
  readonly onAlertAct?: (act: AlertAct) => readonly Alert[];
  /** What somebody does about updates. @throws ApplianceError that says why it cannot be done */
  readonly onUpdateAct?: (act: UpdateAct) => void;
  /** The code that makes the first admin; empty when none holds. */
  readonly onSetUpCode?: (code: string) => void;
  /** What the page's thread has to say about what it keeps. */
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
  readonly onFailed: (error: Error) => void;
  readonly onStopped: () => void;
}

type Feed = Extract<ToPage, { kind: 'second' | 'window10s' | 'status' | 'names' }>;

/** Owned by the main thread. */
export class MainEnd {
  readonly #port: LinkPort;
  readonly #events: MainEndEvents;
  readonly #waiting = new BoundedQueue<Feed>('page thread', waitingMax, 'drop-oldest');
  #waitingStatus: Feed | undefined;
  #inFlight = 0;

  constructor(port: LinkPort, events: MainEndEvents) {
    this.#port = port;
    this.#events = events;
  }

  /** Begins to listen; call once, before the thread speaks. */
  open(): void {
    this.#port.on('message', (message) => this.#take(message as ToMain));
  }

  second(second: TrafficSecond): void {
    this.#send({ kind: 'second', second });
  }

  window10s(window: HistoryWindow): void {
    this.#send({ kind: 'window10s', window });
  }

  status(status: BoxStatus): void {
    if (this.#inFlight < inFlightMax) this.#post({ kind: 'status', status });
    else this.#waitingStatus = { kind: 'status', status };
  }

  /** Names that have changed. False, and nothing is sent, while the page is slow: whoever has them keeps them. */
  names(changes: readonly HostNameChange[]): boolean {
    if (this.#inFlight >= inFlightMax) return false;
    if (changes.length > 0) this.#post({ kind: 'names', changes });
    return true;
  }

  /** Many rows lie in the ring: they are not to wait for the page's timer. */
  rowsWait(): void {
    this.#port.postMessage({ kind: 'rowsWait' } satisfies ToPage);
  }

  /** Asks the page's thread to end; `onStopped` follows. */
  requestStop(deadlineMs: number): void {
    this.#port.postMessage({ kind: 'stop', deadlineMs } satisfies ToPage);
  }

  /** Of what waits because the page is slow: `dropped` counts seconds and windows that the page never saw. */
  figures(): QueueFigures {
    return this.#waiting.figures();
  }

  #send(message: Feed): void {
    if (this.#inFlight < inFlightMax && this.#waiting.length === 0) this.#post(message);
    else this.#waiting.push(message);
  }

  #post(message: Feed): void {
    this.#inFlight++;
    this.#port.postMessage(message);
  }

  #take(message: ToMain): void {
    switch (message.kind) {
      case 'taken':
        this.#inFlight = Math.max(0, this.#inFlight - 1);
        this.#refill();
        break;
      case 'metricsWanted':
        void this.#answerMetrics();
        break;
      case 'listening':
        this.#events.onListening(message.url, message.fingerprint);
        break;
      case 'alertAct':
        this.#act(message.turn, () => this.#events.onAlertAct?.(message.act) ?? []);
        break;
      case 'updateAct':
        this.#act(message.turn, () => {
          this.#events.onUpdateAct?.(message.act);
          return [];
        });
        break;
      case 'setUpCode':
        this.#events.onSetUpCode?.(message.code);
        break;
      case 'event':
        this.#events.onEvent?.(message.level, message.event, message.text);
        break;
      case 'failed':
        this.#events.onFailed(
          message.code === undefined ? new Error(message.message) : new ApplianceError(message.code, message.message),
        );
        break;
      case 'stopped':
        this.#events.onStopped();
        break;
    }
  }

  #refill(): void {
    while (this.#inFlight < inFlightMax) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#post(next);
    }
    if (this.#waitingStatus !== undefined && this.#inFlight < inFlightMax) {
      this.#post(this.#waitingStatus);
      this.#waitingStatus = undefined;
    }
  }

  #act(turn: number, act: () => readonly Alert[]): void {
    let fault = '';
    let alerts: readonly Alert[] = [];
    try {
      alerts = act();
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      fault = error.message;
    }
    this.#port.postMessage({ kind: 'acted', turn, fault, alerts } satisfies ToPage);
  }

  async #answerMetrics(): Promise<void> {
    let answer: ToPage;
    try {
      answer = { kind: 'metrics', text: await this.#events.metrics() };
    } catch (error) {
      answer = { kind: 'metricsFailed', message: messageOf(error) }; // the scraper is told; the line goes on
    }
    this.#port.postMessage(answer);
  }
}

export interface PageEndEvents {
  readonly onSecond: (second: TrafficSecond) => void;
  readonly onStatus: (status: BoxStatus) => void;
  readonly onWindow: (window: HistoryWindow) => void;
  readonly onNames?: (changes: readonly HostNameChange[]) => void;
  readonly onRowsWait?: () => void;
  readonly onStop: (deadlineMs: number) => void;
}

/** Owned by the page's thread. */
export class PageEnd {
  readonly #clock: Clock;
  readonly #port: LinkPort;
  readonly #events: PageEndEvents;
  readonly #acting = new Map<number, (acted: Extract<ToPage, { kind: 'acted' }>) => void>();
  #turn = 0;
  #asking: { promise: Promise<string>; resolve: (text: string) => void; reject: (error: Error) => void } | undefined;

  constructor(clock: Clock, port: LinkPort, events: PageEndEvents) {
    this.#clock = clock;
    this.#port = port;
    this.#events = events;
  }

  open(): void {
    this.#port.on('message', (message) => this.#take(message as ToPage));
  }

  /** The main thread's figures as text. Whoever asks while a question is under way gets its answer: never two at once. */
  async metrics(): Promise<string> {
    if (this.#asking === undefined) {
      this.#asking = Promise.withResolvers<string>();
      this.#say({ kind: 'metricsWanted' });
    }
    const asking = this.#asking;
    try {
      return await withDeadline(this.#clock, metricsDeadlineMs, 'collecting metrics', asking.promise);
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }

  /** @throws ApplianceError `usage` with the main thread's words, `deadlineExceeded`, `boxUnreachable` when too many wait */
  async act(act: AlertAct): Promise<readonly Alert[]> {
    return (await this.#ask('changing an alert', (turn) => ({ kind: 'alertAct', turn, act }))).alerts;
  }

  /** The same about updates. */
  async updateAct(act: UpdateAct): Promise<void> {
    await this.#ask('telling of an update', (turn) => ({ kind: 'updateAct', turn, act }));
  }

  async #ask(what: string, message: (turn: number) => ToMain): Promise<Extract<ToPage, { kind: 'acted' }>> {
    if (this.#acting.size >= actsMax) throw new ApplianceError('boxUnreachable', 'too much is being changed at once; try again');
    const turn = ++this.#turn;
    const { promise, resolve } = Promise.withResolvers<Extract<ToPage, { kind: 'acted' }>>();
    this.#acting.set(turn, resolve);
    this.#say(message(turn));
    try {
      const acted = await withDeadline(this.#clock, actDeadlineMs, what, promise);
      if (acted.fault !== '') throw new ApplianceError('usage', acted.fault);
      return acted;
    } finally {
      this.#acting.delete(turn);
    }
  }

  listening(url: string, fingerprint = ''): void {
    this.#say({ kind: 'listening', url, fingerprint });
  }

  setUpCode(code: string): void {
    this.#say({ kind: 'setUpCode', code });
  }

  event(level: BoxEvent['level'], event: string, text: string): void {
    this.#say({ kind: 'event', level, event, text });
  }

  failed(error: unknown): void {
    const code = error instanceof ApplianceError && error.code in errorCodes ? error.code : undefined;
    this.#say({ kind: 'failed', code, message: messageOf(error) });
  }

  stopped(): void {
    this.#say({ kind: 'stopped' });
  }

  #say(message: ToMain): void {
    this.#port.postMessage(message);
  }

  #take(message: ToPage): void {
    switch (message.kind) {
      case 'second':
        this.#events.onSecond(message.second);
        break;
      case 'window10s':
        this.#events.onWindow(message.window);
        break;
      case 'status':
        this.#events.onStatus(message.status);
        break;
      case 'names':
        this.#events.onNames?.(message.changes);
        break;
      case 'rowsWait':
        this.#events.onRowsWait?.();
        return;
      case 'metrics':
        this.#asking?.resolve(message.text);
        return;
      case 'acted':
        this.#acting.get(message.turn)?.(message);
        return;
      case 'metricsFailed':
        this.#asking?.reject(
          new ApplianceError('boxUnreachable', `the main thread could not collect metrics: ${message.message}`),
        );
        return;
      case 'stop':
        this.#events.onStop(message.deadlineMs);
        return;
    }
    this.#say({ kind: 'taken' });
  }
}

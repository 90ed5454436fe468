/**
 * Alerts over HTTP: one POST of JSON per change, in order, tried again with jitter until it is taken or too old. Limits:
 * `waitingMax` changes wait for each receiver, the oldest makes room; answers are not read beyond their status. An edge.
 */
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { WebhookSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { httpRequest, httpsRequest } from '../../core/node_http.ts';
import { BoundedQueue } from '../../core/queue.ts';
import { RetrySchedule } from '../../core/retry.ts';
import type { World } from '../../core/world.ts';

/** What is posted; the same for each attempt, so that a receiver can tell a repetition by `delivery`. */
export interface WebhookBody {
  readonly delivery: string;
  readonly atMs: number;
  readonly [field: string]: unknown;
}

/** Gives the status of the answer, or throws what the network says. */
export type Post = (url: URL, headers: Readonly<Record<string, string>>, body: string, options: PostOptions) => Promise<number>;
export interface PostOptions {
  readonly timeoutMs: number;
  /** Ends the attempt: we stop. */
  readonly signal: AbortSignal;
  readonly ca: string | undefined;
}

const waitingMax = 200;

export interface WebhookParts {
  readonly world: World;
  readonly settings: WebhookSettings;
  readonly post?: Post;
  readonly readSecret?: (path: string) => Promise<string>;
  /** Something was taken or given up: what waits has changed. */
  readonly onChange: () => void;
}

export class Webhook {
  readonly #parts: WebhookParts;
  readonly #waiting: BoundedQueue<WebhookBody>;
  readonly #retry: RetrySchedule;
  readonly #ended = new AbortController();
  #sending = false;
  #timer: Timer | undefined;
  #delivered = 0;
  #givenUp = 0;
  #trouble = '';

  constructor(parts: WebhookParts) {
    const { settings, world } = parts;
    this.#parts = parts;
    this.#waiting = new BoundedQueue(`webhook ${settings.name}`, waitingMax, 'drop-oldest');
    this.#retry = new RetrySchedule({ firstMs: settings.retryFirstMs, capMs: settings.retryCapMs }, world.random);
  }

  get name(): string {
    return this.#parts.settings.name;
  }

  get figures(): { readonly waiting: number; readonly delivered: number; readonly givenUp: number } {
    const { items, dropped } = this.#waiting.figures();
    return { waiting: items, delivered: this.#delivered, givenUp: this.#givenUp + dropped };
  }

  /** What a restart must not forget. */
  get waiting(): readonly WebhookBody[] {
    return this.#waiting.list();
  }

  wants(severity: 'page' | 'ticket'): boolean {
    return this.#parts.settings.severity === 'all' || severity === 'page';
  }

  push(body: WebhookBody): void {
    this.#waiting.push(body);
    void this.#work();
  }

  /** What is on its way is broken off, and stays to be posted after a restart. */
  stop(): void {
    this.#ended.abort();
    this.#timer?.cancel();
  }

  async #work(): Promise<void> {
    if (this.#sending || this.#ended.signal.aborted || this.#timer !== undefined) return;
    this.#sending = true;
    const { world, settings, onChange } = this.#parts;
    try {
      for (let body = this.#waiting.peek(); body !== undefined; body = this.#waiting.peek()) {
        const fault = await this.#attempt(body);
        if (this.#ended.signal.aborted) return;
        const isOld = world.clock.wallMs() - body.atMs > settings.ageMaxS * 1_000;
        if (fault !== '' && !isOld) {
          if (fault !== this.#trouble) world.log.warn('webhookWaits', { webhook: settings.name, reason: fault });
          this.#trouble = fault;
          this.#timer = world.clock.after(this.#retry.nextMs(), () => {
            this.#timer = undefined;
            void this.#work();
          });
          return;
        }
        // While it was on its way the queue may have made room for newer ones, at its expense.
        if (this.#waiting.peek() === body) this.#waiting.shift();
        if (fault === '') this.#delivered++;
        else this.#givenUp++;
        if (fault !== '') world.log.error('webhookGivenUp', { webhook: settings.name, reason: fault });
        this.#trouble = '';
        this.#retry.reset();
        onChange();
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Empty when it was taken, else why not. A receiver that says that the request itself is wrong will not change its mind soon, but may be mended. */
  async #attempt(body: WebhookBody): Promise<string> {
    const { settings, world, post = postOverNetwork, readSecret = firstLine } = this.#parts;
    try {
      const text = JSON.stringify(body);
      const secret = settings.secretFile === '' ? undefined : await readSecret(settings.secretFile);
      const atS = Math.floor(world.clock.wallMs() / 1_000);
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'flowspan',
        ...(secret === undefined ? {} : { 'x-flowspan-signature': signature(secret, atS, text) }),
      };
      const ca = settings.caFile === '' ? undefined : await readFile(settings.caFile, 'utf8');
      const status = await post(new URL(settings.url), headers, text, {
        timeoutMs: settings.timeoutMs,
        signal: this.#ended.signal,
        ca,
      });
      return status >= 200 && status < 300 ? '' : `${new URL(settings.url).host} answered ${status}`;
    } catch (error) {
      return messageOf(error);
    }
  }
}

/** `t=1767264060,v1=HEX`: HMAC-SHA-256 over `t.body`. The time lets a receiver refuse what somebody replays later. */
export function signature(secret: string, atS: number, body: string): string {
  return `t=${atS},v1=${createHmac('sha256', secret).update(`${atS}.${body}`).digest('hex')}`;
}

async function firstLine(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).split(/\r?\n/)[0]!.trim();
}

const postOverNetwork: Post = (url, headers, body, { timeoutMs, signal: ended, ca }) =>
  new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const signal = AbortSignal.any([ended, AbortSignal.timeout(timeoutMs)]);
    const options = { method: 'POST', agent: false, signal, ...(ca === undefined ? {} : { ca }) };
    const asking = send(url, { ...options, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy(); // what else it says is no matter, and may be endless
    });
    asking.on('error', reject);
    asking.end(body);
  });

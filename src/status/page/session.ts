/**
 * Who sits before this browser, as the box sees it: asked once at the start, again when the box refuses. Changes go with
 * the session's token against forgery. While somebody moves, the box is told so,
 * once a minute at most. One per tab.
 */
import type { SessionAnswer } from '../../flow/access_shapes.ts';
import { BoxRefused, BoxUnreachable } from './api.ts';
import { after, every, monotonicMs } from './browser_clock.ts';

const toldMostMs = 60_000;
const changeTimeoutMs = 30_000;
const unknown: SessionAnswer = { state: 'open' };

export class PageSession {
  #answer: SessionAnswer = unknown;
  #notice = '';
  #movedMs = Number.NEGATIVE_INFINITY;
  #toldMs = 0;
  readonly #listeners = new Set<() => void>();

  get answer(): SessionAnswer {
    return this.#answer;
  }

  /** Why somebody has to sign in again; empty at first. */
  get notice(): string {
    return this.#notice;
  }

  get isIn(): boolean {
    return this.#answer.state === 'open' || this.#answer.state === 'signedIn';
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param answer what the box has said already; otherwise it is asked */
  async begin(answer: SessionAnswer | undefined): Promise<void> {
    if (answer === undefined) await this.refresh();
    else this.#set(answer);
  }

  /** Asks the box; a box that does not answer changes nothing. */
  async refresh(): Promise<void> {
    try {
      this.#set(await send<SessionAnswer>('GET', '/api/v1/session'));
    } catch (error) {
      if (!(error instanceof BoxUnreachable || error instanceof BoxRefused)) throw error;
    }
  }

  /** The box has refused a question: the session may be over. */
  async doubt(): Promise<void> {
    const was = this.#answer.state;
    await this.refresh();
    if (was === 'signedIn' && !this.isIn) this.#notice = 'Your session is over. Sign in again to go on.';
    if (was === 'open' && !this.isIn) this.#notice = 'This box asks for sign-in from now on.';
    this.#tell();
  }

  async signIn(name: string, password: string): Promise<void> {
    this.#enter(await this.change<SessionAnswer>('POST', '/api/v1/session', { name, password }));
  }

  async setUp(code: string, name: string, password: string): Promise<void> {
    this.#enter(await this.change<SessionAnswer>('POST', '/api/v1/setup', { code, name, password }));
  }

  async signOut(): Promise<void> {
    await this.change('DELETE', '/api/v1/session');
    this.#notice = 'You are signed out.';
    await this.refresh();
  }

  /** Whatever changes something at the box. @throws BoxRefused with the box's words, BoxUnreachable */
  async change<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T> {
    try {
      return await send<T>(method, path, this.#answer.csrfToken, body);
    } catch (error) {
      if (error instanceof BoxRefused && error.code === 'signInNeeded') await this.doubt();
      throw error;
    }
  }

  /** Watches for somebody who moves. */
  watch(): void {
    const moved = (): void => {
      this.#movedMs = monotonicMs();
    };
    for (const kind of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const)
      addEventListener(kind, moved, { passive: true });
    every(1_000, () => {
      const { state, idleMs = 0 } = this.#answer;
      const due = this.#toldMs + Math.min(toldMostMs, idleMs / 3);
      if (state !== 'signedIn' || this.#movedMs <= this.#toldMs || monotonicMs() < due) return;
      this.#toldMs = monotonicMs();
      void this.change('POST', '/api/v1/session/active').catch(() => {
        // Gone, or over: the stream of live figures notices as well, and says which.
      });
    });
  }

  #enter(answer: SessionAnswer): void {
    this.#notice = '';
    this.#set(answer);
  }

  #set(answer: SessionAnswer): void {
    this.#answer = answer;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

async function send<T>(method: string, path: string, csrfToken?: string, body?: object): Promise<T> {
  const late = new AbortController();
  const cancel = after(changeTimeoutMs, () => late.abort());
  let response: Response;
  let answer: (T & { error?: { code: string; message: string } }) | undefined;
  try {
    response = await fetch(path, {
      method,
      signal: late.signal,
      headers: {
        ...(body === undefined ? {} : { 'content-type': body instanceof Blob ? body.type : 'application/json' }),
        ...(csrfToken === undefined || method === 'GET' ? {} : { 'x-csrf-token': csrfToken }),
      },
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
    });
    answer = response.status === 204 ? undefined : await response.json();
  } catch {
    throw new BoxUnreachable(); // one error for every trouble of the network, an answer that ends in the middle too
  } finally {
    cancel();
  }
  if (!response.ok) throw new BoxRefused(answer?.error?.code ?? 'unknown', answer?.error?.message ?? `HTTP ${response.status}`);
  return answer as T;
}

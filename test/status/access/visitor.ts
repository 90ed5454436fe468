/** Somebody with a browser, as far as HTTP tells: keeps cookies and the token against forgery, sends them back. */
import type { SessionAnswer } from '../../../src/flow/access_shapes.ts';

export const password = 'correct horse battery';

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  readonly body: any;
}

export class Visitor {
  readonly #url: string;
  cookie = '';
  csrf = '';
  /** Sent with everything. */
  readonly extra: Record<string, string> = {};

  constructor(url: string) {
    this.#url = url;
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Told> {
    const response = await fetch(this.#url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.cookie === '' ? {} : { cookie: this.cookie }),
        ...(this.csrf === '' ? {} : { 'x-csrf-token': this.csrf }),
        ...this.extra,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const set = response.headers.get('set-cookie');
    if (set !== null) this.cookie = set.split(';')[0]!;
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text !== '' ? JSON.parse(text) : undefined,
    };
  }

  get(path: string): Promise<Told> {
    return this.ask('GET', path);
  }

  async #enter(path: string, body: object): Promise<Told> {
    const told = await this.ask('POST', path, body);
    if (told.status === 200) this.csrf = (told.body as SessionAnswer).csrfToken!;
    return told;
  }

  setUp(code: string, name = 'anna'): Promise<Told> {
    return this.#enter('/api/v1/setup', { code, name, password });
  }

  signIn(name: string, secret = password): Promise<Told> {
    return this.#enter('/api/v1/session', { name, password: secret });
  }
}

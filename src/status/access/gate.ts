/**
 * The gate before every route: who asks, may they, and did they mean it. A route says in its `config.role` whom it serves;
 * one that says nothing serves viewers when it only reads, and admins when it changes something.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Random } from '../../core/random.ts';
import { mayAct, type Role } from '../../flow/access_shapes.ts';
import { ApiError } from '../answers.ts';
import type { Access, Principal } from './access.ts';
import { sameOrigin } from './rules.ts';
import { newSecret, sameText } from './secrets.ts';
import { csrfMatches } from './sessions.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Least role that may call it; `public`: anybody, before sign-in too. */
    role?: Role | 'public';
    /** Only people who signed in, or the console: no token. */
    peopleOnly?: boolean;
  }
}

export interface GateParts {
  /** Absent: no sign-in here at all. */
  readonly access: Access | undefined;
  readonly random: Random;
  readonly isTls: boolean;
  /** True for connections that came through the socket in the data folder. */
  readonly isLocal: (request: FastifyRequest) => boolean;
}

/** Whoever may open the page without sign-in may acknowledge alerts, but not make users for the day when it is asked for. */
const openRole: Role = 'operator';
const changes = (method: string): boolean => method !== 'GET' && method !== 'HEAD';

export class Gate {
  readonly #parts: GateParts;
  readonly #principals = new WeakMap<FastifyRequest, Principal>();
  /** Stands in for a session's where nobody signs in: a foreign page cannot read it. */
  readonly openCsrfToken: string;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.openCsrfToken = newSecret(parts.random);
  }

  install(server: FastifyInstance): void {
    server.addHook('onRequest', async (request, reply) => this.#admit(request, reply));
  }

  /** Undefined on public routes for somebody who has not signed in. */
  principalOf(request: FastifyRequest): Principal | undefined {
    return this.#principals.get(request);
  }

  /** On routes that are not public. */
  admitted(request: FastifyRequest): Principal {
    const principal = this.#principals.get(request);
    if (principal === undefined) throw new Error('a route that is not public was reached by nobody');
    return principal;
  }

  /** Whether somebody who was let in a while ago would be let in now: for streams. */
  stillAdmitted(principal: Principal): boolean {
    const { access } = this.#parts;
    if (principal.by === 'open') return access === undefined || !access.signInNeeded;
    if (principal.by === 'local') return true;
    if (principal.by === 'token') return access?.tokenHolds(principal) === true;
    return access?.sessionPrincipal(principal.sessionId!)?.role === principal.role;
  }

  /** Browsers keep `__Host-` cookies to this very host, over TLS, out of reach of other names (RFC 6265bis 4.1.3.2). */
  get cookieName(): string {
    return this.#parts.isTls ? '__Host-flowspan' : 'flowspan-session';
  }

  setCookie(reply: FastifyReply, id: string): void {
    const secure = this.#parts.isTls ? '; Secure' : '';
    // No Max-Age: it goes with the browser; how long it is good for the box decides.
    reply.header('set-cookie', `${this.cookieName}=${id}; Path=/; HttpOnly; SameSite=Strict${secure}`);
  }

  clearCookie(reply: FastifyReply): void {
    const secure = this.#parts.isTls ? '; Secure' : '';
    reply.header('set-cookie', `${this.cookieName}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict${secure}`);
  }

  /** The id that the browser sent, good or not. */
  sessionIdOf(request: FastifyRequest): string | undefined {
    const found = (request.headers.cookie ?? '')
      .split(';')
      .map((part) => part.trim().split('='))
      .filter(([name]) => name === this.cookieName);
    // Two of them: somebody else on this host has planted one. Neither is believed.
    return found.length === 1 && /^[A-Za-z0-9_-]{43}$/.test(found[0]![1] ?? '') ? found[0]![1] : undefined;
  }

  async #admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { role = changes(request.method) ? 'admin' : 'viewer', peopleOnly = false } = request.routeOptions.config ?? {};
    const principal = await this.#principal(request);
    if (principal !== undefined) this.#principals.set(request, principal);
    // What is nowhere says so only to those who may look; files of the page are the same on every box.
    const needed = request.is404 ? (isPrivate(request.url) ? 'viewer' : 'public') : role;
    if (changes(request.method)) this.#checkIntent(request, principal);
    if (needed === 'public') return;
    if (principal === undefined) {
      reply.header('www-authenticate', 'Bearer realm="flowspan"'); // RFC 9110 11.6.1
      throw new ApiError('signInNeeded', 'Sign in first; programs send an API token as Authorization: Bearer.');
    }
    if (!mayAct(principal.role, needed) || (peopleOnly && principal.by === 'token')) {
      this.#parts.access?.audit.noteFailure(
        principal.who,
        addressOf(request),
        'refused',
        `${request.method} ${request.url}`,
        'failed',
      );
      const who = peopleOnly && principal.by === 'token' ? 'a person with the role' : 'the role';
      throw new ApiError('notAllowed', `This takes ${who} ${needed}; ${principal.who} is ${principal.role}.`);
    }
  }

  async #principal(request: FastifyRequest): Promise<Principal | undefined> {
    const { access, isLocal } = this.#parts;
    if (isLocal(request)) return { who: 'console', role: 'admin', by: 'local' };
    const { authorization } = request.headers;
    if (access !== undefined && authorization !== undefined) {
      const principal = await access.tokenPrincipal(/^Bearer ([\w-]{1,100})$/i.exec(authorization)?.[1] ?? '');
      if (principal === undefined) access.audit.noteFailure('', addressOf(request), 'tokenRefused', '', 'failed');
      // A bad token is not made good by a cookie or an open page.
      return principal;
    }
    const id = this.sessionIdOf(request);
    const signedIn = id === undefined ? undefined : access?.sessionPrincipal(id);
    if (signedIn !== undefined) return signedIn;
    return access === undefined || !access.signInNeeded ? { who: 'anybody', role: openRole, by: 'open' } : undefined;
  }

  /** Cross-site request forgery: the browser's word on the origin, and a token that only our own page can read. */
  #checkIntent(request: FastifyRequest, principal: Principal | undefined): void {
    const { host, origin, 'sec-fetch-site': fetchSite, 'x-csrf-token': sent } = request.headers;
    const fetchSiteText = typeof fetchSite === 'string' ? fetchSite : undefined;
    if (!sameOrigin({ host, origin, fetchSite: fetchSiteText })) {
      throw new ApiError('forged', 'This request comes from another site; only the box’s own page may send it.');
    }
    const matches =
      principal?.by === 'session'
        ? csrfMatches(principal.session!, sent)
        : principal?.by !== 'open' || (typeof sent === 'string' && sameText(sent, this.openCsrfToken));
    if (!matches)
      throw new ApiError('forged', 'x-csrf-token is missing or not that of this session; GET /api/v1/session tells it.');
  }
}

/** Empty for the socket in the data folder. */
export const addressOf = (request: FastifyRequest): string => request.ip ?? '';

const isPrivate = (url: string): boolean => /^\/(api\/|metrics)/.test(url);

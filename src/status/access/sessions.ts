/**
 * Who is signed in: kept in memory by the hash of the session's id, never the id itself. A session ends when nobody was
 * there for `idleMs`, after `lifeMs` in any case, at sign-out, and when its user changes. Limits: `sessionsMax` in all,
 * `perUserMax` of one user; the one that was idle longest makes room. Pure, with clock and entropy handed in.
 */
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Role } from '../../flow/access_shapes.ts';
import type { PasswordHash } from './passwords.ts';
import { digest, newSecret, sameText } from './secrets.ts';

export interface SessionLimits {
  readonly idleMs: number;
  readonly lifeMs: number;
}

export interface Session {
  readonly name: string;
  readonly role: Role;
  readonly csrfToken: string;
  /** The session goes by these passwords of its user, and ends with them. */
  readonly hashes: readonly PasswordHash[];
}

interface Held extends Session {
  hashes: readonly PasswordHash[];
  readonly bornMs: number;
  /** When the password was given last. */
  provedMs: number;
  activeMs: number;
}

const sessionsMax = 256;
const perUserMax = 16;

export class Sessions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: SessionLimits;
  readonly #held = new Map<string, Held>();

  constructor(clock: Clock, random: Random, limits: SessionLimits) {
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
  }

  get count(): number {
    this.#forgetEnded();
    return this.#held.size;
  }

  get idleMs(): number {
    return this.#limits.idleMs;
  }

  /** A new id each time: what the browser brought before sign-in is never taken up. */
  open(name: string, role: Role, hash: PasswordHash): { readonly id: string; readonly session: Session } {
    this.#forgetEnded();
    const own = [...this.#held].filter(([, held]) => held.name === name);
    if (own.length >= perUserMax) this.#held.delete(longestIdle(own));
    if (this.#held.size >= sessionsMax) this.#held.delete(longestIdle([...this.#held]));
    const id = newSecret(this.#random);
    const nowMs = this.#clock.monotonicMs();
    const session = {
      name,
      role,
      csrfToken: newSecret(this.#random),
      hashes: [hash],
      bornMs: nowMs,
      provedMs: nowMs,
      activeMs: nowMs,
    };
    this.#held.set(digest(id), session);
    return { id, session };
  }

  /** Undefined for ids that are unknown or over. Asking does not keep a session alive: a page asks by itself. */
  find(id: string): Session | undefined {
    const key = digest(id);
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    if (!this.#isOver(held)) return held;
    this.#held.delete(key);
    return undefined;
  }

  /** Somebody is there. */
  touch(id: string): void {
    const held = this.#held.get(digest(id));
    if (held !== undefined && !this.#isOver(held)) held.activeMs = this.#clock.monotonicMs();
  }

  /** The password was given once more. */
  prove(id: string): void {
    const held = this.#held.get(digest(id));
    if (held !== undefined) held.provedMs = this.#clock.monotonicMs();
  }

  /** Whether the password was given within this time: for what somebody at a page left open must not do. */
  isProved(id: string, withinMs: number): boolean {
    const held = this.#held.get(digest(id));
    return held !== undefined && this.#clock.monotonicMs() - held.provedMs <= withinMs;
  }

  /** The password is about to change by this session's own hand: it goes on, whichever of them is kept when it is asked for. */
  outlive(id: string, hashes: readonly PasswordHash[]): void {
    const held = this.#held.get(digest(id));
    if (held !== undefined) held.hashes = hashes;
  }

  close(id: string): void {
    this.#held.delete(digest(id));
  }

  /** Ends all sessions of a user but one. */
  closeAllOf(name: string, exceptId = ''): void {
    const kept = digest(exceptId);
    for (const [key, held] of this.#held) if (held.name === name && key !== kept) this.#held.delete(key);
  }

  #isOver({ activeMs, bornMs }: Held): boolean {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - activeMs >= this.#limits.idleMs || nowMs - bornMs >= this.#limits.lifeMs;
  }

  #forgetEnded(): void {
    for (const [key, held] of this.#held) if (this.#isOver(held)) this.#held.delete(key);
  }
}

function longestIdle(candidates: readonly (readonly [string, Held])[]): string {
  return candidates.reduce((oldest, one) => (one[1].activeMs < oldest[1].activeMs ? one : oldest))[0];
}

export const csrfMatches = (session: Session, sent: unknown): boolean =>
  typeof sent === 'string' && sent !== '' && sameText(session.csrfToken, sent);

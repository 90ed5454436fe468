/**
 * Who may see and do what: users and tokens, sessions, the set-up code, limits on attempts. Decides about principals, not
 * about requests: `gate.ts` reads those. Owned by the page's thread. Limits: those of the parts.
 */
import type { StatusSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import type { AuditAction, Role } from '../../flow/access_shapes.ts';
import { ApiError } from '../answers.ts';
import { AccountFile } from './account_file.ts';
import { findUser, plainName, type User, withChange, withUser } from './accounts.ts';
import { AttemptLimit, addressGroup } from './attempt_limit.ts';
import { AuditLog } from './audit_log.ts';
import { Passwords, passwordFault } from './passwords.ts';
import { signInWanted } from './rules.ts';
import { digest, newSetUpCode, parseToken, plainCode, sameText } from './secrets.ts';
import { type Session, Sessions } from './sessions.ts';

export interface Principal {
  readonly who: string;
  readonly role: Role;
  /** `open`: nobody signs in here. `local`: through the socket in the data folder, which only its owner may open. */
  readonly by: 'open' | 'session' | 'token' | 'local';
  readonly sessionId?: string;
  readonly session?: Session;
}

export interface AccessParts {
  readonly world: World;
  readonly settings: StatusSettings;
  readonly dataFolder: string;
  /** A set-up code that holds from now on; empty when none does any more. For the console, never for the page. */
  readonly onSetUpCode: (code: string) => void;
}

const refreshMs = 2_000;

export class Access {
  readonly audit: AuditLog;
  readonly accounts: AccountFile;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly #parts: AccessParts;
  readonly #perAddress: AttemptLimit;
  readonly #perName: AttemptLimit;
  readonly #perBox: AttemptLimit;
  #setUpCode = '';
  #trouble = '';
  #timer: Timer | undefined;

  constructor(parts: AccessParts) {
    const { world, settings, dataFolder } = parts;
    const { clock, random } = world;
    this.#parts = parts;
    this.audit = new AuditLog(dataFolder, world);
    this.accounts = new AccountFile(dataFolder, clock);
    this.sessions = new Sessions(clock, random, { idleMs: settings.sessionIdleS * 1_000, lifeMs: settings.sessionMaxS * 1_000 });
    this.passwords = new Passwords(random);
    const nowMs = clock.monotonicMs();
    this.#perAddress = new AttemptLimit({ burst: 10, refillMs: 20_000, buckets: 4_096 }, random, nowMs);
    // These refill faster than one address may try: alone it cannot use them up. Many together can, and then the owner competes
    // with them for the next try.
    this.#perName = new AttemptLimit({ burst: 20, refillMs: 6_000, buckets: 1_024 }, random, nowMs);
    this.#perBox = new AttemptLimit({ burst: 10, refillMs: 10_000, buckets: 1 }, random, nowMs);
  }

  async start(): Promise<void> {
    await this.refresh();
    this.#timer = this.#parts.world.clock.every(
      refreshMs,
      () => this.refresh(),
      (error) => this.#parts.world.log.error('accountsUnread', { reason: messageOf(error) }),
    );
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.audit.settled();
  }

  /** Why nobody can sign in, for the console; empty when all is well. */
  get trouble(): string {
    return this.#trouble;
  }

  /** Asked for on each request: a user that the command line makes closes an open page at once. */
  get signInNeeded(): boolean {
    return signInWanted(this.#parts.settings, this.accounts.accounts.users.length > 0 || this.#trouble !== '');
  }

  /** The set-up code is what is wanted: no user exists. */
  get setUpNeeded(): boolean {
    return this.#setUpCode !== '';
  }

  /** Takes up what the command line has changed. */
  async refresh(): Promise<void> {
    try {
      await this.accounts.refresh();
      this.#trouble = '';
    } catch (error) {
      if (!(error instanceof ApplianceError)) throw error;
      if (this.#trouble === '') this.#parts.world.log.error('accountsUnread', { reason: error.message });
      this.#trouble = error.message;
    }
    this.#renewSetUpCode();
  }

  /** @throws ApiError when tries are used up, or name and password do not belong together */
  async signIn(typedName: string, password: string, from: string): Promise<{ readonly id: string; readonly session: Session }> {
    const name = plainName(typedName).slice(0, 64);
    this.#takeAttempt(this.#perName, name, name, from, 'signIn');
    await this.refresh();
    const user = findUser(this.accounts.accounts, name);
    if (!(await this.#passwordMatches(password, user))) {
      this.audit.noteFailure(name, from, 'signIn', '', 'failed');
      throw new ApiError('signInRefused', 'Name and password do not belong together.');
    }
    // Looked up again: the hash took a while, in which the user may have been removed.
    const now = findUser(this.accounts.accounts, name);
    if (now === undefined || now.hash !== user!.hash)
      throw new ApiError('signInRefused', 'Name and password do not belong together.');
    this.#perAddress.giveBack(addressGroup(from));
    this.#perName.giveBack(name);
    this.audit.note(name, from, 'signIn');
    return this.sessions.open(name, now.role, now.hash);
  }

  /** Makes the first admin. The code is good once. @throws ApiError, ApplianceError `accountRefused` or of the store */
  async setUp(
    code: string,
    typedName: string,
    password: string,
    from: string,
  ): Promise<{ readonly id: string; readonly session: Session }> {
    this.#takeAttempt(this.#perBox, 'setUp', '', from, 'setUp');
    await this.refresh();
    if (this.#setUpCode === '' || !sameText(plainCode(code), plainCode(this.#setUpCode))) {
      this.audit.noteFailure('', from, 'setUp', '', 'failed');
      throw new ApiError('signInRefused', 'That is not the set-up code. It stands on the box’s console and in its log.');
    }
    const name = plainName(typedName);
    const user = await this.newUser(name, 'admin', password);
    await this.accounts.change((accounts) => {
      // Two that came with the same code at once: one of them is the first.
      if (accounts.users.length > 0) throw new ApiError('signInRefused', 'Somebody else has just set this box up.');
      return withUser(accounts, user);
    });
    this.#perAddress.giveBack(addressGroup(from));
    this.#renewSetUpCode();
    this.audit.note(name, from, 'setUp', name);
    return this.sessions.open(name, user.role, user.hash);
  }

  /** Somebody who has signed in gives their password once more. @throws ApiError */
  async prove({ who, sessionId = '' }: Principal, password: string, from: string): Promise<void> {
    this.#takeAttempt(this.#perName, who, who, from, 'proved');
    if (!(await this.#passwordMatches(password, findUser(this.accounts.accounts, who)))) {
      this.audit.noteFailure(who, from, 'proved', '', 'failed');
      throw new ApiError('signInRefused', 'That is not your password.');
    }
    this.#perAddress.giveBack(addressGroup(from));
    this.#perName.giveBack(who);
    this.sessions.prove(sessionId);
    this.audit.note(who, from, 'proved');
  }

  /** @throws ApiError, ApplianceError */
  async changeOwnPassword(principal: Principal, current: string, next: string, from: string): Promise<void> {
    const { who, sessionId } = principal;
    this.#takeAttempt(this.#perName, who, who, from, 'passwordChanged');
    const user = findUser(this.accounts.accounts, who);
    if (!(await this.#passwordMatches(current, user))) {
      this.audit.noteFailure(who, from, 'passwordChanged', who, 'failed');
      throw new ApiError('signInRefused', 'That is not your password.');
    }
    this.#perAddress.giveBack(addressGroup(from));
    this.#perName.giveBack(who);
    const hash = await this.hashOf(next, who);
    await this.changeUser(who, { hash }, sessionId);
    this.audit.note(who, from, 'passwordChanged', who);
  }

  /** Ends the user's sessions but the one kept. @throws ApplianceError `accountRefused` or of the store */
  async changeUser(name: string, change: Partial<Pick<User, 'role' | 'hash'>>, keptSessionId = ''): Promise<void> {
    const { hash } = change;
    await this.accounts.change((accounts) => {
      const before = findUser(accounts, name);
      if (before !== undefined && hash !== undefined) this.sessions.outlive(keptSessionId, [before.hash, hash]);
      return withChange(accounts, name, change);
    });
    this.sessions.closeAllOf(name, keptSessionId);
  }

  async newUser(name: string, role: Role, password: string): Promise<User> {
    return { name, role, createdMs: Math.round(this.#parts.world.clock.wallMs()), hash: await this.hashOf(password, name) };
  }

  /** @throws ApplianceError `accountRefused` that says what a password must be */
  async hashOf(password: string, name: string): Promise<string> {
    const fault = passwordFault(password, name);
    if (fault !== undefined) throw new ApplianceError('accountRefused', `the password is ${fault}`);
    this.#checkRoom();
    return this.passwords.hash(password);
  }

  /** Undefined for a token that is none, is revoked or has expired. */
  async tokenPrincipal(text: string): Promise<Principal | undefined> {
    const presented = parseToken(text);
    if (presented === undefined) return undefined;
    // The command line may have made it this moment.
    if (!this.accounts.accounts.tokens.some(({ id }) => id === presented.id)) await this.refresh();
    const token = this.accounts.accounts.tokens.find(({ id }) => id === presented.id);
    const good = sameText(token?.hash ?? digest(''), digest(presented.secret));
    if (token === undefined || !good) return undefined;
    if (token.expiresMs !== 0 && token.expiresMs <= this.#parts.world.clock.wallMs()) return undefined;
    return { who: `token ${token.id}`, role: token.role, by: 'token' };
  }

  /** Whether the token of somebody who was let in a while ago still holds. */
  tokenHolds({ who, role }: Principal): boolean {
    const nowMs = this.#parts.world.clock.wallMs();
    return this.accounts.accounts.tokens.some(
      (token) => who === `token ${token.id}` && token.role === role && (token.expiresMs === 0 || token.expiresMs > nowMs),
    );
  }

  /** Held against the users each time: they may have changed by the command line, and been read again by anything here. */
  sessionPrincipal(sessionId: string): Principal | undefined {
    const session = this.sessions.find(sessionId);
    if (session === undefined) return undefined;
    const { name, role, hashes } = session;
    const user = findUser(this.accounts.accounts, name);
    if (user?.role === role && hashes.includes(user.hash)) return { who: name, role, by: 'session', sessionId, session };
    this.sessions.close(sessionId); // for good: the role may come back
    return undefined;
  }

  #takeAttempt(limit: AttemptLimit, key: string, name: string, from: string, action: AuditAction): void {
    const nowMs = this.#parts.world.clock.monotonicMs();
    const address = addressGroup(from);
    // What is refused is no attempt on the other limit: else an address that never stops would keep a name's owner out for good.
    let waitMs = this.#perAddress.take(address, nowMs);
    if (waitMs === 0) {
      waitMs = limit.take(key, nowMs);
      if (waitMs > 0) this.#perAddress.giveBack(address);
    }
    if (waitMs > 0) {
      this.audit.noteFailure(name, from, action, '', 'limited');
      const seconds = Math.ceil(waitMs / 1_000);
      throw new ApiError('tooManyAttempts', `Too many attempts; try again in ${seconds} s.`, { retryAfterS: seconds });
    }
    this.#checkRoom();
  }

  #checkRoom(): void {
    if (!this.passwords.hasRoom)
      throw new ApiError('tooBusy', 'The box is checking as many passwords as it can; try again shortly.');
  }

  #passwordMatches(password: string, user: User | undefined): Promise<boolean> {
    return this.passwords.matches(password, user?.hash);
  }

  #renewSetUpCode(): void {
    const wanted = this.#trouble === '' && this.accounts.accounts.users.length === 0 && signInWanted(this.#parts.settings, false);
    if (wanted === (this.#setUpCode !== '')) return;
    this.#setUpCode = wanted ? this.#parts.settings.setUpCode || newSetUpCode(this.#parts.world.random) : '';
    this.#parts.onSetUpCode(this.#setUpCode);
  }
}

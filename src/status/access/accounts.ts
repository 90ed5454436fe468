/**
 * Users and tokens, as they are kept: what may be changed and how, and their form as text. Pure: `account_file.ts` keeps
 * them. Limits: `usersMax` users, `tokensMax` tokens; there is always an admin once there is a user.
 */
import { ApplianceError } from '../../core/errors.ts';
import { type Role, roles, type TokenEntry, type UserEntry, userNamePattern } from '../../flow/access_shapes.ts';
import { type PasswordHash, parsePhc } from './passwords.ts';

export interface User extends UserEntry {
  readonly hash: PasswordHash;
}

export interface Token extends TokenEntry {
  /** SHA-256 of the secret half. */
  readonly hash: string;
}

export interface Accounts {
  readonly users: readonly User[];
  readonly tokens: readonly Token[];
}

export const noAccounts: Accounts = { users: [], tokens: [] };

const usersMax = 64;
const tokensMax = 64;
const tokenNameLengthMax = 64;

export const findUser = ({ users }: Accounts, name: string): User | undefined => users.find((user) => user.name === name);

/** As a person may type it. */
export const plainName = (typed: string): string => typed.trim().toLowerCase();

export function withUser(accounts: Accounts, user: User): Accounts {
  if (!userNamePattern.test(user.name)) {
    throw refusal(
      `the name ${JSON.stringify(user.name.slice(0, 40))} is not allowed; allowed: small letters, digits, dot, dash and underscore, at most 32`,
    );
  }
  if (findUser(accounts, user.name) !== undefined) throw refusal(`there is a user ${user.name} already`);
  if (accounts.users.length >= usersMax) throw refusal(`there are ${usersMax} users already; allowed: ${usersMax}`);
  return { ...accounts, users: [...accounts.users, user] };
}

export function withChange(accounts: Accounts, name: string, change: Partial<Pick<User, 'role' | 'hash'>>): Accounts {
  if (findUser(accounts, name) === undefined) throw refusal(`there is no user ${name.slice(0, 40)}`);
  const users = accounts.users.map((user) => (user.name === name ? { ...user, ...change } : user));
  return checked({ ...accounts, users }, name);
}

export function withoutUser(accounts: Accounts, name: string): Accounts {
  if (findUser(accounts, name) === undefined) throw refusal(`there is no user ${name.slice(0, 40)}`);
  return checked({ ...accounts, users: accounts.users.filter((user) => user.name !== name) }, name);
}

/** Nobody locks everybody out: the last admin stays one. */
function checked(accounts: Accounts, name: string): Accounts {
  if (accounts.users.some(({ role }) => role === 'admin')) return accounts;
  throw refusal(`${name} is the last admin; make another one first`);
}

export function withToken(accounts: Accounts, token: Token): Accounts {
  if (token.name === '' || token.name.length > tokenNameLengthMax || /\p{C}/u.test(token.name))
    throw refusal(`a token needs a name of at most ${tokenNameLengthMax} characters that says what it is for`);
  if (accounts.tokens.length >= tokensMax) throw refusal(`there are ${tokensMax} tokens already; revoke one`);
  return { ...accounts, tokens: [...accounts.tokens, token] };
}

export function withoutToken(accounts: Accounts, id: string): Accounts {
  if (!accounts.tokens.some((token) => token.id === id)) throw refusal(`there is no token ${id.slice(0, 40)}`);
  return { ...accounts, tokens: accounts.tokens.filter((token) => token.id !== id) };
}

export function asRole(text: string): Role {
  const role = roles.find((one) => one === text);
  if (role === undefined) throw refusal(`${JSON.stringify(text.slice(0, 40))} is no role; allowed: ${roles.join(', ')}`);
  return role;
}

const refusal = (message: string): ApplianceError => new ApplianceError('accountRefused', message);

const schemaVersion = 1;

export function accountsText({ users, tokens }: Accounts): string {
  return `${JSON.stringify({ schema: schemaVersion, users, tokens }, null, 2)}\n`;
}

/** @throws ApplianceError `accountsDamaged`: a file that is not ours must not be taken for one without users */
export function parseAccounts(text: string): Accounts {
  let found: { schema?: unknown; users?: unknown; tokens?: unknown };
  try {
    found = JSON.parse(text) as typeof found;
  } catch (error) {
    throw new ApplianceError('accountsDamaged', 'it is no JSON', { cause: error });
  }
  const { users, tokens } = found ?? {};
  if (
    found?.schema !== schemaVersion ||
    !Array.isArray(users) ||
    !Array.isArray(tokens) ||
    !users.every(isUser) ||
    !tokens.every(isToken)
  ) {
    throw new ApplianceError('accountsDamaged', 'it does not hold users and tokens of this version');
  }
  return { users, tokens };
}

function isUser(found: unknown): found is User {
  const { name, role, createdMs, hash } = (found ?? {}) as Partial<User>;
  return (
    typeof name === 'string' &&
    userNamePattern.test(name) &&
    roles.some((one) => one === role) &&
    typeof createdMs === 'number' &&
    typeof hash === 'string' &&
    parsePhc(hash) !== undefined
  );
}

function isToken(found: unknown): found is Token {
  const { id, name, role, hash, createdMs, createdBy, expiresMs } = (found ?? {}) as Partial<Token>;
  return (
    typeof id === 'string' &&
    /^[0-9a-f]{12}$/.test(id) &&
    typeof name === 'string' &&
    roles.some((one) => one === role) &&
    typeof hash === 'string' &&
    typeof createdMs === 'number' &&
    typeof createdBy === 'string' &&
    typeof expiresMs === 'number'
  );
}

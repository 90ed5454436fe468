/** Signing in and out, users, tokens and the audit log, under /api/v1. Answers never hold a password, a hash or, but once, a token. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApplianceError } from '../../core/errors.ts';
import type { World } from '../../core/world.ts';
import { type SessionAnswer, type TokenEntry, type UserEntry, userNamePattern } from '../../flow/access_shapes.ts';
import { ApiError } from '../answers.ts';
import type { Access } from './access.ts';
import { asRole, plainName, withoutToken, withoutUser, withToken, withUser } from './accounts.ts';
import { addressOf, type Gate } from './gate.ts';
import { newToken } from './secrets.ts';

const bodyFieldMax = 1_024;
const auditMax = 500;
const dayMs = 86_400_000;
const tokenDaysMax = 3_650;

export interface AccessRouteParts {
  readonly access: Access | undefined;
  readonly gate: Gate;
  readonly world: Pick<World, 'clock' | 'random'>;
}

export function addAccessRoutes(server: FastifyInstance, { access, gate, world }: AccessRouteParts): void {
  server.get('/api/v1/session', { config: { role: 'public' } }, (request): SessionAnswer => {
    const principal = gate.principalOf(request);
    if (principal?.by === 'session') {
      const { name, role, csrfToken } = principal.session!;
      return { state: 'signedIn', name, role, csrfToken, idleMs: access!.sessions.idleMs };
    }
    if (principal !== undefined) {
      return { state: 'open', name: principal.who, role: principal.role, csrfToken: gate.openCsrfToken };
    }
    return { state: access!.setUpNeeded ? 'setUp' : 'needed' };
  });
  if (access !== undefined) addSignedRoutes(server, { access, gate, world });
}

function addSignedRoutes(server: FastifyInstance, parts: AccessRouteParts & { readonly access: Access }): void {
  const { access, gate } = parts;
  const signedIn = { config: { role: 'viewer', peopleOnly: true } } as const;

  server.post('/api/v1/session', { config: { role: 'public' } }, async (request, reply): Promise<SessionAnswer> => {
    const before = gate.sessionIdOf(request);
    const { id, session } = await access.signIn(field(request, 'name'), field(request, 'password'), addressOf(request));
    if (before !== undefined) access.sessions.close(before);
    gate.setCookie(reply, id);
    return { state: 'signedIn', ...shown(session), idleMs: access.sessions.idleMs };
  });

  server.post('/api/v1/setup', { config: { role: 'public' } }, async (request, reply): Promise<SessionAnswer> => {
    const [code, name, password] = [field(request, 'code'), field(request, 'name'), field(request, 'password')];
    const { id, session } = await kept(() => access.setUp(code, name, password, addressOf(request)));
    gate.setCookie(reply, id);
    return { state: 'signedIn', ...shown(session), idleMs: access.sessions.idleMs };
  });

  server.delete('/api/v1/session', signedIn, async (request, reply) => {
    const { who, sessionId } = gate.admitted(request);
    if (sessionId !== undefined) {
      access.sessions.close(sessionId);
      access.audit.note(who, addressOf(request), 'signOut');
    }
    gate.clearCookie(reply);
    return reply.code(204).send();
  });

  // Somebody moved: a page asks by itself all day, so its questions say nothing about who sits before it.
  server.post('/api/v1/session/active', signedIn, async (request, reply) => {
    const { sessionId } = gate.admitted(request);
    if (sessionId !== undefined) access.sessions.touch(sessionId);
    return reply.code(204).send();
  });

  server.post('/api/v1/session/proof', signedIn, async (request, reply) => {
    const principal = gate.admitted(request);
    if (principal.by === 'session') await access.prove(principal, field(request, 'password'), addressOf(request));
    return reply.code(204).send();
  });

  server.post('/api/v1/password', signedIn, async (request, reply) => {
    const principal = gate.admitted(request);
    if (principal.by !== 'session') throw new ApiError('notAllowed', 'Only somebody who has signed in has a password to change.');
    const [current, next] = [field(request, 'current'), field(request, 'next')];
    await kept(() => access.changeOwnPassword(principal, current, next, addressOf(request)));
    return reply.code(204).send();
  });

  addUserRoutes(server, parts);
  addTokenRoutes(server, parts);

  server.get('/api/v1/audit', { config: { role: 'admin' } }, async () => ({ entries: await access.audit.newest(auditMax) }));
}

const admins = { config: { role: 'admin', peopleOnly: true } } as const;

function addUserRoutes(server: FastifyInstance, { access, gate }: AccessRouteParts & { readonly access: Access }): void {
  server.get('/api/v1/users', admins, async (): Promise<{ users: UserEntry[] }> => {
    const { users } = access.accounts.accounts;
    return { users: users.map(({ name, role, createdMs }) => ({ name, role, createdMs })) };
  });

  server.post('/api/v1/users', admins, async (request, reply) => {
    const name = plainName(field(request, 'name'));
    const role = asRole(field(request, 'role'));
    const user = await access.newUser(name, role, field(request, 'password'));
    await kept(() => access.accounts.change((accounts) => withUser(accounts, user)));
    access.audit.note(gate.admitted(request).who, addressOf(request), 'userAdded', `${name} as ${role}`);
    return reply.code(201).send({ name, role });
  });

  server.patch('/api/v1/users/:name', admins, async (request, reply) => {
    const name = nameOf(request);
    const body = (request.body ?? {}) as Record<string, unknown>;
    const change = {
      ...(body.role === undefined ? {} : { role: asRole(field(request, 'role')) }),
      ...(body.password === undefined ? {} : { hash: await access.hashOf(field(request, 'password'), name) }),
    };
    const { who, sessionId } = gate.admitted(request);
    await kept(() => access.changeUser(name, change, change.role === undefined && who === name ? sessionId : ''));
    const what = [name, change.role === undefined ? '' : `role ${change.role}`, change.hash === undefined ? '' : 'password'];
    access.audit.note(who, addressOf(request), 'userChanged', what.filter((word) => word !== '').join(', '));
    return reply.code(204).send();
  });

  server.delete('/api/v1/users/:name', admins, async (request, reply) => {
    const name = nameOf(request);
    await kept(() => access.accounts.change((accounts) => withoutUser(accounts, name)));
    access.sessions.closeAllOf(name);
    access.audit.note(gate.admitted(request).who, addressOf(request), 'userRemoved', name);
    return reply.code(204).send();
  });
}

function addTokenRoutes(server: FastifyInstance, { access, gate, world }: AccessRouteParts & { readonly access: Access }): void {
  server.get('/api/v1/tokens', admins, async (): Promise<{ tokens: TokenEntry[] }> => {
    return { tokens: access.accounts.accounts.tokens.map(({ hash: _, ...entry }) => entry) };
  });

  server.post('/api/v1/tokens', admins, async (request, reply) => {
    const name = field(request, 'name').trim();
    const role = asRole(field(request, 'role'));
    const { days = 0 } = (request.body ?? {}) as { days?: unknown };
    if (typeof days !== 'number' || !Number.isInteger(days) || days < 0 || days > tokenDaysMax) {
      throw new ApiError('badParameter', `days: allowed: a whole number from 0 (for ever) to ${tokenDaysMax}.`, {
        parameter: 'days',
      });
    }
    const { who } = gate.admitted(request);
    const { id, token, hash } = newToken(world.random);
    const createdMs = Math.round(world.clock.wallMs());
    const entry: TokenEntry = { id, name, role, createdMs, createdBy: who, expiresMs: days === 0 ? 0 : createdMs + days * dayMs };
    await kept(() => access.accounts.change((accounts) => withToken(accounts, { ...entry, hash })));
    access.audit.note(who, addressOf(request), 'tokenMade', `${id} ${name} as ${role}`);
    return reply.code(201).send({ ...entry, token });
  });

  server.delete('/api/v1/tokens/:id', admins, async (request, reply) => {
    const { id } = request.params as { id: string };
    await kept(() => access.accounts.change((accounts) => withoutToken(accounts, id)));
    access.audit.note(gate.admitted(request).who, addressOf(request), 'tokenRevoked', id);
    return reply.code(204).send();
  });
}

const shown = ({ name, role, csrfToken }: Required<Pick<SessionAnswer, 'name' | 'role' | 'csrfToken'>>) => ({
  name,
  role,
  csrfToken,
});

/** A text of the body. The message never repeats it: it may be a password. */
function field(request: FastifyRequest, name: string): string {
  const body = request.body;
  const value = body !== null && typeof body === 'object' ? (body as Record<string, unknown>)[name] : undefined;
  if (typeof value === 'string' && value.length <= bodyFieldMax) return value;
  const allowed = `a text of at most ${bodyFieldMax} characters`;
  throw new ApiError('badParameter', `${name} is missing or no text; allowed: ${allowed}, in a body of JSON.`, {
    parameter: name,
    allowed,
  });
}

function nameOf(request: FastifyRequest): string {
  const { name } = request.params as { name: string };
  if (!userNamePattern.test(name)) throw new ApiError('notFound', 'There is no such user.');
  return name;
}

/** What the disk refuses is no fault of the question. */
async function kept<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof ApplianceError && error.code !== 'accountRefused')
      throw new ApiError('accountsUnavailable', `The users cannot be changed: ${error.message}.`);
    throw error;
  }
}

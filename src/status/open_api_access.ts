/** The part of the API's description that is about who may use it, and what may be changed. Pure. */
import { auditActions, roles } from '../flow/access_shapes.ts';
import { muteHoursMax } from '../flow/alert_shapes.ts';
import { about, type Json, list, number, object, oneOf, text, time } from './open_api_shapes.ts';

const role = oneOf(roles);
const body = (properties: Json, optional: readonly string[] = []): Json => ({
  required: true,
  content: { 'application/json': { schema: object(properties, '', optional) } },
});
const answer = (description: string, schema?: Json): Json => ({
  description,
  ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
});
const listOf = (name: string, properties: Json): Json => object({ [name]: list(object(properties)) });
const user = { name: text, role, createdMs: time };
const token = { id: text, name: text, role, createdMs: time, createdBy: text, expiresMs: time };
const session = object(
  {
    state: oneOf(['open', 'needed', 'setUp', 'signedIn']),
    name: text,
    role,
    csrfToken: about('To be sent back as x-csrf-token', text),
    idleMs: number,
  },
  'Nothing but state before somebody has signed in',
  ['name', 'role', 'csrfToken', 'idleMs'],
);
const failure = { $ref: '#/components/responses/Failure' };
const done = (summary: string, more: Json = {}): Json => ({
  summary,
  ...more,
  responses: { 204: answer('Done'), default: failure },
});
const gives = (summary: string, code: number, schema: Json, more: Json = {}): Json => ({
  summary,
  ...more,
  responses: { [code]: answer(summary, schema), default: failure },
});
const anybody = { security: [] };
const named = (name: string): Json => ({ parameters: [{ name, in: 'path', required: true, schema: text }] });

export const securitySchemes: Json = {
  token: { type: 'http', scheme: 'bearer', description: 'An API token: flowspan token make NAME' },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-flowspan',
    description: 'Of somebody who signed in; what changes something also needs x-csrf-token. Without TLS: flowspan-session',
  },
};

/** What needs no token or session is said to. */
export const accessPaths: Json = {
  '/api/v1/session': {
    get: gives('Whether and how to sign in', 200, session, anybody),
    post: gives('Sign in', 200, session, { ...anybody, requestBody: body({ name: text, password: text }) }),
    delete: done('Sign out'),
  },
  '/api/v1/session/proof': { post: done('Give the password once more', { requestBody: body({ password: text }) }) },
  '/api/v1/session/active': { post: done('Somebody is there: the session goes on') },
  '/api/v1/setup': {
    post: gives('Make the first admin, with the code from the console', 200, session, {
      ...anybody,
      requestBody: body({ code: text, name: text, password: text }),
    }),
  },
  '/api/v1/password': { post: done('Change your own password', { requestBody: body({ current: text, next: text }) }) },
  '/api/v1/users': {
    get: gives('Users (admin)', 200, listOf('users', user)),
    post: gives('Add one (admin)', 201, object({ name: text, role }), {
      requestBody: body({ name: text, role, password: text }),
    }),
  },
  '/api/v1/users/{name}': {
    ...named('name'),
    patch: done('Another role or password (admin)', { requestBody: body({ role, password: text }, ['role', 'password']) }),
    delete: done('Remove one (admin)'),
  },
  '/api/v1/tokens': {
    get: gives('Tokens, without their secrets (admin)', 200, listOf('tokens', token)),
    post: gives('Make one, shown this once (admin)', 201, object({ ...token, token: text }), {
      requestBody: body({ name: text, role, days: about('0: for ever', { type: 'integer' }) }, ['days']),
    }),
  },
  '/api/v1/tokens/{id}': { ...named('id'), delete: done('Revoke one (admin)') },
  '/api/v1/audit': {
    get: gives(
      'What was done, newest first (admin)',
      200,
      listOf('entries', {
        atMs: time,
        who: text,
        from: text,
        action: oneOf(auditActions),
        what: text,
        outcome: oneOf(['done', 'failed', 'limited', 'unanswered']),
      }),
    ),
  },
  '/api/v1/alerts/{id}/acknowledge': { ...named('id'), post: done('Somebody looks after it (operator)') },
  '/api/v1/alerts/{id}/mute': {
    ...named('id'),
    post: done('Nobody is told for so long (operator)', {
      requestBody: body({ hours: { type: 'number', exclusiveMinimum: 0, maximum: muteHoursMax } }),
    }),
    delete: done('Tell again (operator)'),
  },
};

/**
 * The settings of the box under /api/v1/settings: what the set-up form shows, what it would make of the settings file, and for admins to apply
 * it, to keep what is on trial, and to go back. Who applies it is not the service (`SetUpDesk`). What changes how the box is reached takes a
 * password that was given lately: a page that somebody left open must not do it.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ApplianceError } from '../core/errors.ts';
import { type SetUpCheck, type SetUpFacts, type SetUpForm, type SetUpState, setUpOctetsMax } from '../flow/set_up_shapes.ts';
import type { Access } from './access/access.ts';
import type { Gate } from './access/gate.ts';
import { ApiError } from './answers.ts';
import { audited } from './audited_acts.ts';

export interface SetUpDesk {
  /** @throws ApplianceError */
  facts(): Promise<SetUpFacts>;
  /** What of it a page may ask for again and again. @throws ApplianceError */
  state(): Promise<SetUpState>;
  /** @throws ApplianceError */
  check(form: SetUpForm): Promise<SetUpCheck>;
  /** Hands it over; `facts` tell what became of it, under the number that is returned. @throws ApplianceError `usage` */
  apply(who: string, form: SetUpForm, revision: string): Promise<string>;
  /** @throws ApplianceError `usage` */
  keep(who: string): Promise<void>;
  /** @throws ApplianceError `usage` */
  undo(who: string): Promise<void>;
}

export interface SetUpRouteParts {
  readonly gate: Gate;
  readonly access: Access | undefined;
  readonly desk: SetUpDesk | undefined;
}

const path = '/api/v1/settings';
const operators = { config: { role: 'operator', peopleOnly: true }, bodyLimit: 3 * setUpOctetsMax } as const;
const admins = { config: { role: 'admin', peopleOnly: true }, bodyLimit: 3 * setUpOctetsMax } as const;
const provedWithinMs = 600_000;
const shownPathsMax = 400;

export function addSetUpRoutes(server: FastifyInstance, { gate, access, desk }: SetUpRouteParts): void {
  const idle: SetUpState = { isApplying: false, trial: null, last: null };
  // Asked for by the page of every admin, also where nothing is set.
  server.get(`${path}/state`, operators, () => (desk === undefined ? idle : answered(() => desk.state())));
  if (desk === undefined) return;
  const whoOf = (request: FastifyRequest): string => gate.admitted(request).who;

  server.get(path, operators, () => answered(() => desk.facts()));

  server.post(`${path}/check`, operators, async (request) => {
    const form = await formIn(request);
    return answered(() => desk.check(form));
  });

  server.put(path, admins, async (request, reply) => {
    const { sessionId } = gate.admitted(request);
    if (sessionId !== undefined && access?.sessions.isProved(sessionId, provedWithinMs) !== true)
      throw new ApiError('proofNeeded', 'Give your password once more: you have signed in a while ago.');
    const form = await formIn(request);
    const { revision } = request.body as { revision?: unknown };
    if (typeof revision !== 'string') throw missing('revision', 'the revision that the form was made of');
    const { changes } = await answered(() => desk.check(form));
    const what = changes
      .map(({ path: changed }) => changed)
      .join(', ')
      .slice(0, shownPathsMax);
    let id = '';
    const note = { who: whoOf(request), action: 'settingsApplied', what, refusedAs: 'notNow' } as const;
    await audited(access, request, note, async () => {
      id = await desk.apply(whoOf(request), form, revision);
    });
    return reply.code(202).send({ id });
  });

  const settles = (name: 'keep' | 'undo', action: 'settingsKept' | 'settingsUndone'): void => {
    server.post(`${path}/${name}`, admins, async (request, reply) => {
      const who = whoOf(request);
      await audited(access, request, { who, action, what: '', refusedAs: 'notNow' }, () => desk[name](who));
      return reply.code(204).send();
    });
  };
  settles('keep', 'settingsKept');
  settles('undo', 'settingsUndone');
}

async function formIn(request: FastifyRequest): Promise<SetUpForm> {
  // The schema of all settings: loaded when somebody sets some.
  const { asForm } = await import('../config/set_up_form.ts');
  const form = asForm(((request.body ?? {}) as { form?: unknown }).form);
  if (typeof form === 'string') throw new ApiError('badParameter', `${form}.`, { parameter: 'form' });
  return form;
}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    throw new ApiError('notReady', `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  }
}

const missing = (parameter: string, allowed: string): ApiError =>
  new ApiError('badParameter', `${parameter}: allowed: ${allowed}.`, { parameter, allowed });

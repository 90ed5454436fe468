/** Alerts under /api/v1: what stands, and what an operator does about it. What is done goes to the main thread, which keeps them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuditAction } from '../flow/access_shapes.ts';
import { type Alert, type AlertAct, muteHoursMax } from '../flow/alert_shapes.ts';
import type { Access } from './access/access.ts';
import type { Gate } from './access/gate.ts';
import { ApiError } from './answers.ts';
import { audited } from './audited_acts.ts';
import type { LiveFeed } from './live_feed.ts';

export interface AlertRouteParts {
  readonly live: LiveFeed;
  readonly gate: Gate;
  readonly access: Access | undefined;
  readonly act: ((act: AlertAct) => Promise<void>) | undefined;
}

const hourMs = 3_600_000;
const operators = { config: { role: 'operator' } } as const;
const actions: Readonly<Record<AlertAct['kind'], AuditAction>> = {
  acknowledge: 'alertAcknowledged',
  mute: 'alertMuted',
  unmute: 'alertUnmuted',
};

export function addAlertRoutes(server: FastifyInstance, { live, gate, access, act }: AlertRouteParts): void {
  const does = async (request: FastifyRequest, reply: FastifyReply, what: AlertAct, words: string): Promise<FastifyReply> => {
    if (act === undefined) throw new ApiError('notReady', 'Alerts cannot be changed here.');
    const note = { who: what.who, action: actions[what.kind], what: words, refusedAs: 'notFound' } as const;
    await audited(access, request, note, () => act(what));
    return reply.code(204).send();
  };
  const asked = (request: FastifyRequest): { readonly id: string; readonly who: string } => ({
    id: (request.params as { id: string }).id,
    who: gate.admitted(request).who,
  });

  server.get('/api/v1/alerts', async (): Promise<{ alerts: readonly Alert[] }> => {
    const status = live.latest();
    if (status === undefined)
      throw new ApiError('notReady', 'The box has just started and has not reported yet; try again in a second.');
    return { alerts: status.alerts };
  });

  server.post('/api/v1/alerts/:id/acknowledge', operators, (request, reply) => {
    const { id, who } = asked(request);
    return does(request, reply, { kind: 'acknowledge', id, who }, id);
  });

  server.post('/api/v1/alerts/:id/mute', operators, (request, reply) => {
    const { id, who } = asked(request);
    const { hours } = (request.body ?? {}) as { hours?: unknown };
    if (typeof hours !== 'number' || !(hours > 0 && hours <= muteHoursMax)) {
      const allowed = `a number above 0, up to ${muteHoursMax}`;
      throw new ApiError('badParameter', `hours: allowed: ${allowed}, in a body of JSON.`, { parameter: 'hours', allowed });
    }
    return does(request, reply, { kind: 'mute', id, who, forMs: Math.round(hours * hourMs) }, `${id} for ${hours} h`);
  });

  server.delete('/api/v1/alerts/:id/mute', operators, (request, reply) => {
    const { id, who } = asked(request);
    return does(request, reply, { kind: 'unmute', id, who }, id);
  });
}

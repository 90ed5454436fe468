/** Updates under /api/v1: the state of slots, and what an admin does about new versions. Decided in the main thread; what is uploaded is written here. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { messageOf, systemCode } from '../core/errors.ts';
import type { AuditAction } from '../flow/access_shapes.ts';
import { bundleOctetsMax, type UpdateAct, type UpdateStatus } from '../flow/update_shapes.ts';
import type { Access } from './access/access.ts';
import type { Gate } from './access/gate.ts';
import { ApiError } from './answers.ts';
import { audited } from './audited_acts.ts';
import type { LiveFeed } from './live_feed.ts';
import { pieceOctetsMax, UploadDesk } from './upload_desk.ts';

export interface UpdateDesk {
  /** Where uploads go. */
  readonly folder: string;
  /** @throws ApplianceError `usage` with why it cannot be done */
  readonly act: (act: UpdateAct) => Promise<void>;
}

export interface UpdateRouteParts {
  readonly live: LiveFeed;
  readonly gate: Gate;
  readonly access: Access | undefined;
  readonly desk: UpdateDesk | undefined;
}

const operators = { config: { role: 'operator' } } as const;
const admins = { config: { role: 'admin' } } as const;
const uploadPath = '/api/v1/updates/upload';

export function addUpdateRoutes(server: FastifyInstance, { live, gate, access, desk }: UpdateRouteParts): void {
  server.get('/api/v1/updates', async (): Promise<UpdateStatus> => {
    const status = live.latest();
    if (status === undefined)
      throw new ApiError('notReady', 'The box has just started and has not reported yet; try again in a second.');
    return status.updates;
  });
  if (desk === undefined) return;
  const uploads = new UploadDesk(desk.folder);
  // What the main thread waited for in vain is not held open either, nor gone on with.
  let wasUploading = false;
  const unsubscribe = live.subscribe((change) => {
    if (change.kind !== 'status') return;
    const isUploading = change.status.updates.state === 'uploading';
    // What the disk says against it, it says to the next upload.
    if (wasUploading && !isUploading) uploads.letGo().catch(() => {});
    wasUploading = isUploading;
  });
  server.addHook('onClose', () => {
    unsubscribe();
    return uploads.giveUp();
  });
  const whoOf = (request: FastifyRequest): string => gate.admitted(request).who;
  const does = async (request: FastifyRequest, act: UpdateAct, action?: AuditAction, what = ''): Promise<void> => {
    await audited(access, request, { who: act.who, action, what, refusedAs: 'notNow' }, () => desk.act(act));
  };
  const nothing = (reply: FastifyReply): FastifyReply => reply.code(204).send();

  server.post('/api/v1/updates/check', operators, async (request, reply) => {
    await does(request, { kind: 'check', who: whoOf(request) }, 'updateChecked');
    return nothing(reply);
  });

  server.post('/api/v1/updates/install', admins, async (request, reply) => {
    const { version } = (request.body ?? {}) as { version?: unknown };
    if (typeof version !== 'string') throw missing('version', 'the version that was shown');
    await does(request, { kind: 'install', who: whoOf(request), version }, 'updateInstalled', version);
    return nothing(reply);
  });

  server.post(uploadPath, admins, async (request, reply) => {
    const { octets } = (request.body ?? {}) as { octets?: unknown };
    const allowed = `a whole number from 1 to ${bundleOctetsMax}`;
    if (!Number.isInteger(octets) || (octets as number) < 1 || (octets as number) > bundleOctetsMax)
      throw missing('octets', allowed);
    await does(request, { kind: 'upload', who: whoOf(request), octets: octets as number });
    // A status that is still on its way tells of the one before.
    wasUploading = false;
    try {
      await onDisk(() => uploads.begin(octets as number));
    } catch (error) {
      // Else it would be waited for, and nothing else taken, for an hour.
      await does(request, { kind: 'discard', who: whoOf(request) });
      throw error;
    }
    return reply.send({ pieceOctetsMax });
  });

  server.post(`${uploadPath}/end`, admins, async (request, reply) => {
    const whole = await onDisk(() => uploads.end());
    await does(request, { kind: 'uploaded', who: whoOf(request), ...whole }, 'updateUploaded', `SHA-256 ${whole.sha256}`);
    return nothing(reply);
  });

  server.delete(uploadPath, admins, async (request, reply) => {
    await onDisk(() => uploads.giveUp());
    await does(request, { kind: 'discard', who: whoOf(request) }, 'updateDiscarded');
    return nothing(reply);
  });

  // In a scope of its own: nowhere else are bodies anything but JSON.
  server.register(async (scope) => {
    scope.addContentTypeParser(
      'application/octet-stream',
      { parseAs: 'buffer', bodyLimit: pieceOctetsMax },
      (_request, body, done) => done(null, body),
    );
    scope.put(uploadPath, { ...admins, bodyLimit: pieceOctetsMax }, async (request, reply) => {
      const { from } = request.query as { from?: unknown };
      if (typeof from !== 'string' || !/^\d{1,12}$/.test(from)) throw missing('from', 'the octet at which this piece belongs');
      if (!(request.body instanceof Buffer))
        throw new ApiError('badRequest', 'A piece of a bundle comes as application/octet-stream.');
      const piece = request.body;
      return reply.send({ octets: await onDisk(() => uploads.piece(Number(from), piece)) });
    });
  });
}

const missing = (parameter: string, allowed: string): ApiError =>
  new ApiError('badParameter', `${parameter}: allowed: ${allowed}.`, { parameter, allowed });

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApiError || systemCode(error) === undefined) throw error;
    throw new ApiError('noRoom', `The bundle cannot be written: ${messageOf(error)}.`);
  }
}

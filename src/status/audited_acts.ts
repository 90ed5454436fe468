/**
 * What somebody has the main thread do: done, refused in its words, or not answered in time; written down in each case in which it may
 * have come about. An edge.
 */
import type { FastifyRequest } from 'fastify';
import { ApplianceError } from '../core/errors.ts';
import type { AuditAction } from '../flow/access_shapes.ts';
import type { Access } from './access/access.ts';
import { addressOf } from './access/gate.ts';
import { ApiError } from './answers.ts';

export interface ActNote {
  readonly who: string;
  /** Absent: nothing is written down. */
  readonly action: AuditAction | undefined;
  readonly what: string;
  /** What it is when the box says no. */
  readonly refusedAs: 'notNow' | 'notFound';
}

/** @throws ApiError when it was not done, or nobody knows */
export async function audited(
  access: Access | undefined,
  request: FastifyRequest,
  { who, action, what, refusedAs }: ActNote,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    const words = error.message;
    if (error.code === 'usage') throw new ApiError(refusedAs, `${words.charAt(0).toUpperCase()}${words.slice(1)}.`);
    if (error.code !== 'deadlineExceeded') throw new ApiError('notReady', `The box did not take it: ${words}.`);
    // It was sent: the main thread may do it as soon as it comes to it.
    if (action !== undefined) access?.audit.noteUnanswered(who, addressOf(request), action, what);
    throw new ApiError('timedOut', 'The box has not answered in time, and may do it yet: look before you try again.');
  }
  if (action !== undefined) access?.audit.note(who, addressOf(request), action, what);
}

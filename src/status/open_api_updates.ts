/** The part of the API's description that is about updates of a box of the image. Pure. */
import { bundleOctetsMax, updateOutcomes, updateStates } from '../flow/update_shapes.ts';
import { about, flag, type Json, list, number, object, oneOf, orNull, reference, text, texts, time } from './open_api_shapes.ts';
import { pieceOctetsMax } from './upload_desk.ts';

const failure = { $ref: '#/components/responses/Failure' };
const answer = (description: string, schema?: Json): Json => ({
  description,
  ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
});
const done = (summary: string, schema?: Json): Json => ({
  summary,
  ...(schema === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema } } } }),
  responses: { 204: answer('Done'), default: failure },
});
const octets = { type: 'integer', minimum: 1, maximum: bundleOctetsMax };

export const updateSchemas: Json = {
  Updates: object(
    {
      state: oneOf(updateStates),
      reason: text,
      slots: list(
        object({
          name: oneOf(['A', 'B']),
          isRunning: flag,
          version: text,
          state: about(
            'onTrial: runs, not judged yet; next: tried at the next start; left: nothing would start it',
            oneOf(['good', 'onTrial', 'next', 'left']),
          ),
        }),
      ),
      offered: orNull(
        object({ version: text, octets: number, doneOctets: number, source: oneOf(['folder', 'page']), sha256: text }),
      ),
      isFetching: flag,
      checkedMs: time,
      checkFault: text,
      nextCheckMs: time,
      past: list(
        object({
          atMs: time,
          outcome: oneOf(updateOutcomes),
          slot: oneOf(['A', 'B', '']),
          ...texts('version', 'source', 'sha256', 'reason'),
        }),
      ),
    },
    'Slots, what is done about new versions, and what became of the last, newest first',
  ),
};

const uploadPath = '/api/v1/updates/upload';

export const updatePaths: Json = {
  '/api/v1/updates': {
    get: { summary: 'Slots and updates', responses: { 200: answer('Now', reference('Updates')), default: failure } },
  },
  '/api/v1/updates/check': { post: done('Look into the folder of updates now (operator)') },
  '/api/v1/updates/install': {
    post: done('Install the uploaded bundle, by the version that was shown, and restart (admin)', object({ version: text })),
  },
  [uploadPath]: {
    post: {
      summary: 'Begin to upload a bundle of so many octets (admin)',
      requestBody: { required: true, content: { 'application/json': { schema: object({ octets }) } } },
      responses: { 200: answer('How many octets a piece may have', object({ pieceOctetsMax: number })), default: failure },
    },
    put: {
      summary: `A piece of it, at most ${pieceOctetsMax} octets, in order (admin)`,
      parameters: [{ name: 'from', in: 'query', required: true, schema: { type: 'integer', minimum: 0 } }],
      requestBody: { required: true, content: { 'application/octet-stream': {} } },
      responses: { 200: answer('How many octets are there now', object({ octets: number })), default: failure },
    },
    delete: done('Discard what was uploaded (admin)'),
  },
  [`${uploadPath}/end`]: { post: done('All pieces are there: have its signature looked at (admin)') },
};

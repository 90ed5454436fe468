/** The page itself: exact paths from memory, with entity tags and the compressed form the browser takes. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError } from './answers.ts';
import { chooseEncoding, type PageFile } from './page_files.ts';

export function addPageRoutes(server: FastifyInstance, files: ReadonlyMap<string, PageFile>): void {
  for (const [path, file] of files) {
    server.get(path, { compress: false, config: { role: 'public' } }, (request, reply) => answer(file, request, reply));
  }
  if (!files.has('/')) {
    server.get('/', { config: { role: 'public' } }, () => {
      throw new ApiError(
        'pageNotBuilt',
        'The page is not built: run npm run build:page. The API under /api/v1 works without it.',
      );
    });
  }
}

function answer(file: PageFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const encoding = chooseEncoding(file, request.headers['accept-encoding']);
  const etag = file.etag[encoding] as string;
  reply.header('etag', etag);
  reply.header('vary', 'accept-encoding');
  // The page's address stays, so it is asked for again and answered with 304; hashed names are kept for a year.
  reply.header('cache-control', file.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (tagMatches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  if (encoding !== 'identity') reply.header('content-encoding', encoding);
  return reply.type(file.type).send(file.bodies[encoding]);
}

/** RFC 9110 13.1.2: weak comparison, any of a list. */
function tagMatches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

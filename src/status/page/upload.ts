/** Sends a bundle to the box, piece by piece: each is a request that is over soon, and says how far it is. */
import type { PageSession } from './session.ts';

const path = '/api/v1/updates/upload';

/** @throws BoxRefused with the box's words, BoxUnreachable */
export async function uploadBundle(session: PageSession, file: Blob, onProgress: (doneOctets: number) => void): Promise<void> {
  onProgress(0);
  const { pieceOctetsMax } = await session.change<{ pieceOctetsMax: number }>('POST', path, { octets: file.size });
  for (let from = 0; from < file.size; ) {
    const piece = file.slice(from, from + pieceOctetsMax, 'application/octet-stream');
    from = (await session.change<{ octets: number }>('PUT', `${path}?from=${from}`, piece)).octets;
    onProgress(from);
  }
  await session.change('POST', `${path}/end`);
}

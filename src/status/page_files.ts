/**
 * The built page, read into memory once at start with its compressed forms (made at build). A request is answered from a
 * map by exact path, so no path can lead anywhere else. Limits: `filesMax` files, `octetsMax` in all.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { systemCode } from '../core/errors.ts';

const filesMax = 200;
const octetsMax = 8 * 1024 * 1024;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

export type Encoding = 'br' | 'gzip' | 'identity';

export interface PageFile {
  readonly type: string;
  /** Strong, per encoding: RFC 9110 8.8.3.3 asks for different tags of different encodings. */
  readonly etag: Readonly<Partial<Record<Encoding, string>>>;
  readonly bodies: Readonly<Partial<Record<Encoding, Buffer>>>;
  /** Names with a content hash never change. */
  readonly isImmutable: boolean;
}

/** Files by URL path; empty when the page is not built. */
export async function readPageFiles(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const bodies = new Map<string, Partial<Record<Encoding, Buffer>>>();
  let octets = 0;
  for (const path of await filesUnder(folder)) {
    const extension = extname(path);
    const encoding: Encoding = extension === '.br' ? 'br' : extension === '.gz' ? 'gzip' : 'identity';
    const plain = encoding === 'identity' ? path : path.slice(0, -extension.length);
    const body = await readFile(join(folder, path));
    octets += body.length;
    if (octets > octetsMax) throw new Error(`the page in ${folder} is larger than ${octetsMax} octets`);
    const url = `/${plain.split(sep).join('/')}`;
    bodies.set(url, { ...bodies.get(url), [encoding]: body });
  }
  const files = new Map<string, PageFile>();
  for (const [url, forms] of bodies) {
    if (forms.identity === undefined) continue;
    files.set(url, {
      type: types[extname(url)] ?? 'application/octet-stream',
      etag: Object.fromEntries(Object.entries(forms).map(([encoding, body]) => [encoding, tagOf(body, encoding)])),
      bodies: forms,
      isImmutable: url.startsWith('/assets/'),
    });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}

/** The best form the browser takes (RFC 9110 12.5.3, weights of zero honoured, others not needed here). */
export function chooseEncoding(file: PageFile, acceptEncoding: string | undefined): Encoding {
  const accepted = (acceptEncoding ?? '')
    .split(',')
    .map((part) => part.trim().split(/\s*;\s*/))
    .filter(([, weight]) => !/^q=0(\.0*)?$/.test(weight ?? ''))
    .map(([name]) => name);
  for (const encoding of ['br', 'gzip'] as const) {
    if (file.bodies[encoding] !== undefined && accepted.includes(encoding)) return encoding;
  }
  return 'identity';
}

function tagOf(body: Buffer, encoding: string): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}-${encoding}"`;
}

async function filesUnder(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
    return files.slice(0, filesMax);
  } catch (error) {
    // Not built: the API works without a page, and the page's place says how to build it.
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

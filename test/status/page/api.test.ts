/** Questions to a box that breaks off: an answer that ends in the middle is no answer, not an error of the page. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ask, BoxRefused, BoxUnreachable } from '../../../src/status/page/api.ts';

let server: Server;
afterEach(() => server.close());

async function box(status: number, body: string, length: number): Promise<string> {
  server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': length });
    response.write(body, () => length > body.length && response.destroy());
    if (length === body.length) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/status`;
}

it.each([
  ['ends in the middle', 200, '{"node":', 100],
  ['is a proxy’s', 502, '<html>bad gateway', 17],
])('an answer that %s: the box does not answer', async (_, status, body, length) => {
  await expect(ask(await box(status, body, length))).rejects.toBeInstanceOf(BoxUnreachable);
});

it('an answer whose time is up while it comes: the same', async () => {
  server = createServer((_, response) => response.writeHead(200).write('{"node":'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  await expect(ask(url, AbortSignal.timeout(200))).rejects.toBeInstanceOf(BoxUnreachable);
  server.closeAllConnections();
});

it('a refusal keeps the box’s words', async () => {
  const body = JSON.stringify({ error: { code: 'notFound', message: 'There is none.' } });
  await expect(ask(await box(404, body, body.length))).rejects.toMatchObject(new BoxRefused('notFound', 'There is none.'));
});

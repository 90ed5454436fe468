/** Connections that are opened to be held: the server ends them by itself, and others are served meanwhile. */
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { serve } from './served.ts';

it('ends requests that trickle in for ever, and answers others meanwhile', { timeout: 60_000 }, async () => {
  const box = await serve();
  const trickling: ReturnType<typeof setInterval>[] = [];
  const held: Socket[] = [];
  try {
    const ended = Array.from({ length: 40 }, () => {
      const socket = connect(box.port, '127.0.0.1', () => socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n'));
      held.push(socket);
      socket.on('error', () => {}); // a reset is an end as well
      trickling.push(setInterval(() => socket.writable && socket.write('x-more: y\r\n'), 500));
      return new Promise((resolve) => socket.on('close', resolve).resume());
    });
    expect((await fetch(`${box.url}/healthz`)).status).toBe(200);
    await Promise.all(ended);
    expect((await fetch(`${box.url}/healthz`)).status).toBe(200);
  } finally {
    for (const timer of trickling) clearInterval(timer);
    for (const socket of held) socket.destroy();
    await box.stop();
  }
});

/**
 * A connection that ends at each step of the protocol: before and within CONNECT, before and within CONNACK, after the first
 * octets of a message, before and within its acknowledgement. Every message arrives at a real broker, in order.
 */

import { once } from 'node:events';
import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Box, startBox } from './box.ts';
import { Mosquitto, Subscriber, until } from './broker.ts';

let broker: Mosquitto;
beforeAll(async () => {
  broker = await Mosquitto.start();
});
afterAll(() => broker.remove());
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Where a connection ends: after so many octets of one side. */
interface Cut {
  readonly side: 'box' | 'broker';
  readonly octets: number;
}

/** Hands on between box and broker, each connection up to its cut; the broker lives on. */
class CuttingRelay {
  readonly cuts: Cut[];
  made = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(cuts: readonly Cut[], to: number) {
    this.cuts = [...cuts];
    this.#server = createServer((box) => {
      this.made++;
      const cut = this.cuts.shift();
      const upstream = connectTcp({ port: to, host: '127.0.0.1' });
      const end = (): void => {
        box.resetAndDestroy();
        // What was handed on is the broker's.
        upstream.end();
      };
      for (const [from, other, side] of [
        [box, upstream, 'box'],
        [upstream, box, 'broker'],
      ] as const) {
        this.#sockets.add(from);
        let left = cut?.side === side ? cut.octets : Number.POSITIVE_INFINITY;
        if (left === 0 && side === 'box') end();
        from.on('data', (octets: Buffer) => {
          if (octets.length < left) {
            left -= octets.length;
            other.write(octets);
            return;
          }
          other.write(octets.subarray(0, left), () => end());
          left = 0;
        });
        from.on('error', () => {});
        from.on('close', () => {
          this.#sockets.delete(from);
          other.destroy();
        });
      }
    });
  }
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as { port: number }).port;
  }
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

// CONNECT is some hundred octets, CONNACK about thirty, each message about two hundred, a PUBACK four.
const cuts: readonly Cut[] = [
  ...[0, 1, 2, 20, 80, 120, 200, 260, 320, 400, 600, 1_000, 2_000].map((octets) => ({ side: 'box' as const, octets })),
  ...[0, 1, 2, 3, 4, 8, 16, 24, 32, 36, 40, 41, 42, 43, 44, 48, 60, 90].map((octets) => ({ side: 'broker' as const, octets })),
];

test('a connection that ends at any octet costs no message and no order', async () => {
  const relay = new CuttingRelay(cuts, broker.port);
  const port = await relay.listen();
  cleanups.push(() => relay.stop());
  const listener = await Subscriber.connect(broker.port);
  cleanups.push(() => listener.end());
  const box: Box = await startBox(port, { retryFirstMs: 10, retryCapMs: 20, inFlightMax: 5, connectTimeoutMs: 1_000 });
  cleanups.push(() => box.stop(500));
  const total = 120;
  box.say(total);
  await until(
    'every cut was made, and everything is acknowledged',
    () => relay.cuts.length === 0 && box.outbox.lane('main').account().pending === 0,
    30_000,
  );
  expect(relay.made).toBeGreaterThan(cuts.length);
  const numbers = () => listener.json('/event').map(({ atMs }) => Number(atMs));
  await until('everything has arrived', () => new Set(numbers()).size === total);
  // Each for the first time in its order; again only what was in flight when a connection ended.
  expect([...new Set(numbers())]).toEqual(Array.from({ length: total }, (_, n) => n));
  expect(numbers().length - total).toBeLessThanOrEqual(5 * cuts.length);
  expect(box.outbox.lane('main').account()).toMatchObject({ acknowledged: total, pending: 0 });
});

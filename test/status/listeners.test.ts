/** Whom a connection counts for. That real ones end in time is tried in `tls.test.ts` and `slow_requests.test.ts`. */
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { connectionLimit, perAddressMax } from '../../src/status/listeners.ts';

const socketFrom = (remoteAddress: string): Socket =>
  Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });

it('one IPv6 subscriber holds half of the connections at most, whichever of its addresses it uses', async () => {
  const limit = connectionLimit();
  const open = (address: string): Socket => {
    const socket = socketFrom(address);
    limit(socket);
    return socket;
  };
  const held = Array.from({ length: perAddressMax }, (_, n) => open(`2001:db8:1:2::${n.toString(16)}`));
  expect(held.some(({ destroyed }) => destroyed)).toBe(false);
  expect(open('2001:db8:1:2:ffff::1').destroyed).toBe(true);
  expect(open('2001:db8:1:3::1').destroyed).toBe(false);
  expect(open('::ffff:192.0.2.1').destroyed).toBe(false);
  await new Promise((resolve) => held[0]!.once('close', resolve).destroy());
  expect(open('2001:db8:1:2:ffff::1').destroyed).toBe(false);
});

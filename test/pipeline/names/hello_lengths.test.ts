/** How much of a hello of today must be there for its server's name: the shares that native/README.md tells. */
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../src/core/random.ts';
import { serverNameOf } from '../../../src/pipeline/names/client_hello.ts';
import { clientHelloOf, type HelloKind, helloKinds } from '../../captures/hellos.ts';

/** Ethernet, IPv4 and TCP with time stamps before it; what of the first segment is left on Ethernet. */
const headOctets = 14 + 20 + 32;
const segmentOctets = 1_448;
const each = 1_000;

/** Percent that tell the name with the first octets of frames of 256 and of the first segment. With the second all do. */
const told: Readonly<Record<HelloKind, readonly [cut: number, segment: number]>> = {
  permuted: [23, 55],
  permutedWithoutMlKem: [24, 100],
  nameFirst: [100, 100],
  nameFirstWithoutMlKem: [100, 100],
  resumed: [22, 54],
};

test.each(helloKinds)('hellos %s', (kind) => {
  const random = new SeededRandom(3);
  const names = ['www.example.com', 'telemetry-eu-west-1.cdn.provider.example.net', 'a.io'];
  let [cut, segment] = [0, 0];
  for (let i = 0; i < each; i++) {
    const name = names[i % names.length]!;
    const hello = clientHelloOf(kind, name, random);
    expect(hello.length).toBeLessThan(2 * segmentOctets);
    expect(serverNameOf(hello)).toBe(name);
    for (const octets of [256 - headOctets, segmentOctets]) {
      const found = serverNameOf(hello.subarray(0, octets));
      expect([name, undefined]).toContain(found);
      if (found === undefined) continue;
      if (octets === segmentOctets) segment++;
      else cut++;
    }
  }
  // Within what chance allows: three standard deviations of a thousand draws.
  expect(Math.abs((100 * cut) / each - told[kind][0])).toBeLessThan(5);
  expect(Math.abs((100 * segment) / each - told[kind][1])).toBeLessThan(5);
});

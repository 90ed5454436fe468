/**
 * ClientHellos as programs of today send them: extensions in the clients' order, of the lengths they have (RFC 8446 4.2, RFC 8701 for
 * GREASE, key shares of X25519MLKEM768 with 1,216 octets beside those of X25519). What matters here is where the name stands.
 */
import { type Random, SeededRandom } from '../../src/core/random.ts';

const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const extension = (type: number, octets: readonly number[]): number[] => [...u16(type), ...u16(octets.length), ...octets];

export const helloKinds = ['permuted', 'permutedWithoutMlKem', 'nameFirst', 'nameFirstWithoutMlKem', 'resumed'] as const;
export type HelloKind = (typeof helloKinds)[number];

/** A whole record. `permuted`: extensions in an order of chance, as Chromium sends them; `resumed`: with a ticket behind all else. */
export function clientHelloOf(kind: HelloKind, name: string, random: Random): Uint8Array {
  const bytes = (count: number): number[] => [...random.bytes(count)];
  const host = [...Buffer.from(name, 'latin1')];
  const share = (group: number, octets: number): number[] => [...u16(group), ...u16(octets), ...bytes(octets)];
  const isLarge = !kind.endsWith('WithoutMlKem');
  const shares = [...(isLarge ? share(0x11ec, 1_216) : []), ...share(0x1d, 32)];
  const serverName = extension(0, [...u16(host.length + 3), 0, ...u16(host.length), ...host]);
  const others = [
    extension(23, []),
    extension(0xff01, [0]),
    extension(10, [...u16(8), ...bytes(8)]),
    extension(11, [1, 0]),
    extension(35, []),
    extension(16, [0, 12, 2, 0x68, 0x32, 8, ...Buffer.from('http/1.1', 'latin1')]),
    extension(5, [1, 0, 0, 0, 0]),
    extension(13, [...u16(16), ...bytes(16)]),
    extension(18, []),
    extension(51, [...u16(shares.length), ...shares]),
    extension(45, [1, 1]),
    extension(43, [4, 3, 4, 3, 3]),
    extension(27, [2, 0, 2]),
    extension(0x44cd, [0, 3, 2, 0x68, 0x32]),
    extension(0xfe0d, bytes(186 + 32 * random.below(3))), // encrypted hello, or what looks like it
  ];
  const grease = 0x0a0a + 0x1010 * random.below(16);
  let ordered = [serverName, ...others];
  if (kind.startsWith('permuted')) ordered = shuffled(ordered, random);
  if (kind === 'resumed') ordered = [...shuffled(ordered, random), extension(41, bytes(272))];
  const extensions = [extension(grease, []), ...ordered].flat();
  const body = [3, 3, ...bytes(32), 32, ...bytes(32), ...u16(32), ...bytes(32), 1, 0, ...u16(extensions.length), ...extensions];
  return Uint8Array.from([22, 3, 1, ...u16(body.length + 4), 1, 0, ...u16(body.length), ...body]);
}

/** A hello in an order of chance whose name stands behind its first `octets`, in two segments. */
export function cutHello(name: string, octets: number): { readonly first: Uint8Array; readonly rest: Uint8Array } {
  for (let seed = 1; ; seed++) {
    const hello = clientHelloOf('permuted', name, new SeededRandom(seed));
    if (Buffer.from(hello).indexOf(name) > octets) return { first: hello.subarray(0, octets), rest: hello.subarray(octets) };
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const left = [...list];
  return list.map(() => left.splice(random.below(left.length), 1)[0]!);
}

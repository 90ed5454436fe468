/** Looking up names: DNS through the router (RFC 1035) before a connection, and multicast DNS for what is on the link (RFC 6762). */
import { type Endpoint, groups, services } from '../office.ts';
import type { Scene } from '../scene.ts';
import type { Conversation } from '../timeline.ts';
import { UdpChannel } from '../udp_channel.ts';

const types = { a: 1, aaaa: 28, ptr: 12, https: 65 } as const;
const answerLifeS = 300;

/** A and AAAA of `server`, asked at once as resolvers do; the router answers from its cache or asks its own resolver. */
export function* lookup(scene: Scene, client: Endpoint, server: Endpoint): Conversation {
  const channel = new UdpChannel(
    scene.recorder,
    { near: client, far: scene.gatewayOf(client), v6: scene.chance(0.5) },
    scene.port(),
    53,
  );
  const id = scene.random.below(65_536);
  const cached = scene.chance(0.6);
  channel.send(0, query(id, server.name, types.a));
  yield 0.000_08;
  channel.send(0, query(id ^ 1, server.name, types.aaaa));
  yield cached ? scene.between(0.000_3, 0.000_9) : 0.000_4;
  if (!cached) yield* forwarded(scene, server);
  channel.send(1, answer(id, server.name, types.a, server.v4));
  yield 0.000_15;
  channel.send(1, answer(id ^ 1, server.name, types.aaaa, server.v6));
  yield scene.between(0.000_5, 0.002);
}

/** The router's own question to the resolver outside: untagged, as all of the router's traffic. */
function* forwarded(scene: Scene, server: Endpoint): Conversation {
  const ends = { near: scene.office.router, far: services.resolver, v6: false };
  const channel = new UdpChannel(scene.recorder, ends, scene.port(), 53);
  const id = scene.random.below(65_536);
  channel.send(0, query(id, server.name, types.a));
  yield services.resolver.rttS + scene.between(0, 0.03);
  channel.send(1, answer(id, server.name, types.a, server.v4));
  yield 0.000_3;
}

/** A host asks the link for a service, again and again ever more rarely (RFC 6762 5.2). */
export function* multicastAsking(scene: Scene, host: Endpoint): Conversation {
  const service = scene.pick(['_ipp._tcp.local', '_airplay._tcp.local', '_smb._tcp.local']);
  const message = query(0, service, types.ptr);
  const v4 = new UdpChannel(scene.recorder, { near: host, far: groups.mdnsV4, v6: false, ttl: 255 }, 5353, 5353);
  const v6 = new UdpChannel(scene.recorder, { near: host, far: groups.mdnsV6, v6: true, ttl: 255 }, 5353, 5353);
  let waitS = 1;
  while (waitS < 100 && scene.leftS > 1) {
    v4.send(0, message);
    yield 0.000_2;
    v6.send(0, message);
    yield waitS;
    waitS *= 3;
  }
}

function query(id: number, name: string, type: number): Uint8Array {
  // RFC 1035 4.1.1: recursion desired; multicast questions have id 0 and no flags (RFC 6762 18).
  const flags = type === types.ptr ? [0, 0] : [1, 0];
  return Uint8Array.from([...u16(id), ...flags, 0, 1, 0, 0, 0, 0, 0, 0, ...question(name, type)]);
}

function answer(id: number, name: string, type: number, address: Uint8Array): Uint8Array {
  const record = [0xc0, 12, ...u16(type), 0, 1, 0, 0, ...u16(answerLifeS), ...u16(address.length), ...address];
  return Uint8Array.from([...u16(id), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...question(name, type), ...record]);
}

function question(name: string, type: number): number[] {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return [...labels, 0, ...u16(type), 0, 1];
}

function u16(value: number): [number, number] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

/** People on the web: pages over TLS or QUIC with the requests that follow, films in segments, and large downloads. */
import { type Endpoint, services, sites } from '../office.ts';
import type { Scene } from '../scene.ts';
import type { Conversation } from '../timeline.ts';
import { quicInitial, quicShort } from '../tls_messages.ts';
import { UdpChannel } from '../udp_channel.ts';
import { connection, exchange, leaving, opening, tlsHandshake } from './connection.ts';
import { lookup } from './names.ts';

const httpsPort = 443;
/** The office's line: nothing from outside comes faster. */
export const lineBitsPerSecond = 38_000_000;
/** Conversations begin their goodbye this long before the end. */
const goodbyeS = 0.8;
/** QUIC's datagrams of 1,200 to 1,350 octets (RFC 9000 14.1). */
const quicDatagramOctets = 1_252;

/** One visit: a lookup, one to three connections, a few exchanges with time to read between. */
export function* visit(scene: Scene, client: Endpoint): Conversation {
  const site = scene.pickPopular(sites);
  yield* lookup(scene, client, site);
  const connections = 1 + scene.random.below(3);
  for (let i = 1; i < connections; i += 1) scene.start(page(scene, client, site), scene.between(0.001, 0.08));
  if (scene.chance(0.3)) yield* quicPage(scene, client, site);
  else yield* page(scene, client, site);
}

function* page(scene: Scene, client: Endpoint, site: Endpoint): Conversation {
  const tcp = connection(scene, { client, server: site, port: httpsPort, v6: scene.chance(0.45) });
  yield* opening(tcp);
  yield* tlsHandshake(scene, tcp, site.name);
  const exchanges = 1 + scene.random.below(5);
  for (let i = 0; i < exchanges && scene.leftS > goodbyeS; i += 1) {
    // Sizes of web objects have a long tail: most a few kilobytes, some hundreds.
    const octets = Math.min(300_000, Math.round(2_500 / (1 - scene.random.float()) ** 0.9));
    yield* exchange(scene, tcp, 250 + scene.random.below(500), { octets, bitsPerSecond: 14_000_000 });
    yield Math.min(scene.arrival(1.2), Math.max(0.001, scene.leftS - goodbyeS));
  }
  yield* leaving(scene, tcp);
}

function* quicPage(scene: Scene, client: Endpoint, site: Endpoint): Conversation {
  const { random } = scene;
  const channel = new UdpChannel(scene.recorder, { near: client, far: site, v6: scene.chance(0.6) }, scene.port(), httpsPort);
  const [clientId, serverId] = [random.bytes(8), random.bytes(8)];
  channel.send(0, quicInitial(serverId, clientId, 1_200, random), 1_200);
  yield site.rttS;
  channel.send(1, quicInitial(clientId, serverId, 1_200, random), 1_200);
  yield 0.000_3;
  const [toServer, toClient] = [quicShort(serverId), quicShort(clientId)];
  const exchanges = 1 + random.below(4);
  for (let i = 0; i < exchanges && scene.leftS > goodbyeS; i += 1) {
    channel.send(0, toServer, 80 + random.below(400));
    yield site.rttS + scene.between(0.001, 0.01);
    const datagrams = Math.min(240, Math.round(3 / (1 - random.float()) ** 0.9));
    for (let sent = 0; sent < datagrams; sent += 1) {
      channel.send(1, toClient, quicDatagramOctets);
      yield 0.000_7;
      if (sent % 8 === 7) channel.send(0, toServer, 42);
    }
    yield Math.min(scene.arrival(1), Math.max(0.001, scene.leftS - goodbyeS));
  }
  channel.send(0, toServer, 45);
}

/** A film for `lengthS` seconds: a segment of a second at a time, as players fetch them. */
export function* film(scene: Scene, client: Endpoint, lengthS: number): Conversation {
  const server = services.films;
  const endS = scene.leftS - lengthS;
  const segmentS = 1;
  yield* lookup(scene, client, server);
  const tcp = connection(scene, { client, server, port: httpsPort, v6: true });
  yield* opening(tcp);
  yield* tlsHandshake(scene, tcp, server.name);
  while (scene.leftS > endS + goodbyeS && scene.leftS > goodbyeS) {
    const beganS = scene.leftS;
    const octets = Math.round(scene.between(0.9, 1.1) * 126_000);
    yield* exchange(scene, tcp, 420, { octets, bitsPerSecond: 2_400_000 });
    yield Math.min(Math.max(0.05, segmentS - (beganS - scene.leftS)), Math.max(0.001, scene.leftS - goodbyeS));
  }
  yield* leaving(scene, tcp, 0);
}

/** An update, as fast as the line goes: the tall peaks of the chart. */
export function* download(scene: Scene, client: Endpoint, octets: number): Conversation {
  const server = services.updates;
  yield* lookup(scene, client, server);
  const tcp = connection(scene, { client, server, port: httpsPort, v6: scene.chance(0.5) });
  yield* opening(tcp);
  yield* tlsHandshake(scene, tcp, server.name);
  yield* exchange(scene, tcp, 380, { octets, bitsPerSecond: lineBitsPerSecond });
  yield* leaving(scene, tcp, 0);
}

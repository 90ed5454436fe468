/** Meetings on video and calls on desk phones: RTP (RFC 3550) over UDP, both ways, with the meeting's signalling over TLS. */
import { type Endpoint, services } from '../office.ts';
import type { Scene } from '../scene.ts';
import type { Conversation } from '../timeline.ts';
import { UdpChannel } from '../udp_channel.ts';
import { connection, leaving, opening, tlsHandshake } from './connection.ts';
import { lookup } from './names.ts';

/** Last packets are sent this long before the capture ends. */
const goodbyeS = 0.5;
const videoBitsPerSecond = 1_200_000;
const rtpHeaderOctets = 12;
const payloadTypes = { video: 96, g711: 8 } as const;

export function* meeting(scene: Scene, client: Endpoint, lengthS: number): Conversation {
  const server = services.meetings;
  yield* lookup(scene, client, server);
  const signalling = connection(scene, { client, server, port: 443, v6: true });
  yield* opening(signalling);
  yield* tlsHandshake(scene, signalling, server.name);
  const media = new UdpChannel(scene.recorder, { near: client, far: server, v6: false }, scene.port(), 3_478);
  const lastsS = Math.min(lengthS, scene.leftS - goodbyeS);
  const directions = [0, 1] as const;
  for (const from of directions) scene.start(video(scene, media, from, lastsS), scene.between(0, 0.01));
  yield lastsS;
  yield* leaving(scene, signalling, 0);
}

function* video(scene: Scene, media: UdpChannel, from: 0 | 1, lengthS: number): Conversation {
  const header = rtpHeader(scene, payloadTypes.video);
  const endS = scene.leftS - lengthS;
  let detail = 1;
  while (scene.leftS > endS) {
    const octets = 900 + scene.random.below(220);
    stamp(header, Math.round(scene.timeline.nowNs * 90e-6));
    media.send(from, header, octets);
    // The picture moves more at times, within a quarter of the mean.
    detail = Math.min(1.25, Math.max(0.75, detail + scene.between(-0.01, 0.01)));
    yield ((octets + 46) * 8 * scene.between(0.8, 1.2)) / (videoBitsPerSecond * detail);
  }
}

/** A telephone call: 160 octets of G.711 every 20 ms (RFC 3551 4.5.14) each way. */
export function* telephoneCall(scene: Scene, phone: Endpoint, lengthS: number): Conversation {
  const media = new UdpChannel(scene.recorder, { near: phone, far: services.telephony, v6: false }, 16_384, scene.port());
  scene.start(speech(scene, media, 1, lengthS), 0.004);
  yield* speech(scene, media, 0, lengthS);
}

function* speech(scene: Scene, media: UdpChannel, from: 0 | 1, lengthS: number): Conversation {
  const header = rtpHeader(scene, payloadTypes.g711);
  const endS = Math.max(goodbyeS, scene.leftS - lengthS);
  while (scene.leftS > endS) {
    stamp(header, Math.round(scene.timeline.nowNs * 8e-6));
    media.send(from, header, rtpHeaderOctets + 160);
    yield 0.02 + scene.between(-0.000_2, 0.000_2);
  }
}

/** RFC 3550 5.1; `stamp` moves its sequence number and time stamp on. */
function rtpHeader(scene: Scene, payloadType: number): Buffer {
  const header = Buffer.alloc(rtpHeaderOctets);
  header[0] = 0x80;
  header[1] = payloadType;
  header.writeUInt16BE(scene.random.below(65_536), 2);
  header.writeUInt32BE(scene.random.uint32(), 8);
  return header;
}

function stamp(header: Buffer, ticks: number): void {
  header.writeUInt16BE((header.readUInt16BE(2) + 1) & 0xffff, 2);
  header.writeUInt32BE(ticks >>> 0, 4);
}

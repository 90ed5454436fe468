/**
 * What conversations over TCP share: opening, bulk in windows with acknowledgements and now and then a loss, TLS, leaving. Packets
 * are timed as a mirror port near the client sees them: the client answers at once, the server one round trip later.
 */
import type { Endpoint } from '../office.ts';
import type { Scene } from '../scene.ts';
import { TcpChannel } from '../tcp_channel.ts';
import type { Conversation } from '../timeline.ts';
import { clientHello, encryptedRecord, serverHello } from '../tls_messages.ts';

const clientDelayS = 0.000_25;
/** A full frame on the access links: 1,518 octets at 1 Gbit/s with some air between. */
const frameGapS = 0.000_03;
/** Receivers merge segments before they acknowledge them. */
const segmentsPerAck = 8;
/** Senders faster than this per round trip pace themselves. */
const windowShortestS = 0.005;
const lossProbability = 0.001;

export interface ConnectionEnds {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly port: number;
  readonly v6: boolean;
}

export function connection(scene: Scene, { client, server, port, v6 }: ConnectionEnds): TcpChannel {
  const numbers = [scene.random.uint32(), scene.random.uint32()] as const;
  return new TcpChannel(scene.recorder, { near: client, far: server, v6 }, [scene.port(), port], numbers);
}

export function* opening(tcp: TcpChannel): Conversation {
  tcp.syn();
  yield tcp.rttS;
  tcp.synAck();
  yield clientDelayS;
  tcp.ack(0);
  yield clientDelayS;
}

/** Both hellos, the server's certificate, the client's finish. */
export function* tlsHandshake(scene: Scene, tcp: TcpChannel, serverName: string): Conversation {
  tcp.data(0, clientHello(serverName, scene.random));
  yield tcp.rttS;
  tcp.ack(1);
  tcp.data(1, serverHello(scene.random), tcp.segment);
  yield frameGapS;
  const certificate = 900 + scene.random.below(500);
  tcp.data(1, encryptedRecord(certificate), certificate);
  yield clientDelayS;
  tcp.ack(0);
  yield 0.001;
  tcp.data(0, encryptedRecord(80), 80);
  yield clientDelayS;
}

export interface Transfer {
  readonly from: 0 | 1;
  readonly octets: number;
  /** What the path gives at most. */
  readonly bitsPerSecond: number;
  /** The visible head of a segment of this many octets; encrypted records unless told. */
  readonly head?: (octets: number) => Uint8Array;
}

export function* transfer(
  scene: Scene,
  tcp: TcpChannel,
  { from, octets, bitsPerSecond, head = encryptedRecord }: Transfer,
): Conversation {
  const to = from === 0 ? 1 : 0;
  const windowS = Math.max(tcp.rttS, windowShortestS);
  const windowMost = Math.max(2, Math.round((bitsPerSecond * windowS) / 8 / tcp.segment));
  let window = Math.min(10, windowMost);
  let rest = octets;
  let unacknowledged = 0;
  while (rest > 0) {
    let spentS = 0;
    for (let sent = 0; sent < window && rest > 0; sent += 1) {
      const size = Math.min(rest, tcp.segment);
      // A record cannot be shorter than its header.
      const padded = Math.max(size, 32);
      tcp.data(from, head(padded), padded);
      rest -= size;
      unacknowledged += 1;
      if (from === 1 && (unacknowledged === segmentsPerAck || rest <= 0)) {
        tcp.ack(to);
        unacknowledged = 0;
      }
      yield frameGapS;
      spentS += frameGapS;
      if (scene.chance(lossProbability)) {
        yield tcp.rttS;
        tcp.dataAgain(from, head(padded), padded);
        yield frameGapS;
        window = Math.max(2, window >> 1);
      }
    }
    if (rest <= 0 && from === 1) return;
    yield Math.max(frameGapS, windowS - spentS);
    if (from === 0) tcp.ack(to);
    window = Math.min(window * 2, windowMost);
  }
}

/** A request of the client's and the server's answer. */
export function* exchange(scene: Scene, tcp: TcpChannel, requestOctets: number, answer: Omit<Transfer, 'from'>): Conversation {
  tcp.data(0, (answer.head ?? encryptedRecord)(requestOctets), requestOctets);
  yield tcp.rttS + scene.between(0.001, 0.02);
  yield* transfer(scene, tcp, { from: 1, ...answer });
  yield clientDelayS;
}

/** Both sides finish; some browsers just reset what they no longer need. */
export function* leaving(scene: Scene, tcp: TcpChannel, resetProbability = 0.15): Conversation {
  if (scene.chance(resetProbability)) {
    tcp.rst(0);
    return;
  }
  tcp.fin(0);
  yield tcp.rttS;
  tcp.fin(1);
  yield clientDelayS;
  tcp.ack(0);
}

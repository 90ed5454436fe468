/** What goes on without people: DHCP, NTP, ping, sensors over MQTT, the switch's LLDP and spanning tree, ARP, and one port scan. */
import { type Endpoint, groups, services, vlans } from '../office.ts';
import type { Scene } from '../scene.ts';
import { TcpChannel } from '../tcp_channel.ts';
import type { Conversation } from '../timeline.ts';
import { encryptedRecord } from '../tls_messages.ts';
import { EchoChannel, UdpChannel } from '../udp_channel.ts';
import { connection, leaving, opening, tlsHandshake } from './connection.ts';
import { lookup } from './names.ts';

const goodbyeS = 0.8;

/** Every `everyS` until shortly before the end. */
function* repeating(scene: Scene, everyS: number, once: () => Conversation): Conversation {
  while (scene.leftS > goodbyeS) {
    yield* once();
    yield everyS;
  }
}

/** RFC 2131 4.4.5: a host renews its lease with its server, from port 68 to 67. */
export function* leaseRenewal(scene: Scene, host: Endpoint): Conversation {
  const channel = new UdpChannel(scene.recorder, { near: host, far: scene.gatewayOf(host), v6: false }, 68, 67);
  const transaction = scene.random.bytes(4);
  channel.send(0, dhcp(1, 3, transaction, host));
  yield 0.001_5;
  channel.send(1, dhcp(2, 5, transaction, host));
}

function dhcp(operation: 1 | 2, messageType: number, transaction: Uint8Array, host: Endpoint): Uint8Array {
  const message = Buffer.alloc(300);
  message.set([operation, 1, 6, 0, ...transaction]);
  message.set(host.v4, 12);
  if (operation === 2) message.set(host.v4, 16);
  message.set(host.mac, 28);
  const lease = operation === 2 ? [54, 4, 10, 17, host.vlan ?? 0, 1, 51, 4, 0, 0, 0x0e, 0x10, 1, 4, 255, 255, 255, 0] : [];
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, messageType, ...lease, 255], 236);
  return message;
}

/** RFC 5905 7.3: a client's question and the answer of a server of stratum 2, with the time stamps left out. */
export function* clockAsking(scene: Scene, host: Endpoint): Conversation {
  const channel = new UdpChannel(scene.recorder, { near: host, far: services.time, v6: scene.chance(0.4) }, scene.port(), 123);
  const [question, answer] = [Buffer.alloc(48), Buffer.alloc(48)];
  question[0] = 0x23;
  answer.set([0x24, 2, 6, 0xec]);
  yield* repeating(scene, 64, function* () {
    channel.send(0, question);
    yield services.time.rttS;
    channel.send(1, answer);
  });
}

/** The monitoring box asks whether `host` is there. */
export function* pinging(scene: Scene, host: Endpoint, v6: boolean): Conversation {
  const channel = new EchoChannel(scene.recorder, { near: scene.office.monitor, far: host, v6 }, scene.random.below(65_536));
  let sequence = 0;
  yield* repeating(scene, 10, function* () {
    sequence += 1;
    channel.send(0, sequence);
    yield host.rttS + scene.between(0, 0.001);
    channel.send(1, sequence);
  });
}

/** A sensor keeps its connection and reports. */
export function* reporting(scene: Scene, sensor: Endpoint): Conversation {
  const server = services.sensors;
  yield* lookup(scene, sensor, server);
  const tcp = connection(scene, { client: sensor, server, port: 8_883, v6: scene.chance(0.5) });
  yield* opening(tcp);
  yield* tlsHandshake(scene, tcp, server.name);
  while (scene.leftS > goodbyeS) {
    const octets = 90 + scene.random.below(160);
    tcp.data(0, encryptedRecord(octets), octets);
    yield tcp.rttS;
    tcp.data(1, encryptedRecord(26), 26);
    yield 0.000_3;
    tcp.ack(0);
    yield Math.min(scene.between(4, 12), Math.max(0.001, scene.leftS - goodbyeS));
  }
  yield* leaving(scene, tcp, 0);
}

/** A guest's device tries the NAS's ports one after the other; all but one are closed. */
export function* portScan(scene: Scene, guest: Endpoint): Conversation {
  const { nas } = scene.office;
  for (let port = 1; port <= 160 && scene.leftS > goodbyeS; port += 1) {
    const tcp = new TcpChannel(
      scene.recorder,
      { near: guest, far: nas, v6: false },
      [scene.port(), port],
      [scene.random.uint32(), 0],
    );
    tcp.syn();
    yield nas.rttS;
    if (port === 22) {
      tcp.synAck();
      yield 0.000_3;
      tcp.rst(0);
    } else tcp.rst(1);
    yield scene.between(0.01, 0.05);
  }
}

/** IEEE 802.1D 9.3.1 (RSTP): the root bridge's message every two seconds. */
export function* spanningTree(scene: Scene): Conversation {
  const bridge = [0x80, 0x00, ...scene.office.switch.mac];
  // LLC 0x42, protocol 0, version 2, type 2, flags, root, path cost, bridge, port, ages in 1/256 s.
  const body = [0x42, 0x42, 3, 0, 0, 2, 2, 0x3c, ...bridge, 0, 0, 0, 0, ...bridge, 0x80, 1, 0, 0, 20, 0, 2, 0, 15, 0, 0];
  yield* repeating(scene, 2, function* () {
    link(scene, [1, 0x80, 0xc2, 0, 0, 0], scene.office.switch.mac, [0, body.length, ...body]);
    yield 0.001;
  });
}

/** IEEE 802.1AB: the switch says who it is every thirty seconds: chassis, port, time to live, system name. */
export function* discovery(scene: Scene): Conversation {
  const name = [...Buffer.from('switch.example', 'latin1')];
  const body = [2, 7, 4, ...scene.office.switch.mac, 4, 2, 7, 0x31, 6, 2, 0, 120, 10, name.length, ...name, 0, 0];
  yield* repeating(scene, 30, function* () {
    link(scene, [1, 0x80, 0xc2, 0, 0, 0x0e], scene.office.switch.mac, [0x88, 0xcc, ...body]);
    yield 0.001;
  });
}

/** RFC 826: `host` looks for its router now and then, and is answered. */
export function* addressAsking(scene: Scene, host: Endpoint): Conversation {
  const gateway = scene.gatewayOf(host);
  yield* repeating(scene, scene.between(40, 90), function* () {
    link(scene, groups.broadcast.mac, host.mac, arp(1, host, gateway, new Uint8Array(6)));
    yield 0.000_3;
    link(scene, host.mac, gateway.mac, arp(2, gateway, host, host.mac));
  });
}

function arp(operation: 1 | 2, from: Endpoint, to: Endpoint, targetMac: Uint8Array): number[] {
  const tag = from.vlan === vlans.untagged ? [] : [0x81, 0, 0, from.vlan ?? 0];
  return [...tag, 8, 6, 0, 1, 8, 0, 6, 4, 0, operation, ...from.mac, ...from.v4, ...targetMac, ...to.v4];
}

/** A frame below IP: `rest` begins with the tag, the EtherType or the length. */
function link(scene: Scene, to: ArrayLike<number>, from: ArrayLike<number>, rest: ArrayLike<number>): void {
  const length = 12 + rest.length;
  const at = scene.recorder.frame(length, length);
  const { octets } = scene.recorder;
  octets.set(to, at);
  octets.set(from, at + 6);
  octets.set(rest, at + 12);
}

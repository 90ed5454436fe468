/** Files inside the office: shares over SMB, the desks' backup to the NAS, printing by IPP and raw, and the mail. */
import { type Endpoint, services } from '../office.ts';
import type { Scene } from '../scene.ts';
import type { Conversation } from '../timeline.ts';
import { encryptedRecord } from '../tls_messages.ts';
import { connection, exchange, leaving, opening, tlsHandshake, transfer } from './connection.ts';
import { lookup } from './names.ts';

const ports = { smb: 445, backup: 8_443, ipp: 631, rawPrint: 9_100, imaps: 993, submission: 587 } as const;
const goodbyeS = 0.8;

/** Opens a share and works on a few files. */
export function* share(scene: Scene, client: Endpoint): Conversation {
  const tcp = connection(scene, { client, server: scene.office.nas, port: ports.smb, v6: scene.chance(0.5) });
  yield* opening(tcp);
  const files = 2 + scene.random.below(6);
  for (let i = 0; i < files && scene.leftS > goodbyeS; i += 1) {
    const bitsPerSecond = 25_000_000;
    if (scene.chance(0.25)) {
      yield* transfer(scene, tcp, { from: 0, octets: 4_000 + scene.random.below(120_000), bitsPerSecond, head: smbMessage });
      yield* exchange(scene, tcp, 160, { octets: 120, bitsPerSecond, head: smbMessage });
    } else {
      yield* exchange(scene, tcp, 190, { octets: 2_000 + scene.random.below(180_000), bitsPerSecond, head: smbMessage });
    }
    yield Math.min(scene.arrival(6), Math.max(0.001, scene.leftS - goodbyeS));
  }
  yield* leaving(scene, tcp, 0);
}

/** A desk sends what has changed: several files, with pauses to look for the next. */
export function* backup(scene: Scene, client: Endpoint, files: number): Conversation {
  const tcp = connection(scene, { client, server: scene.office.nas, port: ports.backup, v6: false });
  yield* opening(tcp);
  yield* tlsHandshake(scene, tcp, 'nas.example');
  for (let i = 0; i < files && scene.leftS > 6; i += 1) {
    const octets = 1_000_000 + scene.random.below(4_500_000);
    yield* transfer(scene, tcp, { from: 0, octets, bitsPerSecond: scene.between(18, 34) * 1e6 });
    tcp.data(1, encryptedRecord(64), 64);
    yield scene.between(0.3, 2.5);
  }
  yield* leaving(scene, tcp, 0);
}

/** A document of some pages: over IPP, or straight to the raw port. */
export function* printing(scene: Scene, client: Endpoint): Conversation {
  const server = scene.pick(scene.office.printers);
  const raw = scene.chance(0.4);
  const tcp = connection(scene, { client, server, port: raw ? ports.rawPrint : ports.ipp, v6: !raw });
  yield* opening(tcp);
  const first = raw
    ? '\u001b%-12345X@PJL\r\n'
    : `POST /ipp/print HTTP/1.1\r\nHost: ${server.name}.example\r\nExpect: 100-continue\r\n\r\n`;
  tcp.data(0, Buffer.from(first, 'latin1'));
  yield tcp.rttS;
  tcp.ack(1);
  yield* transfer(scene, tcp, { from: 0, octets: 60_000 + scene.random.below(700_000), bitsPerSecond: 12_000_000, head: noise });
  yield scene.between(0.1, 0.6);
  yield* leaving(scene, tcp, 0);
}

/** The mailbox is looked at; now and then a message goes out. */
export function* mail(scene: Scene, client: Endpoint): Conversation {
  const server = services.mail;
  yield* lookup(scene, client, server);
  const sends = scene.chance(0.3);
  const tcp = connection(scene, { client, server, port: sends ? ports.submission : ports.imaps, v6: scene.chance(0.5) });
  yield* opening(tcp);
  // RFC 3207: submission begins in the clear and changes to TLS; 993 speaks it from the first octet (RFC 8314 3.2).
  if (sends) yield* startTls(scene, client, tcp);
  yield* tlsHandshake(scene, tcp, server.name);
  const bitsPerSecond = 8_000_000;
  const octets = 3_000 + scene.random.below(150_000);
  if (sends) yield* transfer(scene, tcp, { from: 0, octets, bitsPerSecond });
  yield* exchange(scene, tcp, 120, { octets: sends ? 90 : octets, bitsPerSecond });
  yield* leaving(scene, tcp, 0);
}

function* startTls(scene: Scene, client: Endpoint, tcp: ReturnType<typeof connection>): Conversation {
  const lines = [
    '220 mail.example.com ESMTP\r\n',
    `EHLO ${client.name}.example\r\n`,
    '250 STARTTLS\r\n',
    'STARTTLS\r\n',
    '220 Ready\r\n',
  ];
  for (const [i, line] of lines.entries()) {
    tcp.data(i % 2 === 0 ? 1 : 0, Buffer.from(line, 'latin1'));
    yield i % 2 === 0 ? scene.between(0.000_3, 0.002) : tcp.rttS;
  }
}

const noiseHead = Uint8Array.of(0x93, 0x4e, 0xd1, 0x68, 0xa7, 0xf2, 0x1c, 0xb5, 0x70, 0x0e, 0xc9, 0x57, 0x82, 0xeb, 0x36, 0x9d);
const noise = (_octets: number): Uint8Array => noiseHead;

/** The transport's length (MS-SMB2 2.1) and the mark of an encrypted message (MS-SMB2 2.2.41); the same array each time. */
function smbMessage(octets: number): Uint8Array {
  smbHead[2] = ((octets - 4) >>> 8) & 0xff;
  smbHead[3] = (octets - 4) & 0xff;
  return smbHead;
}
const smbHead = Uint8Array.of(0, 0, 0, 0, 0xfd, 0x53, 0x4d, 0x42, 0x61, 0xd4, 0x3f, 0x98, 0x27, 0xbe, 0x05, 0xc1);

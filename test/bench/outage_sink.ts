/**
 * The collector of the outage bench: listens at one address for TCP and UDP on every port it is told, keeps what arrives, and
 * when its standard input ends prints what the records of each port add up to: all of them, and each record once.
 *
 *     node outage_sink.ts ADDRESS PORT…
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';

export interface ArrivedAt {
  readonly port: number;
  readonly records: number;
  readonly packets: number;
  /** The same record twice counts once. */
  readonly distinctRecords: number;
  readonly distinctPackets: number;
}

const receiveBufferOctets = 8 << 20;
/** What tells a record from another of the same flow: whatever start its exporter gives. */
const starts = [
  'flowStartMilliseconds',
  'flowStartMicroseconds',
  'flowStartNanoseconds',
  'flowStartSeconds',
  'flowStartSysUpTime',
];
const keys = [
  'protocolIdentifier',
  'sourceTransportPort',
  'destinationTransportPort',
  'sourceIPv4Address',
  'destinationIPv4Address',
];

class Port {
  readonly #port: number;
  /** Octets of each connection, and of each sender of datagrams. */
  readonly #sessions: Buffer[][] = [];
  constructor(port: number) {
    this.#port = port;
  }

  async listen(address: string): Promise<void> {
    const server = createServer((socket) => {
      const chunks = this.#session();
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => socket.destroy());
    });
    server.listen(this.#port, address);
    await once(server, 'listening');
    const senders = new Map<string, Buffer[]>();
    const socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferOctets }).bind(this.#port, address);
    socket.on('message', (datagram, from) => {
      const sender = `${from.address}:${from.port}`;
      const chunks = senders.get(sender) ?? this.#session();
      senders.set(sender, chunks);
      chunks.push(datagram);
    });
    await once(socket, 'listening');
  }

  arrived(): ArrivedAt {
    let [records, packets, distinctPackets] = [0, 0, 0];
    const seen = new Set<string>();
    for (const record of this.#sessions.flatMap(flowsOf)) {
      const { values } = record;
      const counted = Number(values.packetDeltaCount) + Number(values.reversePacketDeltaCount ?? 0);
      records++;
      packets += counted;
      const start = starts.map((name) => values[name]).find((value) => value !== undefined);
      const identity = [...keys.map((name) => values[name]), start, counted].join();
      if (seen.has(identity)) continue;
      seen.add(identity);
      distinctPackets += counted;
    }
    return { port: this.#port, records, packets, distinctRecords: seen.size, distinctPackets };
  }

  #session(): Buffer[] {
    const chunks: Buffer[] = [];
    this.#sessions.push(chunks);
    return chunks;
  }
}

function flowsOf(chunks: readonly Buffer[]): DecodedRecord[] {
  const [decoder, stream] = [new IpfixDecoder(), new MessageStream()];
  const messages = chunks.flatMap((chunk) => [...stream.push(chunk)]);
  return messages
    .flatMap((message) => decoder.decode(message).records)
    .filter(({ scope, values }) => scope.length === 0 && values.packetDeltaCount !== undefined);
}

const [address, ...wanted] = process.argv.slice(2);
const ports = wanted.map((port) => new Port(Number(port)));
for (const port of ports) await port.listen(address!);
process.stdout.write('listening\n');
process.stdin.resume();
await once(process.stdin, 'end');
process.stdout.write(`${JSON.stringify(ports.map((port) => port.arrived()))}\n`);
process.exit(0);

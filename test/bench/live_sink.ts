/**
 * The collector of the live bench, a process of its own in the meter's namespace: keeps every octet that arrives, over TCP and
 * over UDP on the same port, and reads none until its standard input ends, so that it takes no time from the run. Then it prints
 * what the records add up to.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import { MessageStream } from '../../src/forward/ipfix/decode/message_stream.ts';

/** A meter that ends sends all it holds at once. */
const receiveBufferOctets = 4 << 20;

export interface SinkTotals {
  readonly records: number;
  readonly packets: number;
  readonly octets: number;
  /** Over UDP. */
  readonly datagrams: number;
}

async function main(): Promise<void> {
  const sessions: Buffer[][] = [];
  const datagrams: Buffer[] = [];
  const ended: Promise<unknown>[] = [];
  const server = createServer((socket) => {
    const chunks: Buffer[] = [];
    sessions.push(chunks);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A meter that ends with a reset has still sent what came before.
    socket.on('error', () => socket.destroy());
    ended.push(once(socket, 'close'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = createSocket({ type: 'udp4', recvBufferSize: receiveBufferOctets }).bind(port, '127.0.0.1');
  socket.on('message', (datagram) => datagrams.push(datagram));
  await once(socket, 'listening');
  process.stdout.write(`${port}\n`);
  process.stdin.resume();
  await once(process.stdin, 'end');
  // Whoever waits has ended the meter first, so every session ends too.
  await Promise.all(ended);
  server.close();
  socket.close();
  process.stdout.write(
    `${JSON.stringify({ ...totalsOf([...sessions, datagrams]), datagrams: datagrams.length } satisfies SinkTotals)}\n`,
  );
}

function totalsOf(sessions: readonly Buffer[][]): Omit<SinkTotals, 'datagrams'> {
  let records = 0;
  let packets = 0;
  let octets = 0;
  for (const chunks of sessions) {
    const decoder = new IpfixDecoder();
    const stream = new MessageStream();
    for (const chunk of chunks) {
      for (const message of stream.push(chunk)) {
        for (const { values, scope } of decoder.decode(message).records) {
          if (scope.length > 0 || values.packetDeltaCount === undefined) continue;
          records++;
          packets += Number(values.packetDeltaCount) + Number(values.reversePacketDeltaCount ?? 0);
          octets += Number(values.octetDeltaCount) + Number(values.reverseOctetDeltaCount ?? 0);
        }
      }
    }
  }
  return { records, packets, octets };
}

await main();

/** A broker that does as a script says: MQTT 5, octet by octet, for what Mosquitto never does. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface ScriptedBroker {
  readonly port: number;
  readonly connections: number;
  /** Payloads it acknowledged, in order. */
  readonly taken: readonly string[];
  stop(): Promise<void>;
}

export interface Script {
  /** A message; what is returned is sent back. Undefined: it is acknowledged. */
  readonly onPublish?: (octets: number, payload: string) => Uint8Array | undefined;
  /** Instead of accepting a connection. */
  readonly onConnect?: () => Uint8Array | undefined;
  readonly acknowledgeAfterMs?: number;
}

const [connect, publish, ping] = [1, 3, 12];
/** MQTT 5 3.14: DISCONNECT with a reason code. */
export const disconnect = (reasonCode: number): Uint8Array => Uint8Array.of(0xe0, 2, reasonCode, 0);

export async function scriptedBroker(script: Script): Promise<ScriptedBroker> {
  const sockets = new Set<Socket>();
  const taken: string[] = [];
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let waiting = Buffer.alloc(0);
    socket.on('data', (octets) => {
      waiting = Buffer.concat([waiting, octets]);
      for (let packet = firstPacket(waiting); packet !== undefined; packet = firstPacket(waiting)) {
        waiting = waiting.subarray(packet.octets);
        answer(socket, packet);
      }
    });
  });
  const answer = (socket: Socket, { type, octets, body }: Packet): void => {
    if (type === connect) {
      const refusal = script.onConnect?.();
      if (refusal === undefined) socket.write(Uint8Array.of(0x20, 3, 0, 0, 0));
      else socket.end(refusal);
    }
    if (type === ping) socket.write(Uint8Array.of(0xd0, 0));
    if (type !== publish || socket.writableEnded) return;
    // 3.3.2: topic, packet identifier, properties; every message of a box is QoS 1.
    const topicOctets = body.readUInt16BE(0);
    const id = body.subarray(2 + topicOctets, 4 + topicOctets);
    const properties = varint(body, 4 + topicOctets)!;
    const payload = body.subarray(properties.next + properties.value).toString();
    const answered = script.onPublish?.(octets, payload);
    if (answered !== undefined) return void socket.end(answered);
    const acknowledge = (): void => {
      if (socket.writableEnded || socket.destroyed) return;
      taken.push(payload);
      socket.write(Uint8Array.of(0x40, 2, ...id));
    };
    if (script.acknowledgeAfterMs === undefined) acknowledge();
    else setTimeout(acknowledge, script.acknowledgeAfterMs);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return connections;
    },
    taken,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Packet {
  readonly type: number;
  readonly octets: number;
  readonly body: Buffer;
}

/** 2.1: type and flags, then the length of the rest. */
function firstPacket(octets: Buffer): Packet | undefined {
  const length = octets.length < 2 ? undefined : varint(octets, 1);
  if (length === undefined || octets.length < length.next + length.value) return undefined;
  const end = length.next + length.value;
  return { type: octets[0]! >> 4, octets: end, body: octets.subarray(length.next, end) };
}

/** 1.5.5: seven bits an octet, the lowest first. */
function varint(octets: Buffer, at: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let shift = 0, next = at; next < octets.length; shift += 7) {
    const octet = octets[next++]!;
    value |= (octet & 0x7f) << shift;
    if (octet < 0x80) return { value, next };
  }
  return undefined;
}

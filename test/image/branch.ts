/** The traffic of a busy branch, second after second: what its stations look up and fetch. Pure; the same for the same second. */
import { ethernet, ipv4, type Layer, tcp, tcpFlags, udp } from '../captures/frames.ts';

const gateway = '02:00:00:00:00:fe';
const stations = 200;
/** Of a thousand flows so many are downloads, the others a question and its answer. */
const downloadsOf1000 = 50;
const { syn, ack, psh, fin } = tcpFlags;

/**
 * That many new flows, their frames in an order in which they may come.
 * @param isAnswered without, all of them are questions that nobody answers: as many records of fewer frames
 */
export function branchSecond(second: number, flows: number, isAnswered = true): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let n = 0; n < flows; n++) {
    const serial = second * flows + n;
    const host = 1 + (serial % stations);
    const mac = `02:00:00:00:01:${host.toString(16).padStart(2, '0')}`;
    const client = { address: `10.0.0.${host}`, port: 1_024 + (Math.floor(serial / stations) % 64_000), mac };
    // A few thousand peers, some of them much more often than others.
    const peer = Math.floor(3_000 * ((serial * 0.618_034) % 1) ** 3);
    const server = { address: `198.18.${Math.floor(peer / 250)}.${1 + (peer % 250)}`, mac: gateway };
    const send = (fromClient: boolean, layer: Layer): void => {
      const [from, to] = fromClient ? [client, server] : [server, client];
      // Else one would be taken for the other's copy.
      const identification = (serial * 16 + frames.length) & 0xffff;
      const payload = ipv4({ source: from.address, destination: to.address, identification, payload: layer });
      frames.push(ethernet({ source: from.mac, destination: to.mac, payload, padTo: 60 }));
    };
    if (n % 1_000 >= downloadsOf1000 || !isAnswered) {
      send(true, udp({ sourcePort: client.port, destinationPort: 53, payload: new Uint8Array(40) }));
      if (isAnswered) send(false, udp({ sourcePort: 53, destinationPort: client.port, payload: new Uint8Array(120) }));
      continue;
    }
    const next = { client: 1_000, server: 5_000 };
    const segment = (who: 'client' | 'server', flags: number, octets: number): void => {
      const [sourcePort, destinationPort] = who === 'client' ? [client.port, 443] : [443, client.port];
      const acknowledgement = who === 'client' ? next.server : next.client;
      const fields = {
        sourcePort,
        destinationPort,
        flags,
        sequence: next[who],
        acknowledgement,
        payload: new Uint8Array(octets),
      };
      send(who === 'client', tcp(fields));
      next[who] += octets + ((flags & (syn | fin)) === 0 ? 0 : 1);
    };
    segment('client', syn, 0);
    segment('server', syn | ack, 0);
    segment('client', ack | psh, 300);
    for (let part = 0; part < 5; part++) segment('server', ack, 1_400);
    segment('server', fin | ack, 0);
    segment('client', fin | ack, 0);
  }
  return frames;
}

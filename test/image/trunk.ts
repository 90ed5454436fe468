/**
 * A switch port that carries one VLAN tagged and nothing else, between the box and the network behind QEMU's other end: frames as QEMU hands
 * them over, each behind its length (4 octets).
 */
import type { Socket } from 'node:net';

/** IEEE 802.1Q: behind both MAC addresses, the type and the VLAN. */
const tagAt = 12;
const tagType = 0x8100;

export class Trunk {
  /** Frames of the box outside the VLAN, in hex: the switch forgets them. */
  readonly astray: string[] = [];
  /** Of the box, within. */
  carried = 0;

  constructor(box: Socket, network: Socket, vlan: number) {
    const tag = Buffer.alloc(4);
    tag.writeUInt16BE(tagType, 0);
    tag.writeUInt16BE(vlan, 2);
    eachFrame(box, (frame) => {
      const isWithin = frame.length > tagAt + 4 && frame.readUInt16BE(tagAt) === tagType;
      if (!isWithin || (frame.readUInt16BE(tagAt + 2) & 0xfff) !== vlan) {
        this.astray.push(frame.toString('hex'));
        return;
      }
      this.carried++;
      send(network, frame.subarray(0, tagAt), frame.subarray(tagAt + 4));
    });
    eachFrame(network, (frame) => send(box, frame.subarray(0, tagAt), tag, frame.subarray(tagAt)));
  }
}

function send(socket: Socket, ...parts: Buffer[]): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
  socket.write(Buffer.concat([length, ...parts]));
}

function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0);
      take(rest.subarray(4, end));
      rest = rest.subarray(end);
    }
  });
}

import { udpFrame } from '../captures/frames.ts';

/** 25 hosts ask the same server and are answered: frames of many lengths, 25 flows. */
export const conversations = Array.from({ length: 400 }, (_, i) => {
  const [source, destination] =
    i % 2 === 0 ? [`10.0.0.${(i % 50) + 1}`, '10.1.0.1'] : ['10.1.0.1', `10.0.0.${((i - 1) % 50) + 1}`];
  const [sourcePort, destinationPort] = i % 2 === 0 ? [4_000, 53] : [53, 4_000];
  return udpFrame({ source, destination, sourcePort, destinationPort, payloadOctets: 20 + (i % 300) });
});

/** Of so many packets, when the conversations are sent again and again. */
export const octetsOf = (count: number): number =>
  Array.from({ length: count }, (_, i) => conversations[i % conversations.length]!.length).reduce(
    (sum, octets) => sum + octets,
    0,
  );

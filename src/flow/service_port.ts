/**
 * Which port of a flow names its application: the server's. Where the initiator is known (RFC 5103 biflowDirection) the
 * server is the other end; else the port that has a name, else the lower one. `native/rollup/service_ports.h` does the same. Pure.
 */
import { biflowDirections } from './decode_annotations.ts';
import { knownPorts } from './services.ts';

const noPorts = new Uint8Array(8_192);
// TCP, DCCP, UDP, UDP-Lite, SCTP: DCCP and UDP-Lite run the services of TCP and UDP.
const known = new Map(
  [6, 17, 33, 132, 136].map((protocol) => [protocol, knownPorts(protocol === 136 ? 17 : protocol === 33 ? 6 : protocol)]),
);
const table: readonly Uint8Array[] = Array.from({ length: 256 }, (_, protocol) => known.get(protocol) ?? noPorts);

/** Which ports have names, by protocol: a bit each, the lowest of the first octet is port 0. */
export const servicePorts = [...known].map(([protocol, bits]) => ({ protocol, bits }));

export function servicePort(protocol: number, sourcePort: number, destinationPort: number, biflowDirection: number): number {
  if (biflowDirection === biflowDirections.initiator) return destinationPort;
  if (biflowDirection === biflowDirections.reverseInitiator) return sourcePort;
  const ports = table[protocol]!;
  const sourceKnown = (ports[sourcePort >> 3]! >> (sourcePort & 7)) & 1;
  const destinationKnown = (ports[destinationPort >> 3]! >> (destinationPort & 7)) & 1;
  if (sourceKnown !== destinationKnown) return sourceKnown ? sourcePort : destinationPort;
  return Math.min(sourcePort, destinationPort);
}

/** Which end the port that `servicePort` chose belongs to; where both have it, the destination's: it was addressed. */
export function serverIsDestination(port: number, destinationPort: number, biflowDirection: number): boolean {
  if (biflowDirection === biflowDirections.initiator) return true;
  if (biflowDirection === biflowDirections.reverseInitiator) return false;
  return port === destinationPort;
}

/**
 * The datagrams most cases wrap in something: UDP between two hosts and back, over IPv4 and IPv6. With n octets of payload they
 * are 28 + n octets of IPv4 (42 + n in an Ethernet frame) or 48 + n octets of IPv6 (62 + n). Pure.
 */
import { type Ipv4Fields, type Ipv6Fields, ipv4, ipv6, type Layer, udp } from '../captures/frames.ts';
import { filler } from './layers/network.ts';

export const macA = '02:00:00:00:00:01';
export const macB = '02:00:00:00:00:02';
/** For `ethernet`, on the way back. */
export const returning = { source: macB, destination: macA } as const;

export const [a4, b4] = ['10.0.0.1', '10.0.0.2'] as const;
export const [a6, b6] = ['2001:db8::1', '2001:db8::2'] as const;
/** The ports of both hosts in `request` and `answer`; no dissector listens there. */
export const [portA, portB] = [40_001, 20_001] as const;

const request = (octets: number): Layer => udp({ sourcePort: portA, destinationPort: portB, payload: filler(octets) });
const answer = (octets: number): Layer => udp({ sourcePort: portB, destinationPort: portA, payload: filler(octets) });

export function request4(octets: number, fields: Partial<Ipv4Fields> = {}): Layer {
  return ipv4({ source: a4, destination: b4, payload: request(octets), ...fields });
}

export function answer4(octets: number, fields: Partial<Ipv4Fields> = {}): Layer {
  return ipv4({ source: b4, destination: a4, payload: answer(octets), ...fields });
}

export function request6(octets: number, fields: Partial<Ipv6Fields> = {}): Layer {
  return ipv6({ source: a6, destination: b6, payload: request(octets), ...fields });
}

export function answer6(octets: number, fields: Partial<Ipv6Fields> = {}): Layer {
  return ipv6({ source: b6, destination: a6, payload: answer(octets), ...fields });
}

/** The same flow, as cases write it down. */
export const flow4 = { from: '10.0.0.1:40001', to: '10.0.0.2:20001', protocol: 17 } as const;
export const flow6 = { from: '[2001:db8::1]:40001', to: '[2001:db8::2]:20001', protocol: 17 } as const;

/** Frames composed of layers at random, with what is innermost in each. The same numbers give the same frames. Pure. */
import type { Random } from '../../../src/core/random.ts';
import { ethernet, ipv4, ipv6, type Layer, raw, tcp, udp, type VlanTag } from '../../captures/frames.ts';
import { mpls, ppp, pppoe, snap } from './link.ts';
import { authenticated, destinationOptions, filler, fragmentHeader, hopByHop, routed } from './network.ts';
import * as tunnel from './tunnel.ts';

export interface Innermost {
  /** Address and port, as in 192.0.2.1:80 and [2001:db8::1]:80. */
  readonly from: string;
  readonly to: string;
  readonly protocol: number;
  /** Octets of IP, and of the frame. */
  readonly ip: number;
  readonly frames: number;
  readonly vlan: number | undefined;
  readonly customerVlan: number | undefined;
  /** Type and id. */
  readonly tunnel: string | undefined;
}

export interface Composed {
  readonly frame: Uint8Array;
  readonly innermost: Innermost;
  /** From the innermost on. */
  readonly layers: string;
}

/** The source port of the datagram with number 0. */
export const firstPort = 20_000;

interface Tunnelled {
  readonly outer: Layer;
  readonly type: string;
  readonly id: number;
}

const pick = <T>(random: Random, list: readonly T[]): T => list[random.below(list.length)]!;
const oneOf = (random: Random, count: number): boolean => random.below(count) === 0;

export function compose(random: Random, n: number): Composed {
  const names: string[] = [];
  const ports = { sourcePort: firstPort + n, destinationPort: 20_001, payload: filler(40 + random.below(900)) };
  const transport = oneOf(random, 2) ? udp(ports) : tcp(ports);
  const innermost = datagram(random, transport, names);
  let layer: Layer = innermost;
  let told: Tunnelled | undefined;
  for (let depth = random.below(4); depth > 0; depth--) {
    const opened = wrapped(random, layer);
    const inner = layer;
    layer = datagram(random, opened.outer, names);
    const type = opened.type === 'ipInIp' && inner.kind === 0x86dd && layer.kind === 0x0800 ? 'sixInFour' : opened.type;
    names.push(type);
    told ??= { ...opened, type };
  }
  const tags = tagsOf(random, [0x8100, 0x88a8, 0x9100]);
  const frame = ethernet({ vlans: tags, payload: onLink(random, layer, tags, names) });
  const end = (address: string, port: number): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
  return {
    frame,
    layers: names.join(', '),
    innermost: {
      from: end(innermost.source, ports.sourcePort),
      to: end(innermost.destination, ports.destinationPort),
      protocol: transport.kind,
      ip: innermost.octets.length,
      frames: frame.length,
      vlan: tags[0]?.id,
      customerVlan: tags[1]?.id,
      tunnel: told && `${told.type} ${told.id}`,
    },
  };
}

interface Datagram extends Layer {
  readonly source: string;
  readonly destination: string;
}

/** IP of either version, with options or extension headers now and then. */
function datagram(random: Random, payload: Layer, names: string[]): Datagram {
  const [a, b] = [1 + random.below(250), 1 + random.below(250)];
  if (oneOf(random, 2)) {
    const ends = { source: `10.1.0.${a}`, destination: `10.2.0.${b}` };
    // Router alert, then as much of nothing.
    const options = oneOf(random, 3) ? Uint8Array.of(0x94, 4, 0, 0, ...new Array(4 * random.below(9)).fill(1)) : new Uint8Array();
    names.push('ipv4');
    return { ...ends, ...ipv4({ ...ends, payload, options, identification: 1 + random.below(65_535) }) };
  }
  const ends = { source: `2001:db8::1:${a.toString(16)}`, destination: `2001:db8::2:${b.toString(16)}` };
  let inside = payload;
  if (oneOf(random, 4)) inside = authenticated(inside);
  if (oneOf(random, 4)) inside = destinationOptions(inside);
  if (oneOf(random, 6)) inside = fragmentHeader(inside);
  if (oneOf(random, 6)) inside = routed(inside, new Array(16).fill(0x20));
  if (oneOf(random, 4)) inside = hopByHop(inside);
  names.push('ipv6');
  return { ...ends, ...ipv6({ ...ends, payload: inside }) };
}

const tagsOf = (random: Random, tpids: readonly number[]): VlanTag[] =>
  Array.from({ length: random.below(3) }, () => ({ id: 1 + random.below(4_000), tpid: pick(random, tpids) }));

function frameOf(random: Random, payload: Layer): Uint8Array {
  const stations = { source: '02:00:00:00:0a:01', destination: '02:00:00:00:0a:02' };
  return ethernet({ ...stations, vlans: tagsOf(random, [0x8100, 0x88a8]), payload });
}

const options = Uint8Array.of(0, 1, 0x80, 1, 1, 2, 3, 4);
const kinds: readonly ((random: Random, inner: Layer, id: number) => Tunnelled)[] = [
  (_, inner) => ({ outer: tunnel.gre(inner), type: 'gre', id: 0 }),
  (_, inner, id) => ({ outer: tunnel.gre(inner, { key: id, sequence: 3 }), type: 'gre', id }),
  (random, inner, id) => ({ outer: tunnel.nvgre(id & 0xff_ffff, 7, frameOf(random, inner)), type: 'nvgre', id: id & 0xff_ffff }),
  (random, inner, id) => ({ outer: tunnel.erspan2(id & 0x3ff, 1, frameOf(random, inner)), type: 'erspan2', id: id & 0x3ff }),
  (random, inner, id) => {
    const platform = oneOf(random, 2);
    return { outer: tunnel.erspan3(id & 0x3ff, 1, frameOf(random, inner), { platform }), type: 'erspan3', id: id & 0x3ff };
  },
  (random, inner, id) => {
    const segment = id & 0xff_ffff;
    return { outer: tunnel.toPort(4_789, tunnel.vxlan(segment, frameOf(random, inner))), type: 'vxlan', id: segment };
  },
  (random, inner, id) => {
    const payload = oneOf(random, 2) ? inner : raw(0x6558, frameOf(random, inner));
    const segment = id & 0xff_ffff;
    const octets = tunnel.geneve(segment, payload, oneOf(random, 2) ? options : undefined);
    return { outer: tunnel.toPort(6_081, octets), type: 'geneve', id: segment };
  },
  (random, inner, id) => {
    const extensions = oneOf(random, 2) ? [[0x85, 1, 0x10, 5] as const, [0xc0, 1, 1, 1] as const] : [];
    return {
      outer: tunnel.toPort(2_152, tunnel.gtpu(id, inner, oneOf(random, 2) ? 9 : undefined, extensions)),
      type: 'gtpu',
      id,
    };
  },
  (_, inner) => ({ outer: raw(inner.kind === 0x0800 ? 4 : 41, inner.octets), type: 'ipInIp', id: 0 }),
];
const wrapped = (random: Random, inner: Layer): Tunnelled => pick(random, kinds)(random, inner, random.uint32());

/** SNAP behind service tags is left out: tshark does not read it there. */
function onLink(random: Random, layer: Layer, tags: readonly VlanTag[], names: string[]): Layer {
  const named = (name: string, outer: Layer): Layer => {
    names.push(name);
    return outer;
  };
  switch (random.below(8)) {
    case 0:
    case 1:
      return named('pppoe', pppoe(ppp(layer, { compressed: oneOf(random, 3) && layer.kind === 0x0800 }), { session: 5 }));
    case 2:
      return named('mpls', mpls([100, 200, 300].slice(random.below(3)), layer.octets));
    case 3:
      return layer.octets.length < 1_400 && tags.every(({ tpid }) => tpid === 0x8100) ? named('snap', snap(layer)) : layer;
    default:
      return layer;
  }
}

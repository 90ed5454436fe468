/**
 * Writes databases in MaxMind's DB format 2.0 for tests: a binary tree over IPv6 (IPv4 in its first 96 zero bits), 24-bit
 * records, and a data section of maps, strings and numbers. Facts from the format's public specification.
 */
import { parsePrefix } from '../../src/flow/addresses.ts';

export type MmdbValue = string | number | { [key: string]: MmdbValue };

type Node = [left: Node | number | undefined, right: Node | number | undefined];

const separatorOctets = 16;

/** @param networks later ones win where they overlap earlier, wider ones */
export function mmdbFile(databaseType: string, networks: readonly (readonly [prefix: string, record: MmdbValue])[]): Buffer {
  const data: Buffer[] = [];
  let dataOctets = 0;
  const root: Node = [undefined, undefined];
  for (const [text, record] of networks) {
    const { octets, bits } = parsePrefix(text)!;
    const isV4 = octets.length === 4;
    const address = isV4 ? Uint8Array.from([...new Uint8Array(12), ...octets]) : octets;
    insert(root, address, isV4 ? 96 + bits : bits, dataOctets);
    const encoded = encode(record);
    data.push(encoded);
    dataOctets += encoded.length;
  }
  const nodes: Node[] = [];
  number(root, nodes);
  const tree = Buffer.alloc(nodes.length * 6);
  for (const [index, node] of nodes.entries()) {
    for (const side of [0, 1] as const) {
      const to = node[side];
      const value =
        to === undefined ? nodes.length : typeof to === 'number' ? nodes.length + separatorOctets + to : nodes.indexOf(to);
      tree.writeUIntBE(value, index * 6 + side * 3, 3);
    }
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: databaseType,
    ip_version: 6,
    node_count: nodes.length,
    record_size: 24,
  });
  return Buffer.concat([
    tree,
    Buffer.alloc(separatorOctets),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    metadata,
  ]);
}

function insert(root: Node, address: Uint8Array, bits: number, at: number): void {
  let node = root;
  for (let depth = 0; depth < bits; depth++) {
    const side = ((address[depth >> 3]! >> (7 - (depth & 7))) & 1) as 0 | 1;
    if (depth === bits - 1) node[side] = at;
    else {
      const next = node[side];
      // A wider network's record is handed down to both halves.
      node[side] = typeof next === 'object' ? next : [next, next];
      node = node[side] as Node;
    }
  }
}

function number(node: Node, nodes: Node[]): void {
  nodes.push(node);
  for (const side of node) if (typeof side === 'object') number(side, nodes);
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([control(2, text.length), text]);
  }
  if (typeof value === 'number') {
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), octets]);
  }
  const entries = Object.entries(value);
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([key, inner]) => [encode(key), encode(inner)])]);
}

/** Types up to 7, sizes up to 284. */
function control(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29]);
}

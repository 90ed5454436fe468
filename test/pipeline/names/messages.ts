/** Messages that name hosts, composed octet by octet for tests; names are compressed where `at` says so. */
import { ipv4Octets, ipv6Octets, joined, macOctets, u16, u32 } from '../../captures/frames.ts';

export const labels = (name: string): number[] => [
  ...(name === '' ? [] : name.split('.')).flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]),
  0,
];
/** RFC 1035 4.1.4: the name that stands at this offset of the message. */
export const pointer = (at: number): number[] => u16(0xc000 | at);
export const atQuestion = pointer(12);

export const types = { a: 1, cname: 5, ptr: 12, aaaa: 28, txt: 16 } as const;

export interface Record {
  readonly owner?: readonly number[];
  readonly type: number;
  readonly value: readonly number[];
  readonly ttlS?: number;
  readonly class?: number;
}

export const a = (address: string, more: Partial<Record> = {}): Record => ({
  type: types.a,
  value: ipv4Octets(address),
  ...more,
});
export const aaaa = (address: string, more: Partial<Record> = {}): Record => ({
  type: types.aaaa,
  value: ipv6Octets(address),
  ...more,
});

export interface Message {
  readonly name?: string;
  readonly type?: number;
  readonly flags?: number;
  readonly answers?: readonly Record[];
  readonly additional?: readonly Record[];
}

export function dns({ name, type = types.a, flags = 0x8180, answers = [], additional = [] }: Message): Uint8Array {
  const question = name === undefined ? [] : [...labels(name), ...u16(type), 0, 1];
  const records = [...answers, ...additional].flatMap(
    ({ owner = atQuestion, type: of, value, ttlS = 300, class: within = 1 }) => [
      ...owner,
      ...u16(of),
      ...u16(within),
      ...u32(ttlS),
      ...u16(value.length),
      ...value,
    ],
  );
  const counts = [name === undefined ? 0 : 1, answers.length, 0, additional.length].flatMap(u16);
  return Uint8Array.from([0, 7, ...u16(flags), ...counts, ...question, ...records]);
}

export interface Dhcp {
  readonly fromServer?: boolean;
  readonly type: number;
  readonly transaction?: number;
  readonly mac?: string;
  readonly client?: string;
  readonly yours?: string;
  /** Code and content of each. */
  readonly options?: readonly (readonly [number, readonly number[]])[];
}

export const textOption = (code: number, text: string): readonly [number, number[]] => [code, [...Buffer.from(text, 'latin1')]];

export function dhcp(fields: Dhcp): Uint8Array {
  const { fromServer = false, type, transaction = 77, mac = '00:1b:21:00:00:09', client = '0.0.0.0', yours = '0.0.0.0' } = fields;
  const head = Uint8Array.from([
    ...[fromServer ? 2 : 1, 1, 6, 0, ...u32(transaction), 0, 0, 0, 0],
    ...[...ipv4Octets(client), ...ipv4Octets(yours), ...new Uint8Array(8), ...macOctets(mac)],
    ...new Uint8Array(10 + 64 + 128),
    ...u32(0x63825363),
  ]);
  const options = [[53, [type]] as const, ...(fields.options ?? [])].flatMap(([code, content]) => [
    code,
    content.length,
    ...content,
  ]);
  return joined(head, Uint8Array.from([...options, 255]));
}

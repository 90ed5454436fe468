/** Reads the facts of network interfaces; changes nothing. An edge: files of `/sys/class/net` and the addresses from the kernel. */
import { networkInterfaces } from 'node:os';
import { type HostFiles, hostFiles } from './host_files.ts';
import { type InterfaceCounter, type InterfaceFacts, interfaceCounters, interfaceFacts } from './interface_facts.ts';

const folder = '/sys/class/net';

/** What takes more than a file to know: null where nobody can ask. */
export interface InterfaceQuestions {
  /** Which of GRO, LRO and their kin are on (an ioctl). */
  readonly mergingOffloads?: (name: string) => readonly string[] | null;
  /** Whether the meter's early drop is on it (rtnetlink). */
  readonly earlyDrop?: (name: string) => boolean;
}

export async function readInterface(
  name: string,
  questions: InterfaceQuestions = {},
  files: HostFiles = hostFiles,
): Promise<InterfaceFacts> {
  const read = (file: string): Promise<string | undefined> => files.read(`${folder}/${name}/${file}`);
  const [flags, operstate, carrier, speed, duplex, mtu, address] = await Promise.all(
    ['flags', 'operstate', 'carrier', 'speed', 'duplex', 'mtu', 'address'].map(read),
  );
  const master = await read('master/uevent');
  const disableIpv6 = await files.read(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`);
  const statistics: Partial<Record<InterfaceCounter, string | undefined>> = {};
  for (const counter of interfaceCounters) statistics[counter] = await read(`statistics/${counter}`);
  const addresses = (networkInterfaces()[name] ?? []).map(({ cidr, address: plain }) => cidr ?? plain);
  const texts = { flags, operstate, carrier, speed, duplex, mtu, address, master, disableIpv6, statistics };
  const exists = flags !== undefined;
  return interfaceFacts(name, texts, addresses, {
    mergingOffloads: exists ? (questions.mergingOffloads?.(name) ?? null) : null,
    earlyDrop: exists ? (questions.earlyDrop?.(name) ?? null) : null,
  });
}

/** Every interface of the box but loopback, for a person to choose from. */
export async function listInterfaces(files: HostFiles = hostFiles): Promise<string[]> {
  return (await files.list(folder)).filter((name) => name !== 'lo' && name !== 'bonding_masters');
}

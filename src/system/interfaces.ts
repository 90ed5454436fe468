/** Reads the facts of network interfaces; changes nothing. An edge: files of `/sys/class/net` and the addresses from the kernel. */
import { networkInterfaces } from 'node:os';
import { type HostFiles, hostFiles } from './host_files.ts';
import { type InterfaceCounter, type InterfaceFacts, interfaceCounters, interfaceFacts } from './interface_facts.ts';

const folder = '/sys/class/net';

/**
 * @param mergingOffloads asks the driver which of GRO, LRO and their kin are on, where somebody can (it needs an ioctl); null if not
 */
export async function readInterface(
  name: string,
  mergingOffloads: (name: string) => readonly string[] | null = () => null,
  files: HostFiles = hostFiles,
): Promise<InterfaceFacts> {
  const read = (file: string): Promise<string | undefined> => files.read(`${folder}/${name}/${file}`);
  const [flags, operstate, carrier, speed, duplex, mtu, address] = await Promise.all(
    ['flags', 'operstate', 'carrier', 'speed', 'duplex', 'mtu', 'address'].map(read),
  );
  const statistics: Partial<Record<InterfaceCounter, string | undefined>> = {};
  for (const counter of interfaceCounters) statistics[counter] = await read(`statistics/${counter}`);
  const addresses = (networkInterfaces()[name] ?? []).map(({ cidr, address: plain }) => cidr ?? plain);
  const texts = { flags, operstate, carrier, speed, duplex, mtu, address, statistics };
  return interfaceFacts(name, texts, addresses, flags === undefined ? null : mergingOffloads(name));
}

/** Every interface of the box but loopback, for a person to choose from. */
export async function listInterfaces(files: HostFiles = hostFiles): Promise<string[]> {
  return (await files.list(folder)).filter((name) => name !== 'lo' && name !== 'bonding_masters');
}

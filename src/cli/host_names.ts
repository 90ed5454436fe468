/** Names of hosts beside addresses: those of a running box are in its answers, those of a stopped one in its data folder. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import type { AnswerAboutHosts, HostNames } from '../flow/host_names.ts';
import { hostNamesFile } from '../flow/host_names.ts';
import type { RowJson } from '../flow/row_json.ts';
import { keptNames } from '../pipeline/names/kept_names.ts';
import { NameTable } from '../pipeline/names/name_table.ts';
import { KnownNames, namesMatching, withHosts } from '../status/known_hosts.ts';

/** The answer, with what the stopped box whose folder this is knew about the hosts in these texts. */
export function withNamesOnDisk<T extends object>(answer: T, texts: Iterable<unknown>, dataFolder: string): T & AnswerAboutHosts {
  return withHosts(answer, texts, { names: namesIn(dataFolder), vendorOf: () => undefined });
}

/** Those that the stopped box whose folder this is knew; none where none were kept. */
export const namesIn = (dataFolder: string): KnownNames => namesOnDisk(join(dataFolder, hostNamesFile));

/** What `flowspan names` tells of a stopped box. @throws ApplianceError `boxUnreachable` where there is none either */
export function namesKept(asked: {
  readonly dataFolder: string;
  readonly isHere: boolean;
  readonly place: string;
  readonly part: string;
  readonly limit: number;
}) {
  const { dataFolder, isHere, place, part, limit } = asked;
  const path = join(dataFolder, hostNamesFile);
  if (!isHere || !existsSync(path))
    throw new ApplianceError('boxUnreachable', `no flowspan answers at ${place}${isHere ? `, and there is no ${path}` : ''}`);
  return namesMatching({ names: namesOnDisk(path), vendorOf: () => undefined }, part, limit);
}

function namesOnDisk(path: string): KnownNames {
  const names = new KnownNames();
  try {
    const nowMs = new SystemClock().wallMs();
    const table = new NameTable({ addressesMax: Number.MAX_SAFE_INTEGER, keepForMs: Number.MAX_SAFE_INTEGER });
    for (const { ageMs, ...one } of keptNames(readFileSync(path, 'utf8'), nowMs)) table.learn(one, nowMs - ageMs);
    names.take(
      table.changes(Number.MAX_SAFE_INTEGER, nowMs).flatMap(([address, known]) => {
        if (known === undefined) return [];
        const { name, source, atMs, ttlS, mac } = known;
        const learnedMs = Math.round(atMs);
        const own = mac === undefined ? {} : { mac };
        return [{ address, name: { name, source, learnedMs, holdsUntilMs: learnedMs + ttlS * 1_000, ...own } }];
      }),
    );
  } catch {
    // None were kept, or none that can be read: addresses are there all the same.
  }
  return names;
}

/** The names of the addresses in a key, in their order; empty where none is known. */
export function namesInKey(key: string, names: HostNames | undefined): string {
  return key
    .split(' ')
    .flatMap((word) => names?.[word]?.name ?? [])
    .join(' ');
}

/** `10.0.0.40 (laptop-9)`: each address of a key with its name behind it. */
export function keyWithNames(key: string, names: HostNames | undefined): string {
  if (names === undefined) return key;
  return key
    .split(' ')
    .map((word) => (names[word] === undefined ? word : `${word} (${names[word].name})`))
    .join(' ');
}

export const endNameKeys = ['sourceHostName', 'destinationHostName'] as const;

/** Records with the names of their ends beside the elements. */
export function flowsWithNames(flows: readonly RowJson[], names: HostNames | undefined): readonly RowJson[] {
  if (names === undefined) return flows;
  return flows.map((flow) => {
    const named: RowJson = { ...flow };
    for (const end of ['source', 'destination'] as const) {
      const name = names[String(flow[`${end}IPv4Address`] ?? flow[`${end}IPv6Address`])]?.name;
      if (name !== undefined) named[`${end}HostName`] = name;
    }
    return named;
  });
}

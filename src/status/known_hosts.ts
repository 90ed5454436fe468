/**
 * What the page's thread knows about hosts: their names, as the main thread tells them, and the vendors of their network
 * cards. It is put beside the addresses of an answer, never in their place. Owned by the page's event loop.
 *
 * Limits: those of whoever tells (`names.addressesMax`), who tells also what makes room: with what is still on the way twice as many at most.
 */
import type { AnswerAboutHosts, HostName, HostNameChange, HostNameList } from '../flow/host_names.ts';

export class KnownNames implements HostNameList {
  readonly #names = new Map<string, HostName>();

  take(changes: readonly HostNameChange[]): void {
    for (const { address, name } of changes) {
      if (name === undefined) this.#names.delete(address);
      else this.#names.set(address, name);
    }
  }

  of(address: string): HostName | undefined {
    return this.#names.get(address);
  }

  entries(): Iterable<readonly [string, HostName]> {
    return this.#names.entries();
  }
}

export interface KnownHosts {
  readonly names: HostNameList;
  /** Of a MAC address in text. */
  readonly vendorOf: (mac: string) => string | undefined;
}

const mac = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** The answer, and what is known about the hosts in these texts: keys of rows, or values of records. */
export function withHosts<T extends object>(
  answer: T,
  texts: Iterable<unknown>,
  hosts: KnownHosts | undefined,
): T & AnswerAboutHosts {
  if (hosts === undefined) return answer;
  const names: Record<string, HostName> = {};
  const vendors: Record<string, string> = {};
  for (const text of texts) {
    if (typeof text !== 'string') continue;
    for (const word of text.split(' ')) {
      const name = hosts.names.of(word);
      if (name !== undefined) names[word] = name;
      for (const address of [word, name?.mac ?? '']) {
        const vendor = mac.test(address) ? hosts.vendorOf(address) : undefined;
        if (vendor !== undefined) vendors[address] = vendor;
      }
    }
  }
  return {
    ...answer,
    ...(Object.keys(names).length > 0 ? { names } : {}),
    ...(Object.keys(vendors).length > 0 ? { vendors } : {}),
  };
}

export interface NamedHost extends HostName {
  readonly address: string;
  /** Of its MAC. */
  readonly vendor?: string;
}

/** Names and addresses with this part in them, newest first. */
export function namesMatching(
  hosts: KnownHosts | undefined,
  part: string,
  limit: number,
): { matched: number; names: NamedHost[] } {
  const found = [...(hosts?.names.entries() ?? [])].filter(
    ([address, { name }]) => name.includes(part) || address.includes(part),
  );
  const names = found
    .sort(([, a], [, b]) => b.learnedMs - a.learnedMs)
    .slice(0, limit)
    .map(([address, name]): NamedHost => {
      const vendor = name.mac === undefined ? undefined : hosts?.vendorOf(name.mac);
      return { address, ...name, ...(vendor === undefined ? {} : { vendor }) };
    });
  return { matched: found.length, names };
}

/**
 * The names of hosts, by address. An address keeps one name of each source, the newest. The one that is shown is, of those whose
 * time to live is not over, a host's own (DHCP, mDNS), else what clients last asked for when they reached it (TLS server name
 * or DNS, whichever is newer), else that of a reverse look-up; when all are over, the newest. A name does not depend on who
 * asked: where clients get different answers, the last one wins.
 *
 * Limits: `addressesMax`; the address that was not used for longest makes room, use being that a name is heard or asked for. A name that was not
 * heard for `keepForMs` is forgotten. What changed waits to be told for addresses that are known, and for those that are gone of which
 * a name was told: what nobody heard of goes without a word. Times are monotonic. Pure.
 */
import { type NameSource, nameSources } from '../../flow/host_names.ts';
import type { Learned } from './learned.ts';

interface Heard {
  name: string;
  atMs: number;
  ttlS: number;
}

interface Entry {
  readonly heard: Partial<Record<NameSource, Heard>>;
  mac: string | undefined;
  /** Whoever is told of changes has a name of it. */
  isTold: boolean;
}

export interface KnownName {
  readonly name: string;
  readonly source: NameSource;
  readonly atMs: number;
  readonly ttlS: number;
  readonly aged: boolean;
  readonly mac: string | undefined;
}

export interface NameTableLimits {
  readonly addressesMax: number;
  readonly keepForMs: number;
}

/** One name of the table, for keeping: of times only how long ago it was heard. */
export interface KeptName extends Learned {
  readonly ageMs: number;
}

/** A name that is heard again this soon is not told again. */
const tellAgainMs = 60_000;

/** The lower, the more it is the host's own. Names that clients ask for are peers: the newer one wins. */
const rank: Readonly<Record<NameSource, number>> = { dhcp: 0, mdns: 1, tls: 2, dns: 2, ptr: 3 };

export class NameTable {
  /** In order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  /** Addresses whose name may be another than was told; of those that are gone only what was told. */
  readonly #changed = new Set<string>();
  #limits: NameTableLimits;
  #evicted = 0;

  constructor(limits: NameTableLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Addresses that made room. */
  get evicted(): number {
    return this.#evicted;
  }

  learn({ address, name, source, ttlS, mac }: Learned, nowMs: number): void {
    // One that is gone and still to be told of has been told.
    const entry = this.#entries.get(address) ?? { heard: {}, mac: undefined, isTold: this.#changed.has(address) };
    const known = entry.heard[source];
    let isNews = true;
    // RFC 6762 10.1: a time to live of 0 takes a name back, but only the one that it is about.
    if (ttlS === 0) {
      if (known?.name !== name) return;
      delete entry.heard[source];
    } else if (known?.name === name) {
      isNews = nowMs - known.atMs >= tellAgainMs;
      known.atMs = Math.max(known.atMs, nowMs);
      known.ttlS = ttlS;
    } else entry.heard[source] = { name, atMs: nowMs, ttlS };
    entry.mac = mac ?? entry.mac;
    this.#use(address, entry);
    if (isNews) this.#changed.add(address);
    this.#makeRoom(this.#limits.addressesMax);
  }

  /** Its name; asking is use. */
  nameOf(address: string, nowMs: number): KnownName | undefined {
    const entry = this.#entries.get(address);
    if (entry === undefined) return undefined;
    this.#use(address, entry);
    return this.#best(entry, nowMs);
  }

  /**
   * Addresses whose shown name is another than at the last call, at most so many; undefined for one without a name now.
   * Whether a name has aged is no change.
   */
  changes(most: number, nowMs: number): [address: string, known: KnownName | undefined][] {
    const found: [string, KnownName | undefined][] = [];
    for (const address of this.#changed) {
      if (found.length >= most) break;
      this.#changed.delete(address);
      const entry = this.#entries.get(address);
      const known = entry === undefined ? undefined : this.#best(entry, nowMs);
      if (entry !== undefined) entry.isTold = known !== undefined;
      found.push([address, known]);
    }
    return found;
  }

  /** Whatever was told was told in vain: all names count as changed. */
  forgetTold(): void {
    this.#changed.clear();
    for (const [address, entry] of this.#entries) {
      entry.isTold = false;
      this.#changed.add(address);
    }
  }

  /** Names that were not heard for too long, or come from sources that are off now, go. */
  forget(nowMs: number, off: ReadonlySet<NameSource> = new Set()): void {
    for (const [address, entry] of this.#entries) {
      const { heard } = entry;
      for (const source of nameSources) {
        const one = heard[source];
        if (one === undefined || (nowMs - one.atMs <= this.#limits.keepForMs && !off.has(source))) continue;
        delete heard[source];
        this.#changed.add(address);
      }
      if (Object.keys(heard).length === 0) this.#remove(address, entry);
    }
  }

  configure(limits: NameTableLimits): void {
    this.#limits = limits;
    this.#makeRoom(limits.addressesMax);
  }

  /** The names of the addresses used last, the most recent last. */
  kept(addressesMax: number, nowMs: number): KeptName[] {
    return [...this.#entries].slice(-addressesMax).flatMap(([address, { heard, mac }]) =>
      nameSources.flatMap((source) => {
        const one = heard[source];
        if (one === undefined) return [];
        const { name, atMs, ttlS } = one;
        const ofClient = source === 'dhcp' && mac !== undefined ? { mac } : {};
        return [{ address, name, source, ttlS, ageMs: Math.max(0, Math.round(nowMs - atMs)), ...ofClient }];
      }),
    );
  }

  #best({ heard, mac }: Entry, nowMs: number): KnownName | undefined {
    let best: KnownName | undefined;
    for (const source of nameSources) {
      const one = heard[source];
      if (one === undefined) continue;
      const candidate = { ...one, source, aged: nowMs - one.atMs > one.ttlS * 1_000, mac };
      if (best === undefined || isBetter(candidate, best)) best = candidate;
    }
    return best;
  }

  #use(address: string, entry: Entry): void {
    this.#entries.delete(address);
    this.#entries.set(address, entry);
  }

  #makeRoom(most: number): void {
    for (const [address, entry] of this.#entries) {
      if (this.#entries.size <= most) break;
      this.#remove(address, entry);
      this.#evicted++;
    }
  }

  #remove(address: string, { isTold }: Entry): void {
    this.#entries.delete(address);
    if (isTold) this.#changed.add(address);
    else this.#changed.delete(address);
  }
}

function isBetter(a: KnownName, b: KnownName): boolean {
  if (a.aged !== b.aged) return !a.aged;
  if (a.aged || rank[a.source] === rank[b.source]) return a.atMs > b.atMs;
  return rank[a.source] < rank[b.source];
}

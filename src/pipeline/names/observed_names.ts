/**
 * Learns names of hosts from observations, and keeps them: over restarts in a file of the names used last. Payload is read where
 * it lies and never kept. Runs on the event loop that polls the meter; an observation costs some microseconds, the worst some hundred, and the
 * settings bound how many there are.
 */
import { observedKinds } from '../../config/name_settings.ts';
import type { NameSettings } from '../../config/schema.ts';
import { messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import type { World } from '../../core/world.ts';
import { type ObservationKind, observationKinds } from '../../flow/decode_annotations.ts';
import { type HostName, type HostNameChange, type HostNameLookup, type NameSource, nameSources } from '../../flow/host_names.ts';
import type { Observation } from '../../flow/observations.ts';
import type { BoxEvent } from '../../flow/status_shapes.ts';
import type { NameFile } from '../name_book.ts';
import { DhcpLeases } from './dhcp_leases.ts';
import { HelloPieces } from './hello_pieces.ts';
import { keptNames, keptText } from './kept_names.ts';
import type { Learned } from './learned.ts';
import { type KnownName, NameTable } from './name_table.ts';
import { namesIn } from './names_in.ts';

export interface ObservedNamesParts {
  readonly world: World;
  readonly settings: NameSettings;
  readonly file: NameFile;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
  /** Takes what has changed, or says that it cannot now. */
  readonly show: (changes: readonly HostNameChange[]) => boolean;
}

const sourcesOf: Readonly<Record<ObservationKind, readonly NameSource[]>> = {
  dns: ['dns', 'ptr'],
  dhcp: ['dhcp'],
  mdns: ['mdns'],
  tls: ['tls'],
};
const showEveryMs = 1_000;
const forgetEveryMs = 60_000;
const shownAtOnceMax = 500;
/** Writing wears the card: names that a cut of power takes are learned again. */
const saveEveryMs = 3_600_000;
const keptAddressesMax = 4_096;

export class ObservedNames implements Service, HostNameLookup {
  readonly name = 'host names';
  readonly #parts: ObservedNamesParts;
  readonly #table: NameTable;
  readonly #waiting = { leases: new DhcpLeases(), hellos: new HelloPieces() };
  readonly #learned: Record<NameSource, number> = { dhcp: 0, mdns: 0, tls: 0, dns: 0, ptr: 0 };
  readonly #unread: Record<ObservationKind, number> = { dns: 0, dhcp: 0, mdns: 0, tls: 0 };
  #settings: NameSettings;
  #timer: { cancel(): void } | undefined;
  #savedMs = 0;
  #forgotMs = 0;
  #saved = '';
  /** The write that is under way; the next waits for it. */
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: ObservedNamesParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#table = new NameTable(limitsOf(parts.settings));
  }

  async start(_signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.world;
    await this.#read();
    this.#savedMs = clock.monotonicMs();
    this.#registerMetrics();
    this.#timer = clock.every(
      showEveryMs,
      () => this.#tick(),
      (error) => {
        throw error; // a table that fails is a bug
      },
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
    await this.#save();
  }

  /** A packet that may name hosts. */
  readonly receive = (observation: Observation): void => {
    const { kind } = observation;
    // What was on its way when the kind was switched off.
    if (!this.#settings[kind]) return;
    const nowMs = this.#nowMs();
    const learned = namesIn(observation, this.#waiting, nowMs);
    if (learned === undefined) this.#unread[kind]++;
    else for (const one of learned) this.#learn(one, nowMs);
  };

  of(address: string): HostName | undefined {
    const known = this.#table.nameOf(address, this.#nowMs());
    return known === undefined ? undefined : this.#shown(known);
  }

  /** Undefined while every kind is off. */
  get lookup(): HostNameLookup | undefined {
    return observedKinds(this.#settings).length > 0 ? this : undefined;
  }

  /** Takes up what changes while running; names of a kind that is switched off are forgotten. */
  configure(settings: NameSettings): void {
    this.#settings = settings;
    this.#table.configure(limitsOf(settings));
    this.#table.forget(this.#nowMs(), this.#sourcesOff());
  }

  /** Whoever was shown the changes has lost them: all are shown again. */
  showAgain(): void {
    this.#table.forgetTold();
  }

  #learn(one: Learned, nowMs: number): void {
    this.#learned[one.source]++;
    this.#table.learn(one, nowMs);
  }

  async #tick(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs - this.#forgotMs >= forgetEveryMs) {
      this.#forgotMs = nowMs;
      this.#table.forget(nowMs);
    }
    this.#showChanges(nowMs);
    if (nowMs - this.#savedMs < saveEveryMs) return;
    this.#savedMs = nowMs;
    await this.#save();
  }

  #showChanges(nowMs: number): void {
    // Asked first: what was taken out of the table has to arrive.
    if (!this.#parts.show([])) return;
    const changes = this.#table.changes(shownAtOnceMax, nowMs);
    if (changes.length === 0) return;
    this.#parts.show(
      changes.map(([address, known]) => ({ address, name: known === undefined ? undefined : this.#shown(known) })),
    );
  }

  #shown({ name, source, atMs, ttlS, mac }: KnownName): HostName {
    const learnedMs = Math.round(this.#parts.world.clock.wallMs() - (this.#nowMs() - atMs));
    return { name, source, learnedMs, holdsUntilMs: learnedMs + ttlS * 1_000, ...(mac === undefined ? {} : { mac }) };
  }

  #sourcesOff(): ReadonlySet<NameSource> {
    return new Set(observationKinds.filter((kind) => !this.#settings[kind]).flatMap((kind) => sourcesOf[kind]));
  }

  #unreadOf(kind: ObservationKind): number {
    return this.#unread[kind] + (kind === 'tls' ? this.#waiting.hellos.lapsed : 0);
  }

  #nowMs(): number {
    return this.#parts.world.clock.monotonicMs();
  }

  async #read(): Promise<void> {
    try {
      const text = await this.#parts.file.read();
      if (text === undefined) return;
      const nowMs = this.#nowMs();
      for (const { ageMs, ...one } of keptNames(text, this.#parts.world.clock.wallMs())) this.#table.learn(one, nowMs - ageMs);
      this.#table.forget(nowMs, this.#sourcesOff());
      this.#saved = text;
    } catch (error) {
      this.#parts.onEvent('warn', 'hostNamesUnreadable', `The names of hosts are learned anew: ${messageOf(error)}`);
    }
  }

  #save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    const text = keptText(this.#table.kept(keptAddressesMax, this.#nowMs()), this.#parts.world.clock.wallMs());
    if (this.#table.size === 0 && this.#saved === '') return;
    try {
      await this.#parts.file.replace(text);
      this.#saved = text;
    } catch (error) {
      this.#parts.onEvent('warn', 'hostNamesUnwritable', `The names of hosts cannot be written down: ${messageOf(error)}`);
    }
  }

  #registerMetrics(): void {
    const { metrics } = this.#parts.world;
    metrics.gauge('host_names', 'Addresses whose name is known', () => this.#table.size);
    metrics.gauge('host_names_evicted', 'Addresses that made room for others', () => this.#table.evicted);
    metrics.gauge(
      'host_names_learned',
      'Names heard, again and again, by where they are from',
      () => nameSources.map((source) => ({ labels: { source }, value: this.#learned[source] })),
      ['source'],
    );
    metrics.gauge(
      'host_names_unread',
      'Packets looked into that were cut before a name or are not well-formed',
      () => observationKinds.map((kind) => ({ labels: { kind }, value: this.#unreadOf(kind) })),
      ['kind'],
    );
  }
}

const limitsOf = ({ addressesMax, keepForS }: NameSettings) => ({ addressesMax, keepForMs: keepForS * 1_000 });

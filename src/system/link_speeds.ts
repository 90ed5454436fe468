/**
 * The rates of the mirror ports, read every ten seconds: a link is negotiated anew when somebody moves a cable. Null where
 * a port does not tell, as virtual ones do not. With them the ports' own counters, to hold the meter's against. Owned by the
 * main event loop.
 */
import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import type { MeterCounts } from '../flow/ledger.ts';
import type { MeterStatus, PortAccount } from '../flow/status_shapes.ts';
import type { InterfaceFacts } from './interface_facts.ts';
import { readInterface } from './interfaces.ts';
import { PortAccounts } from './port_account.ts';

const periodMs = 10_000;

type PortFacts = Pick<InterfaceFacts, 'speedMbps' | 'exists' | 'receivedPackets' | 'receivedOctets'>;

export class LinkSpeeds implements Service {
  readonly name = 'link speeds';
  readonly #world: World;
  readonly #names: readonly string[];
  readonly #counts: () => MeterCounts;
  readonly #read: (name: string) => Promise<PortFacts>;
  readonly #accounts = new PortAccounts();
  readonly #speeds = new Map<string, number | null>();
  #timer: Timer | undefined;

  /** @param counts of the meter, as of now @param read for tests; otherwise asks the kernel */
  constructor(
    world: World,
    names: readonly string[],
    counts: () => MeterCounts,
    read: (name: string) => Promise<PortFacts> = readInterface,
  ) {
    this.#world = world;
    this.#names = names;
    this.#counts = counts;
    this.#read = read;
  }

  async start(_signal: AbortSignal): Promise<void> {
    if (this.#names.length === 0) return;
    const { clock, log } = this.#world;
    await this.#look();
    this.#timer = clock.every(
      periodMs,
      () => this.#look(),
      (error) => log.error('linkSpeedUnreadable', { reason: messageOf(error) }),
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
  }

  speedMbps(name: string): number | null {
    return this.#speeds.get(name) ?? null;
  }

  /** The meter counts what comes in; how fast the port is, the kernel knows. */
  withSpeeds(status: MeterStatus): MeterStatus {
    return { ...status, interfaces: status.interfaces.map((port) => ({ ...port, speedMbps: this.speedMbps(port.name) })) };
  }

  account(): PortAccount | null {
    return this.#accounts.account();
  }

  /** Of all ports together; null when there is none or one does not tell. */
  capacityMbps(): number | null {
    if (this.#names.length === 0) return null;
    let sum = 0;
    for (const name of this.#names) {
      const speed = this.speedMbps(name);
      if (speed === null) return null;
      sum += speed;
    }
    return sum;
  }

  async #look(): Promise<void> {
    const ports = await Promise.all(this.#names.map(async (name) => [name, await this.#read(name)] as const));
    for (const [name, { speedMbps }] of ports) this.#speeds.set(name, speedMbps);
    const sum = (of: (port: PortFacts) => number): number => ports.reduce((all, [, port]) => all + of(port), 0);
    const port = ports.every(([, { exists }]) => exists)
      ? { packets: sum(({ receivedPackets }) => receivedPackets), octets: sum(({ receivedOctets }) => receivedOctets) }
      : undefined;
    this.#accounts.add(port, this.#counts(), this.#world.clock.monotonicMs());
  }
}

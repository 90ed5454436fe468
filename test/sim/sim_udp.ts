/**
 * The way of datagrams from a simulated box to a collector, under the box's own UDP transport: a line that loses without a
 * word while it is cut, a host that says so when nothing listens there, a collector that drops what it is too slow for, and
 * the probe that asks whether the host is there.
 */
import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import type { DestinationSettings } from '../../src/config/schema.ts';
import type { SimulatedClock } from '../../src/core/clock.ts';
import type { DecodedRecord } from '../../src/forward/ipfix/decode/decoded.ts';
import type { Probe } from '../../src/forward/ipfix/probe.ts';
import { type ProbeMemory, UdpTransport } from '../../src/forward/ipfix/udp_transport.ts';
import { type Link, noMeasures, type Transport } from '../../src/forward/link.ts';
import type { BoxClock } from './box_clock.ts';
import type { ProvenLink, Session, SimCollector } from './sim_collector.ts';
import type { SimHost } from './sim_network.ts';

const turnMs = 40;
/** TCP asks again so long after the first SYN (RFC 6298). */
const synsAtMs = [0, 1_000, 3_000, 7_000];
/** How long sent octets wait for a probe to begin, and what its ways take. */
const probeLateMs = 3_000;

/** So long after it was sent a datagram counts as arrived at the latest, when the line is back by then. */
export const udpProofMs = (connectTimeoutMs: number): number => connectTimeoutMs + probeLateMs;

export interface SimUdpParts {
  readonly host: SimHost;
  readonly world: SimulatedClock;
  readonly clock: BoxClock;
  readonly collector: SimCollector;
  readonly settings: DestinationSettings;
  readonly memory: ProbeMemory;
}

export function simUdpTransport(parts: SimUdpParts): Transport {
  const { clock, host, settings, memory } = parts;
  let socket: SimSocket | undefined;
  const transport = new UdpTransport({
    ...{ settings, clock, memory, measures: noMeasures },
    probe: probeOf(host, clock),
    network: {
      resolve: async () => ({ address: '192.0.2.1', family: 4 }),
      createSocket: () => {
        socket = new SimSocket(parts);
        return socket as unknown as Socket;
      },
    },
  });
  return {
    address: transport.address,
    proof: transport.proof,
    close: () => transport.close(),
    open: async (signal): Promise<Link> => {
      const link = await transport.open(signal);
      socket!.serve(link);
      return link;
    },
  };
}

function probeOf(host: SimHost, clock: BoxClock): Probe {
  return async (_target, timeoutMs) => {
    const sinceMs = clock.monotonicMs();
    for (const atMs of synsAtMs.filter((ms) => ms < timeoutMs)) {
      await clock.sleep(Math.max(0, sinceMs + atMs - clock.monotonicMs()) + turnMs);
      if (host.lies) return true;
      if (!host.lineUp) continue;
      await clock.sleep(turnMs);
      if (host.lineUp) return true; // accepted or refused
    }
    await clock.sleep(Math.max(0, sinceMs + timeoutMs - clock.monotonicMs()));
    return false;
  };
}

/** As much of a connected socket as the transport uses. */
class SimSocket extends EventEmitter {
  readonly #parts: SimUdpParts;
  readonly #session: Session;
  #link: Link | undefined;
  #told: ProvenLink = { provenTold: 0 };
  #sentOctets = 0;
  #closed = false;

  constructor(parts: SimUdpParts) {
    super();
    this.#parts = parts;
    this.#session = parts.collector.acceptUdp();
  }

  serve(link: Link): void {
    this.#link = link;
    this.#sentOctets = 0;
    this.#told = {
      get provenTold() {
        return link.provenOctets();
      },
    };
  }

  connect(): void {
    process.nextTick(() => this.emit('connect'));
  }
  address(): { address: string } {
    return { address: '198.51.100.2' };
  }
  close(): void {
    this.#closed = true;
  }

  send(bytes: Uint8Array, done: (error: Error | null) => void): void {
    const { world, clock } = this.#parts;
    if (this.#link === undefined || this.#closed || !clock.alive) return;
    const records = this.#session.sent(bytes);
    this.#sentOctets += bytes.length;
    const [told, endOctet] = [this.#told, this.#sentOctets];
    world.after(turnMs, () => this.#arrive(bytes, records, told, endOctet));
    done(null);
  }

  #arrive(bytes: Uint8Array, records: readonly DecodedRecord[], told: ProvenLink, endOctet: number): void {
    const { host, clock } = this.#parts;
    if (!host.lineUp) {
      host.losses.push({ atMs: this.#parts.world.monotonicMs(), excuse: () => this.#session.excuse(records) });
    } else if (!host.listening) {
      if (clock.alive && !this.#closed) this.emit('error', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    } else if (host.readOctetsPerTurn < bytes.length) {
      this.#session.excuse(records);
    } else {
      if (this.#session.link !== told) this.#session.continueOver(told);
      this.#session.read(bytes, endOctet, records);
    }
  }
}

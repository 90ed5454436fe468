/**
 * IPFIX over UDP: a connected socket that outlives interruptions, so that the transport session, its templates and its
 * sequence numbers go on (RFC 7011 section 10.3.2: errors that ICMP reports end nothing). Names are resolved at every
 * opening; another address is another session. Messages fit 512 octets or the path that the kernel knows (10.3.3).
 */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP } from 'node:net';
import type { DestinationSettings } from '../../config/schema.ts';
import { unlessAborted } from '../../core/abort.ts';
import { type Clock, withDeadline } from '../../core/clock.ts';
import { ApplianceError } from '../../core/errors.ts';
import type { Link, SocketMeasures, Transport } from '../link.ts';
import { networkError } from '../network_errors.ts';
import type { Probe } from './probe.ts';
import { UdpLink } from './udp_link.ts';

// RFC 7011 section 10.3.3: without knowledge of the path, 512 octets.
const unknownPathOctets = 512;
/** A larger path (jumbo frames, loopback) gains little, and one lost fragment loses the whole message. */
const pathOctetsMax = 1_500;
const headersOctets = { 4: 20 + 8, 6: 40 + 8 } as const;
/** How long silence counts as a sign of life where probes were never answered. */
const silenceMs = 1_000;
const sendBufferOctets = 4 * 1024 * 1024;

/** Whether a probe of this collector was ever answered; kept by the spool over restarts. */
export interface ProbeMemory {
  probeAnswered: boolean;
}

/** Names and sockets; replaced by the simulation. */
export interface UdpNetwork {
  readonly resolve: (host: string) => Promise<{ readonly address: string; readonly family: number }>;
  readonly createSocket: (options: SocketOptions) => Socket;
}

export interface UdpTransportParts {
  readonly settings: DestinationSettings;
  readonly clock: Clock;
  readonly measures: SocketMeasures;
  readonly probe: Probe;
  readonly memory: ProbeMemory;
  readonly network?: UdpNetwork;
}

const kernelNetwork: UdpNetwork = { resolve: (host) => lookup(host), createSocket };

export class UdpTransport implements Transport {
  readonly address: string;
  readonly #parts: UdpTransportParts;
  #open: { readonly socket: Socket; readonly target: string } | undefined;

  constructor(parts: UdpTransportParts) {
    const { host, port } = parts.settings;
    this.#parts = parts;
    this.address = `udp://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  }

  get proof(): string {
    return this.#relies
      ? 'sent over UDP, and the collector’s host answered afterwards'
      : 'sent over UDP without an error; whether it arrives is unknown';
  }

  async open(signal: AbortSignal): Promise<Link> {
    const { settings, clock, measures } = this.#parts;
    const resolved = await this.#resolve(signal);
    const fresh = this.#open === undefined || this.#open.target !== resolved.address;
    if (fresh) this.#open = { socket: await this.#connect(resolved), target: resolved.address };
    const socket = this.#open!.socket;
    // Learns whether probes are answered before anything depends on it.
    if (settings.probe !== 'none' && !(await unlessAborted(signal, this.#askHost())) && this.#relies) {
      throw new ApplianceError('networkUnreachable', `${this.address}: the host does not answer: is the uplink connected?`);
    }
    return new UdpLink({
      clock,
      socket,
      fresh,
      address: this.address,
      messageOctetsMax: messageOctets(settings.messageBytesMax, measures.pathMtu(descriptorOf(socket)), resolved.family),
      messagesPerSecondMax: settings.udpMessagesPerSecondMax,
      prove: () => this.#prove(),
    });
  }

  close(): void {
    this.#open?.socket.close();
    this.#open = undefined;
  }

  /** Whether arrival is only believed when a probe is answered. */
  get #relies(): boolean {
    const { settings, memory } = this.#parts;
    return settings.probe === 'tcp' || (settings.probe === 'auto' && memory.probeAnswered);
  }

  async #prove(): Promise<boolean> {
    const { clock } = this.#parts;
    if (this.#relies) return this.#askHost();
    await clock.sleep(silenceMs);
    return true;
  }

  async #askHost(): Promise<boolean> {
    const { settings, probe, memory } = this.#parts;
    const port = settings.probePort === 0 ? settings.port : settings.probePort;
    const answered = await probe({ host: this.#open!.target, port }, settings.connectTimeoutMs);
    if (answered) memory.probeAnswered = true;
    return answered;
  }

  async #resolve(signal: AbortSignal): Promise<{ address: string; family: 4 | 6 }> {
    const { settings, clock, network = kernelNetwork } = this.#parts;
    try {
      const found = network.resolve(settings.host);
      const work = withDeadline(clock, settings.connectTimeoutMs, `resolving ${settings.host}`, found);
      const { address, family } = await unlessAborted(signal, work);
      return { address, family: family === 6 ? 6 : 4 };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw networkError(error, this.address);
    }
  }

  async #connect({ address, family }: { address: string; family: 4 | 6 }): Promise<Socket> {
    this.#open?.socket.close();
    this.#open = undefined;
    const { network = kernelNetwork } = this.#parts;
    const socket = network.createSocket({ type: family === 6 ? 'udp6' : 'udp4', sendBufferSize: sendBufferOctets });
    // Errors between links concern nobody: the next link finds out by itself.
    socket.on('error', () => {});
    try {
      socket.connect(this.#parts.settings.port, address);
      await once(socket, 'connect');
    } catch (error) {
      socket.close();
      throw networkError(error, this.address);
    }
    return socket;
  }
}

/** Octets of a message: what the settings say, else what the path takes, else what RFC 7011 allows blindly. */
export function messageOctets(setting: number, pathMtu: number, family: 4 | 6): number {
  if (setting > 0) return setting;
  if (pathMtu <= 0) return unknownPathOctets;
  return Math.max(unknownPathOctets, Math.min(pathMtu, pathOctetsMax) - headersOctets[family]);
}

function descriptorOf(socket: Socket): number {
  // Node keeps a datagram socket's handle under a symbol of its own; without it the path stays unknown.
  const state = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === 'state symbol');
  const handle =
    state === undefined ? undefined : (socket as unknown as Record<symbol, { handle?: { fd?: unknown } }>)[state]?.handle;
  return typeof handle?.fd === 'number' ? handle.fd : -1;
}

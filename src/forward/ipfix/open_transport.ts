/** Which transport a destination's settings ask for. An edge; replaced by the simulation. */
import type { DestinationSettings } from '../../config/schema.ts';
import type { Clock } from '../../core/clock.ts';
import type { SocketMeasures, Transport } from '../link.ts';
import { type Probe, tcpProbe } from './probe.ts';
import { StreamTransport } from './stream_transport.ts';
import { type ProbeMemory, UdpTransport } from './udp_transport.ts';

export interface TransportParts {
  readonly settings: DestinationSettings;
  readonly clock: Clock;
  /** The addon, or `noMeasures`. */
  readonly measures: SocketMeasures;
  /** Asks whether a collector's host is there; replaced in tests. */
  readonly probe?: Probe | undefined;
  readonly memory: ProbeMemory;
}

export type OpenTransport = (parts: TransportParts) => Transport;

export const openTransport: OpenTransport = ({ settings, clock, measures, probe, memory }) =>
  settings.transport === 'udp'
    ? new UdpTransport({ settings, clock, measures, probe: probe ?? tcpProbe(clock), memory })
    : new StreamTransport(settings, clock, measures);

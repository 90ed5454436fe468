/** Which transport a destination's settings ask for. An edge; replaced by the simulation. */
import type { DestinationSettings } from '../../config/schema.ts';
import type { Clock } from '../../core/clock.ts';
import type { ApplianceError } from '../../core/errors.ts';
import type { SocketMeasures, Transport } from '../link.ts';
import { FileTransport } from './files/file_transport.ts';
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
  /** Hears of what goes wrong beside the records. */
  readonly onTrouble: (error: ApplianceError) => void;
}

export type OpenTransport = (parts: TransportParts) => Transport;

export const openTransport: OpenTransport = ({ settings, clock, measures, probe, memory, onTrouble }) => {
  switch (settings.transport) {
    case 'udp':
      return new UdpTransport({ settings, clock, measures, probe: probe ?? tcpProbe(clock), memory });
    case 'file':
      return new FileTransport({ settings, clock, onTrouble });
    default:
      return new StreamTransport(settings, clock, measures);
  }
};

/** A packet that names hosts, as the meter shows it to whoever reads names out of it. Nobody keeps its payload. */
import type { ObservationKind } from './decode_annotations.ts';

export interface Observation {
  readonly kind: ObservationKind;
  /** Row clock. */
  readonly ns: bigint;
  /** 4 or 16 octets. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Octets of the stream before the payload: 0 but for the rest of a hello that its segment cut. */
  readonly streamOffset: number;
  /** Octets that the packet carried; `payload` has fewer where the capture or the queue cut it. */
  readonly wholeOctets: number;
  /** As all octets here, valid until the receiver returns. */
  readonly payload: Uint8Array;
}

export type ObservationReceiver = (observation: Observation) => void;

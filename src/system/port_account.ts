/**
 * What the mirror ports' own counters say beside what the meter took in, since both were first looked at together. The two are
 * read one after the other, so they differ by what came between. Pure.
 */
import type { MeterCounts } from '../flow/ledger.ts';
import type { PortAccount } from '../flow/status_shapes.ts';

/** The kernel's counters of the ports, added up. */
export interface PortCounts {
  readonly packets: number;
  readonly octets: number;
}

interface Look {
  readonly atMs: number;
  readonly port: PortCounts;
  readonly meter: MeterCounts;
}

export class PortAccounts {
  #first: Look | undefined;
  #last: Look | undefined;

  /** @param port undefined while a port does not tell */
  add(port: PortCounts | undefined, meter: MeterCounts, atMs: number): void {
    const look = port === undefined ? undefined : { atMs, port, meter };
    const last = this.#last;
    // Counters that went back began anew: a port that was taken out, a meter that was opened again.
    const isAnew =
      look === undefined ||
      last === undefined ||
      look.port.packets < last.port.packets ||
      look.meter.receivedPackets < last.meter.receivedPackets;
    if (isAnew) this.#first = look;
    this.#last = look;
  }

  /** Null while there is nothing to compare. */
  account(): PortAccount | null {
    const [first, last] = [this.#first, this.#last];
    if (first === undefined || last === undefined || first === last) return null;
    const grown = (name: keyof MeterCounts): number => last.meter[name] - first.meter[name];
    return {
      overMs: last.atMs - first.atMs,
      portPackets: last.port.packets - first.port.packets,
      portOctets: last.port.octets - first.port.octets,
      receivedPackets: grown('receivedPackets'),
      receivedOctets: grown('receivedOctets'),
      leftOutPackets: grown('filteredPackets') + grown('sampledByKernelPackets'),
      droppedPackets: grown('droppedByKernelPackets'),
    };
  }
}

/**
 * The ledger as the page tells it: what is accounted for, which equation fails and by how much, and where packets went as
 * shares of what was on the port. Pure; the equations are those of `flow/ledger.ts` in the terms that JSON carries.
 */
import type { Ledger } from '../../flow/ledger.ts';

export interface FailedEquation {
  /** `received = undecodable + decoded`. */
  readonly words: string;
  readonly unit: 'packets' | 'octets';
  readonly left: number;
  readonly right: number;
}

export interface LedgerAccount {
  readonly balanced: boolean;
  /** Packets that were on the port, as far as anybody counted them. */
  readonly onPort: number;
  /** Share of the received packets that every equation accounts for, 0 to 100; 100 only when the ledger balances. */
  readonly accountedPercent: number;
  readonly lost: number;
  readonly failed: readonly FailedEquation[];
}

type Octets = number | null;
const sum = (...octets: Octets[]): Octets =>
  octets.reduce<Octets>((all, one) => (all === null || one === null ? null : all + one), 0);

export function accountOf(ledger: Ledger): LedgerAccount {
  const { received, undecodable, decoded, duplicates, sampledOut, metered, handedOver, cached } = ledger;
  const equations = [
    { words: 'received = undecodable + decoded', left: received, right: [undecodable, decoded] },
    { words: 'decoded = duplicates + sampled out + metered', left: decoded, right: [duplicates, sampledOut, metered] },
    { words: 'metered = handed over + in the cache', left: metered, right: [handedOver, cached] },
  ];
  const failed: FailedEquation[] = [];
  let adrift = 0;
  for (const { words, left, right } of equations) {
    const packets = right.reduce((all, term) => all + term.packets, 0);
    adrift += Math.abs(left.packets - packets);
    if (packets !== left.packets) failed.push({ words, unit: 'packets', left: left.packets, right: packets });
    const octets = sum(...right.map((term) => term.octets));
    if (left.octets !== null && octets !== null && octets !== left.octets) {
      failed.push({ words, unit: 'octets', left: left.octets, right: octets });
    }
  }
  const lost = ledger.droppedByKernel.packets + ledger.droppedByNic.packets;
  return {
    balanced: ledger.balanced && failed.length === 0,
    onPort: received.packets + lost + ledger.filtered.packets + ledger.sampledByKernel.packets,
    accountedPercent: percentOf(received.packets, adrift, ledger.balanced && failed.length === 0),
    lost,
    failed,
  };
}

/** Never rounds up to 100: a ledger that does not balance must not look as if it did. */
function percentOf(received: number, adrift: number, balanced: boolean): number {
  if (balanced) return 100;
  if (received === 0) return 0;
  return Math.max(0, Math.min(99.9999, Math.floor((1 - adrift / received) * 1e6) / 1e4));
}

export type TermTone = 'main' | 'counted' | 'lost';

export interface LedgerTermView {
  readonly key: string;
  readonly name: string;
  /** What it means, in a sentence for a technician. */
  readonly means: string;
  readonly packets: number;
  readonly octets: number | null;
  readonly tone: TermTone;
}

/** Stages from the port to the records: each stage splits the main term of the one before. Main term first. */
export function ledgerStages(ledger: Ledger): LedgerTermView[][] {
  const term = (key: keyof Ledger & string, name: string, tone: TermTone, means: string): LedgerTermView => {
    const { packets, octets } = ledger[key] as { packets: number; octets: number | null };
    return { key, name, means, packets, octets, tone };
  };
  const { onPort } = accountOf(ledger);
  return [
    [
      {
        key: 'onPort',
        name: 'On the port',
        means: 'All that the interface counted',
        packets: onPort,
        octets: null,
        tone: 'main',
      },
    ],
    [
      term('received', 'Received', 'main', 'Reached the meter'),
      term('filtered', 'Filtered', 'counted', 'Left out by meter.filter'),
      term('sampledByKernel', 'Sampled by the kernel', 'counted', 'Left out before the capture ring, about'),
      term('droppedByKernel', 'Dropped by the kernel', 'lost', 'The capture ring was full'),
      term('droppedByNic', 'Dropped by the NIC', 'lost', 'The network card had no room'),
    ],
    [
      term('decoded', 'Decoded', 'main', 'Has a whole link header'),
      term('undecodable', 'Undecodable', 'counted', 'Shorter than its link header'),
    ],
    [
      term('metered', 'Metered', 'main', 'Counted in a flow'),
      term('duplicates', 'Duplicates', 'counted', 'Seen twice and removed'),
      term('sampledOut', 'Sampled out', 'counted', 'Not selected by sampling'),
    ],
    [
      term('handedOver', 'Handed over', 'main', 'In flow records'),
      term('cached', 'In the cache', 'counted', 'In flows that go on'),
    ],
  ];
}

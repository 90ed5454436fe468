/**
 * The ledger: every packet and octet is accounted for (DESIGN section 5). Counters come from the meter; the equations
 * stand here once, and tests, the simulation, the page and `meter --ledger` all read them from here. Pure.
 */
import { type DecodeAnnotation, decodeAnnotations, type MeterCounter } from './decode_annotations.ts';

/** Packets and frame octets on the wire; `null` where nobody can know. */
export interface LedgerTerm {
  readonly packets: number;
  readonly octets: number | null;
}

export interface Ledger {
  readonly received: LedgerTerm;
  readonly droppedByNic: LedgerTerm;
  readonly droppedByKernel: LedgerTerm;
  /** By the first stage of sampling, before anybody counts: an estimate from what it let through. */
  readonly sampledByKernel: LedgerTerm;
  readonly filtered: LedgerTerm;
  readonly undecodable: LedgerTerm;
  readonly decoded: LedgerTerm;
  readonly duplicates: LedgerTerm;
  readonly sampledOut: LedgerTerm;
  readonly metered: LedgerTerm;
  readonly handedOver: LedgerTerm & { readonly records: number };
  readonly cached: LedgerTerm;
  readonly annotations: Partial<Record<DecodeAnnotation, number>>;
  readonly balanced: boolean;
}

export type MeterCounts = Readonly<Record<MeterCounter, number>>;

export interface LedgerEquation {
  readonly name: string;
  readonly left: number;
  readonly right: number;
}

/** The exact equations from `received` on; each must hold with `left === right`. */
export function ledgerEquations(c: MeterCounts): LedgerEquation[] {
  return [
    {
      name: 'received = undecodable + decoded (packets)',
      left: c.receivedPackets,
      right: c.undecodablePackets + c.decodedPackets,
    },
    { name: 'received = undecodable + decoded (octets)', left: c.receivedOctets, right: c.undecodableOctets + c.decodedOctets },
    {
      name: 'decoded = duplicates + sampledOut + metered (packets)',
      left: c.decodedPackets,
      right: c.duplicatePackets + c.sampledOutPackets + c.meteredPackets,
    },
    {
      name: 'decoded = duplicates + sampledOut + metered (octets)',
      left: c.decodedOctets,
      right: c.duplicateOctets + c.sampledOutOctets + c.meteredOctets,
    },
    { name: 'metered = handedOver + cached (packets)', left: c.meteredPackets, right: c.handedOverPackets + c.cachedPackets },
    { name: 'metered = handedOver + cached (octets)', left: c.meteredOctets, right: c.handedOverOctets + c.cachedOctets },
    {
      name: 'metered = handedOver + cached (IP octets)',
      left: c.meteredIpOctets,
      right: c.handedOverIpOctets + c.cachedIpOctets,
    },
  ];
}

/** The equations that do not hold; empty when the ledger balances. */
export function ledgerFaults(counts: MeterCounts): LedgerEquation[] {
  return ledgerEquations(counts).filter((equation) => equation.left !== equation.right);
}

/**
 * The ledger in the form that JSON shows it (DESIGN section 5).
 * @param annotations packets by decode reason, in the order of `decodeAnnotations`
 * @param octetsOfFilteredKnown false live, where the kernel filters and counts nothing
 */
export function ledgerOf(counts: MeterCounts, annotations: readonly number[], octetsOfFilteredKnown = true): Ledger {
  const term = (packets: number, octets: number | null): LedgerTerm => ({ packets, octets });
  const named: Partial<Record<DecodeAnnotation, number>> = {};
  decodeAnnotations.forEach((name, index) => {
    const packets = annotations[index] ?? 0;
    if (name !== 'none' && packets > 0) named[name] = packets;
  });
  return {
    received: term(counts.receivedPackets, counts.receivedOctets),
    droppedByNic: term(counts.droppedByNicPackets, null),
    droppedByKernel: term(counts.droppedByKernelPackets, null),
    sampledByKernel: term(counts.sampledByKernelPackets, null),
    filtered: term(counts.filteredPackets, octetsOfFilteredKnown ? counts.filteredOctets : null),
    undecodable: term(counts.undecodablePackets, counts.undecodableOctets),
    decoded: term(counts.decodedPackets, counts.decodedOctets),
    duplicates: term(counts.duplicatePackets, counts.duplicateOctets),
    sampledOut: term(counts.sampledOutPackets, counts.sampledOutOctets),
    metered: term(counts.meteredPackets, counts.meteredOctets),
    handedOver: { ...term(counts.handedOverPackets, counts.handedOverOctets), records: counts.handedOverRecords },
    cached: term(counts.cachedPackets, counts.cachedOctets),
    annotations: named,
    balanced: ledgerFaults(counts).length === 0,
  };
}

/** Packets and octets that were on the port between two moments, as far as the box took part of them: what its first stage let through, and an estimate of the rest. */
export function portVolumeBetween(before: MeterCounts, now: MeterCounts): { packets: number; octets: number } {
  // Counters begin again when the meter was opened anew.
  const grown = (name: keyof MeterCounts): number => Math.max(0, now[name] - before[name]);
  const received = grown('receivedPackets');
  const octets = grown('receivedOctets');
  const packets = received + grown('sampledByKernelPackets');
  return { packets, octets: packets === received || received === 0 ? octets : Math.round((octets * packets) / received) };
}

/** Why rows did not reach a destination; a closed list, each a counter. */
export const dropReasons = ['overBudget', 'tooOld', 'damaged', 'refused', 'unencodable', 'shutdown', 'lostToPowerCut'] as const;
export type DropReason = (typeof dropReasons)[number];

/** The account of one destination, in rows. */
export interface DestinationAccount {
  readonly handedOver: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly thinned: number;
  readonly notSelected: number;
  readonly notRepresentable: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}

/** `handedOver − everything accounted for`: 0 when the destination's equation holds. */
export function destinationFault(account: DestinationAccount): number {
  const dropped = Object.values(account.dropped).reduce((sum, rows) => sum + rows, 0);
  const { handedOver, acknowledged, pending, thinned, notSelected, notRepresentable } = account;
  return handedOver - (acknowledged + pending + thinned + notSelected + notRepresentable + dropped);
}

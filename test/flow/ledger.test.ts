import { describe, expect, test } from 'vitest';
import { meterCounters } from '../../src/flow/decode_annotations.ts';
import {
  type DestinationAccount,
  destinationFault,
  ledgerFaults,
  ledgerOf,
  type MeterCounts,
  portVolumeBetween,
} from '../../src/flow/ledger.ts';

const counts = (change: Partial<MeterCounts>): MeterCounts => ({
  ...(Object.fromEntries(meterCounters.map((name) => [name, 0])) as MeterCounts),
  ...change,
});
const balanced = counts({
  receivedPackets: 10,
  receivedOctets: 1_000,
  undecodablePackets: 1,
  undecodableOctets: 10,
  decodedPackets: 9,
  decodedOctets: 990,
  duplicatePackets: 2,
  duplicateOctets: 200,
  sampledOutPackets: 3,
  sampledOutOctets: 300,
  meteredPackets: 4,
  meteredOctets: 490,
  meteredIpOctets: 434,
  handedOverPackets: 3,
  handedOverOctets: 400,
  handedOverIpOctets: 358,
  handedOverRecords: 2,
  cachedPackets: 1,
  cachedOctets: 90,
  cachedIpOctets: 76,
});

describe('ledger', () => {
  test('a whole account has no fault', () => {
    expect(ledgerFaults(balanced)).toEqual([]);
    expect(ledgerOf(balanced, []).balanced).toBe(true);
  });

  // Each term that the equations are made of: one packet or octet astray must be noticed.
  test.each(
    Object.entries(balanced)
      .filter(([name, value]) => value > 0 && name !== 'handedOverRecords')
      .map(([name]) => name as keyof MeterCounts),
  )('one too many in %s is noticed', (name) => {
    const wrong = counts({ ...balanced, [name]: balanced[name] + 1 });
    expect(ledgerFaults(wrong).length).toBeGreaterThan(0);
    expect(ledgerOf(wrong, []).balanced).toBe(false);
  });

  test('octets that nobody can know are null', () => {
    const ledger = ledgerOf(balanced, [], false);
    expect(ledger.filtered.octets).toBeNull();
    expect(ledger.droppedByKernel.octets).toBeNull();
    expect(ledger.handedOver).toEqual({ packets: 3, octets: 400, records: 2 });
  });

  test('annotations are named; none is no annotation', () => {
    expect(ledgerOf(balanced, [7, 0, 3]).annotations).toEqual({ truncatedVlanTag: 3 });
  });

  test('what a first stage left out is part of the port’s volume', () => {
    const before = counts({ receivedPackets: 100, receivedOctets: 10_000, sampledByKernelPackets: 70 });
    const now = counts({ receivedPackets: 110, receivedOctets: 12_000, sampledByKernelPackets: 100 });
    expect(portVolumeBetween(before, now)).toEqual({ packets: 40, octets: 8_000 });
    expect(portVolumeBetween(before, { ...now, sampledByKernelPackets: 70 })).toEqual({ packets: 10, octets: 2_000 });
    // All that was let through had been let through before; and a meter that was opened anew.
    expect(portVolumeBetween(now, { ...now, sampledByKernelPackets: 130 })).toEqual({ packets: 30, octets: 0 });
    expect(portVolumeBetween(now, counts({}))).toEqual({ packets: 0, octets: 0 });
    expect(ledgerOf(now, []).sampledByKernel).toEqual({ packets: 100, octets: null });
  });

  test('a destination’s rows are all accounted for', () => {
    const account: DestinationAccount = {
      handedOver: 21,
      acknowledged: 10,
      pending: 5,
      thinned: 1,
      notSelected: 1,
      notRepresentable: 1,
      dropped: { overBudget: 2, tooOld: 1 },
    };
    expect(destinationFault(account)).toBe(0);
    expect(destinationFault({ ...account, dropped: { overBudget: 2 } })).toBe(1);
  });
});

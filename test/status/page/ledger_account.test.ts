/** The ledger in words: a fault must never look like an account that is square. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MeterCounter, meterCounters } from '../../../src/flow/decode_annotations.ts';
import { type Ledger, ledgerOf, type MeterCounts } from '../../../src/flow/ledger.ts';
import { diagramOf } from '../../../src/status/page/flow_diagram.ts';
import { accountOf, ledgerStages } from '../../../src/status/page/ledger_account.ts';

const zero = Object.fromEntries(meterCounters.map((name) => [name, 0])) as Record<MeterCounter, number>;

/** A meter's counters that balance. */
const balanced = fc
  .record({
    undecodable: fc.nat(1_000),
    duplicates: fc.nat(1e6),
    sampledOut: fc.nat(1e9),
    handedOver: fc.nat(1e12),
    cached: fc.nat(1e6),
    dropped: fc.nat(1e5),
    filtered: fc.nat(1e5),
  })
  .map(({ undecodable, duplicates, sampledOut, handedOver, cached, dropped, filtered }): MeterCounts => {
    const metered = handedOver + cached;
    const decoded = metered + duplicates + sampledOut;
    const received = decoded + undecodable;
    return {
      ...zero,
      receivedPackets: received,
      receivedOctets: received * 100,
      undecodablePackets: undecodable,
      undecodableOctets: undecodable * 100,
      decodedPackets: decoded,
      decodedOctets: decoded * 100,
      duplicatePackets: duplicates,
      duplicateOctets: duplicates * 100,
      sampledOutPackets: sampledOut,
      sampledOutOctets: sampledOut * 100,
      meteredPackets: metered,
      meteredOctets: metered * 100,
      handedOverPackets: handedOver,
      handedOverOctets: handedOver * 100,
      cachedPackets: cached,
      cachedOctets: cached * 100,
      droppedByKernelPackets: dropped,
      filteredPackets: filtered,
    };
  });

const terms = ['undecodable', 'decoded', 'duplicates', 'sampledOut', 'metered', 'handedOver', 'cached'] as const;

describe('accountOf', () => {
  it('agrees with the ledger that it balances, and says 100', () => {
    fc.assert(
      fc.property(balanced, (counts) => {
        const account = accountOf(ledgerOf(counts, [], false));
        expect(account).toMatchObject({ balanced: true, accountedPercent: 100, failed: [] });
        expect(account.onPort).toBe(counts.receivedPackets + counts.droppedByKernelPackets + counts.filteredPackets);
        expect(account.lost).toBe(counts.droppedByKernelPackets);
      }),
    );
  });

  it('names an equation and says less than 100 when a single packet or octet is adrift, whatever the size', () => {
    fc.assert(
      fc.property(balanced, fc.constantFrom(...terms), fc.boolean(), (counts, name, inPackets) => {
        const ledger = ledgerOf(counts, []);
        const term = ledger[name];
        const off = inPackets ? { ...term, packets: term.packets + 1 } : { ...term, octets: (term.octets ?? 0) + 1 };
        const account = accountOf({ ...ledger, [name]: off } as Ledger);
        expect(account.balanced).toBe(false);
        expect(account.accountedPercent).toBeLessThan(100);
        expect(account.failed.length).toBeGreaterThan(0);
        for (const { left, right, unit } of account.failed) {
          expect(Math.abs(left - right)).toBe(1);
          expect(unit).toBe(inPackets ? 'packets' : 'octets');
        }
      }),
    );
  });

  it('believes the meter when it says that its own finer equations fail', () => {
    const account = accountOf({
      ...ledgerOf({ ...zero, receivedPackets: 5, decodedPackets: 5, meteredPackets: 5, cachedPackets: 5 }, []),
      balanced: false,
    });
    expect(account.balanced).toBe(false);
    expect(account.accountedPercent).toBeLessThan(100);
  });
});

describe('diagramOf', () => {
  it('shows every term that is not zero, inside its box, with bands that can be drawn', () => {
    fc.assert(
      fc.property(balanced, (counts) => {
        const stages = ledgerStages(ledgerOf(counts, [], false));
        const diagram = diagramOf(stages, 900);
        const shown = new Set(diagram.nodes.map(({ term }) => term.key));
        for (const term of stages.flat()) if (term.packets > 0) expect(shown).toContain(term.key);
        for (const node of diagram.nodes) {
          expect(node.height).toBeGreaterThan(0);
          expect(node.x).toBeGreaterThanOrEqual(0);
          expect(node.x).toBeLessThanOrEqual(diagram.width);
          expect(node.y + node.height).toBeLessThanOrEqual(diagram.height);
        }
        for (const { path } of diagram.bands) expect(path).not.toMatch(/NaN|Infinity|undefined/);
      }),
    );
  });

  it('draws a meter that has seen nothing', () => {
    const diagram = diagramOf(ledgerStages(ledgerOf(zero, [])), 900);
    expect(diagram.nodes.length).toBe(5);
    expect(Number.isFinite(diagram.height)).toBe(true);
  });

  it('keeps branches of one stage apart, so that their labels can be read', () => {
    const ledger = ledgerOf(
      { ...zero, receivedPackets: 1_000, droppedByKernelPackets: 3, droppedByNicPackets: 2, filteredPackets: 400 },
      [],
    );
    const { nodes } = diagramOf(ledgerStages(ledger), 900);
    const branches = nodes.filter(({ stage, y }) => stage === 1 && y > 44).sort((a, b) => a.y - b.y);
    expect(branches).toHaveLength(3);
    for (const [n, { y }] of branches.entries()) {
      const above = branches[n - 1];
      if (above !== undefined) expect(y - (above.y + above.height)).toBeGreaterThanOrEqual(28);
    }
  });
});

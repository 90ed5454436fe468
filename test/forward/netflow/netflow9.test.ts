/** What version 9 tells of selectors, octet by octet: a mode that lets collectors scale, also for what it has no mode for. */
import { expect, test } from 'vitest';
import type { SelectorFact } from '../../../src/flow/selectors.ts';
import type { ExportFacts } from '../../../src/forward/ipfix/options_tables.ts';
import { Netflow9Session } from '../../../src/forward/netflow/netflow9.ts';

function told(...selectors: SelectorFact[]): { id: number; mode: number; interval: number }[] {
  const session = new Netflow9Session({
    observationDomainId: 7,
    messageOctetsMax: 1_472,
    leaveOut: { ports: false, macs: false },
  });
  const [message] = session.optionsMessages({ selectors, observationDomainId: 7 } as unknown as ExportFacts, 1_700_000_000);
  const view = new DataView(message!.buffer, message!.byteOffset, message!.length);
  const records: { id: number; mode: number; interval: number }[] = [];
  for (let at = 20; at < view.byteLength; at += view.getUint16(at + 2)) {
    if (view.getUint16(at) !== 258) continue;
    records.push({ id: view.getUint16(at + 8), mode: view.getUint8(at + 10), interval: view.getUint32(at + 11) });
  }
  return records;
}

test('whole flows by a keyed hash are told as random, never as every n-th packet; stages are one rate', () => {
  expect(
    told(
      { selectorId: 1, kind: 'none', interval: 1 },
      { selectorId: 2, kind: 'count', interval: 10 },
      { selectorId: 3, kind: 'random', interval: 64 },
      { selectorId: 4, kind: 'flowHash', interval: 16, pool: 'guests' },
      { selectorId: 5, kind: 'none', interval: 1, kernelInterval: 8 },
      { selectorId: 6, kind: 'count', interval: 10, kernelInterval: 4 },
      { selectorId: 7, kind: 'flowHash', interval: 2 ** 30, kernelInterval: 65_536 },
    ),
  ).toEqual([
    { id: 1, mode: 1, interval: 1 },
    { id: 2, mode: 1, interval: 10 },
    { id: 3, mode: 2, interval: 64 },
    { id: 4, mode: 2, interval: 16 },
    { id: 5, mode: 2, interval: 8 },
    { id: 6, mode: 2, interval: 40 },
    { id: 7, mode: 2, interval: 0xffff_ffff },
  ]);
});

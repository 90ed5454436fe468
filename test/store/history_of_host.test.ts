import { expect, test } from 'vitest';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { emptyVolume, type KeyVolume } from '../../src/flow/history_shapes.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey } from '../../src/store/history_keys.ts';
import { StoredHistoryReader } from '../../src/store/history_reader.ts';

const startMs = 1_800_000_000_000;
const row = (key: string, outOctets: number, inOctets: number): KeyVolume => ({
  ...emptyVolume(),
  key,
  outOctets,
  inOctets,
  flows: 1,
});

test('conversations of one host, what is left of its volume as other', async () => {
  const kv = new MemoryKv();
  const put = (dimension: 'host' | 'conversation', top: KeyVolume[], at: number): Promise<void> =>
    kv.batch([
      {
        key: historyKey('1m', dimension, at),
        value: encodeWindow({
          window: { dimension, top, other: { ...emptyVolume(), outOctets: 777 }, distinctKeys: 9 },
          partial: false,
        }),
      },
    ]);
  for (const at of [startMs, startMs + 60_000]) {
    await put('host', [row('10.0.0.1', 1_000, 4_000), row('10.0.0.11', 5, 5)], at);
    await put(
      'conversation',
      [row('10.0.0.1 192.0.2.1', 600, 3_000), row('9.9.9.9 10.0.0.1', 500, 100), row('10.0.0.11 10.0.0.12', 9, 9)],
      at,
    );
  }
  const reader = new StoredHistoryReader((question) => question(kv));
  const answer = await reader.top({
    dimension: 'conversation',
    fromMs: startMs,
    toMs: startMs + 120_000,
    limit: 10,
    host: '10.0.0.1',
  });
  expect(answer.rows.map(({ key, outOctets, inOctets }) => [key, outOctets, inOctets])).toEqual([
    ['10.0.0.1 192.0.2.1', 1_200, 6_000],
    ['9.9.9.9 10.0.0.1', 1_000, 200],
  ]);
  expect(answer.total).toMatchObject({ outOctets: 2_000, inOctets: 8_000, flows: 2 });
  // Sent 2,000 of which 1,200 and 200 are in rows; received 8,000 of which 6,000 and 1,000 are.
  expect(answer.other).toMatchObject({ outOctets: 600, inOctets: 1_000 });
  const one = await reader.top({
    dimension: 'conversation',
    fromMs: startMs,
    toMs: startMs + 120_000,
    limit: 1,
    host: '10.0.0.1',
  });
  expect(one.other).toMatchObject({ outOctets: 800, inOctets: 2_000 });
  const nobody = await reader.top({
    dimension: 'conversation',
    fromMs: startMs,
    toMs: startMs + 60_000,
    limit: 5,
    host: '10.0.0.9',
  });
  expect(nobody).toMatchObject({ rows: [], total: emptyVolume(), other: emptyVolume() });
});

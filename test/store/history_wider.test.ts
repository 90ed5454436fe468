/** Hours of minutes some of which do not know a dimension yet: what was not counted by it is other, exactly. */
import { expect, test } from 'vitest';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { emptyVolume, type Volume, type WindowOfDimension } from '../../src/flow/history_shapes.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey } from '../../src/store/history_keys.ts';
import { mergedWindow } from '../../src/store/history_wider.ts';

const startMs = 1_800_000_000_000;
const volume = (n: number): Volume => ({ outOctets: n, inOctets: 2 * n, outPackets: n, inPackets: 1, flows: 3 });

test('a kind of label that was set up in the middle of an hour', async () => {
  const kv = new MemoryKv();
  const put = (window: WindowOfDimension, minute: number): Promise<void> => {
    const key = historyKey('1m', window.dimension, startMs + minute * 60_000);
    return kv.batch([{ key, value: encodeWindow({ window, partial: false }) }]);
  };
  for (let minute = 0; minute < 60; minute++) {
    const all = volume(1_000 + minute);
    await put({ dimension: 'total', top: [{ key: '', ...all }], other: emptyVolume(), distinctKeys: 1 }, minute);
    if (minute >= 25)
      await put({ dimension: 'siteLabel', top: [{ key: 'berlin', ...all }], other: emptyVolume(), distinctKeys: 1 }, minute);
  }
  const hour = await mergedWindow(kv, '1h', startMs, 5, { recordsUnreadable: 0 });
  const [total, label] = ['total', 'siteLabel'].map((name) => hour!.dimensions.find(({ dimension }) => dimension === name)!);
  const sum = (of: WindowOfDimension, name: keyof ReturnType<typeof volume>): number =>
    of.top.reduce((all, row) => all + Number(row[name]), Number(of.other[name]));
  for (const name of ['outOctets', 'inOctets', 'outPackets', 'inPackets', 'flows'] as const)
    expect(sum(label!, name), name).toBe(sum(total!, name));
  expect(label!.other.flows).toBe(25 * 3);
  expect(hour!.partial).toBe(false);
});

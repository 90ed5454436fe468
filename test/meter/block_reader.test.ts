/** Turns at the meter's blocks: bounded by time, and whoever calls knows whether more wait. */
import { expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { blockHeader } from '../../src/flow/decode_annotations.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { BlockReader } from '../../src/meter/block_reader.ts';

const rowsPerBlock = 4;
const blockBytes = blockHeader.bytes + rowsPerBlock * ROW_BYTES;
const budgetMs = 8;

/** So many filled blocks; each takes `takesMs` to receive. */
function drainOf(filled: number, takesMs: number) {
  const clock = new SimulatedClock();
  const waiting = Array.from({ length: filled }, (_, index) => index);
  const buffer = new ArrayBuffer(filled * blockBytes);
  for (const index of waiting) new DataView(buffer).setUint32(index * blockBytes + blockHeader.rowCount, rowsPerBlock, true);
  const released: number[] = [];
  const meter = { buffer, blockBytes, poll: () => waiting.shift() ?? -1, release: (index: number) => released.push(index) };
  const reader = new BlockReader(meter, 'boot');
  const turn = () =>
    reader.drain(clock, budgetMs, async ({ count }) => {
      expect(count).toBe(rowsPerBlock);
      await clock.advance(takesMs);
    });
  return { turn, released };
}

test('a turn that has taken all says so', async () => {
  const { turn, released } = drainOf(3, 1);
  expect(await turn()).toEqual({ blocks: 3, emptied: true });
  expect(released).toEqual([0, 1, 2]);
  expect(await turn()).toEqual({ blocks: 0, emptied: true });
});

test('a turn that was over before the blocks were says that more wait', async () => {
  const { turn, released } = drainOf(5, 4);
  expect(await turn()).toEqual({ blocks: 2, emptied: false });
  expect(await turn()).toEqual({ blocks: 2, emptied: false });
  expect(await turn()).toEqual({ blocks: 1, emptied: true });
  expect(released).toEqual([0, 1, 2, 3, 4]);
});

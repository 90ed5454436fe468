import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { FlowRingReader, FlowRingWriter, flowRingMemory, type RowRun, ringRows } from '../../src/flow/flow_ring.ts';
import type { RowBlock } from '../../src/flow/row_block.ts';
import { ROW_BYTES, rowField } from '../../src/flow/row_layout.ts';

const mark = rowField('flowId').offset;

/** Rows that say in flowId which they are, all the way through. */
function blockOf(first: number, count: number, selectorId = 0): RowBlock {
  const firstRow = 64;
  const bytes = new Uint8Array(firstRow + count * ROW_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    bytes.fill((first + i) & 0xff, firstRow + i * ROW_BYTES, firstRow + (i + 1) * ROW_BYTES);
    view.setBigUint64(firstRow + i * ROW_BYTES + mark, BigInt(first + i));
    view.setUint16(firstRow + i * ROW_BYTES + rowField('selectorId').offset, selectorId);
  }
  return { bytes, firstRow, count, bootId: 'wall', closedAtNs: 0n, firstStartNs: 0n, lastEndNs: 0n };
}

/** Each row of a run: which it says it is, with offset and interval. */
function rowsOf({ rows, offsetsUs, intervals }: RowRun): [number, number, number][] {
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  expect([rows.length, intervals.length]).toEqual([ROW_BYTES * offsetsUs.length, offsetsUs.length]);
  return Array.from(offsetsUs, (offsetUs, i) => [Number(view.getBigUint64(i * ROW_BYTES + mark)), offsetUs, intervals[i]!]);
}

describe('rows through shared memory', () => {
  test('come out as they went in, round after round, with offset and interval', () => {
    const memory = flowRingMemory();
    const writer = new FlowRingWriter(memory, (selectorId) => 100 * selectorId);
    const reader = new FlowRingReader(memory);
    let next = 0;
    let seen = 0;
    for (let round = 0; round < 200; round++) {
      // Every other block was looked through before, and says what is in it.
      const block = { ...blockOf(next, 777, round % 3), ...(round % 2 === 0 ? { isSampled: round % 3 !== 0 } : {}) };
      writer.add(block, BigInt(round) * 1_000_000n);
      next += 777;
      reader.drain((run) => {
        for (const row of rowsOf(run)) expect(row).toEqual([seen++, round * 1_000, round % 3 === 0 ? 1 : 100 * (round % 3)]);
      });
    }
    expect(seen).toBe(next);
    expect(reader.missedRows).toBe(0);
  });

  test('a reader that does not come costs the newest rows, counted, and nothing else', () => {
    const memory = flowRingMemory();
    const writer = new FlowRingWriter(memory, () => 1);
    writer.add(blockOf(0, ringRows - 10), 0n);
    writer.add(blockOf(ringRows - 10, 30), 0n);
    writer.add(blockOf(ringRows + 20, 5), 0n);
    expect(writer.missedRows).toBe(25);
    const reader = new FlowRingReader(memory);
    const seen: number[] = [];
    const see = (run: RowRun): unknown => seen.push(...rowsOf(run).map(([number]) => number));
    expect(reader.drain(see, 100)).toBe(100);
    while (reader.drain(see) > 0);
    expect(seen).toEqual(Array.from({ length: ringRows }, (_, i) => i));
    writer.add(blockOf(5_000, 3), 0n);
    expect(reader.drain(() => {})).toBe(3);
  });

  test('whoever takes them is told once that many wait, and again when it has taken some', () => {
    const memory = flowRingMemory();
    const writer = new FlowRingWriter(memory, () => 1);
    const reader = new FlowRingReader(memory);
    const told = (): number[] => Array.from({ length: 8 }, (_, i) => i).filter(() => writer.add(blockOf(0, ringRows / 16), 0n));
    expect(told()).toEqual([3]);
    reader.drain(() => {}, ringRows / 4);
    expect(told()).toEqual([]);
    reader.drain(() => {});
    expect(told()).toEqual([3]);
  });

  test('another thread reads whole rows while they are written', async () => {
    const memory = flowRingMemory();
    const code = `
      import { parentPort, workerData } from 'node:worker_threads';
      const { FlowRingReader } = await import(workerData.module);
      const reader = new FlowRingReader(workerData.memory);
      let seen = 0, torn = 0, last = -1;
      while (last < workerData.last - 1) {
        reader.drain(({ rows, offsetsUs }) => {
          const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
          for (let base = 0; base < rows.length; base += rows.length / offsetsUs.length) {
            const number = Number(view.getBigUint64(base + workerData.mark));
            if (number <= last || view.getUint8(base) !== (number & 0xff) || view.getUint8(base + 383) !== (number & 0xff)) torn++;
            last = number;
            seen++;
          }
        }, 300);
      }
      parentPort.postMessage({ seen, torn, missed: reader.missedRows });
    `;
    const last = 400_000;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
      workerData: { memory, mark, last, module: new URL('../../src/flow/flow_ring.ts', import.meta.url).href },
    });
    const done = new Promise<{ seen: number; torn: number; missed: number }>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
    const writer = new FlowRingWriter(memory, () => 1);
    let written = 0;
    while (written < last) {
      // The last row must arrive, or the reader would wait for ever: until then rows may be missed.
      const missed = writer.missedRows;
      writer.add(blockOf(written, Math.min(500, last - written)), 0n);
      if (writer.missedRows > missed) await new Promise((resolve) => setImmediate(resolve));
      if (written + 500 < last || writer.missedRows === missed) written += 500;
    }
    const { seen, torn, missed } = await done;
    await worker.terminate();
    expect(torn).toBe(0);
    expect(seen + missed).toBeGreaterThanOrEqual(last);
    expect(seen).toBeGreaterThan(1_000);
  });
});

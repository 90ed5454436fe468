/**
 * Polls filled blocks and shows each as a `RowBlock`; gives it back when the receiver is done. Nothing is copied.
 * Limits: a turn ends after its time budget, so that the event loop stays free; one block is out at a time.
 */
import type { Clock } from '../core/clock.ts';
import { blockHeader } from '../flow/decode_annotations.ts';
import type { RowBlock } from '../flow/row_block.ts';
import type { NativeMeter } from './addon.ts';

/** Rows are valid until it returns, or until its promise settles. While it is busy the meter aggregates rather than waits. */
export type BlockReceiver = (block: RowBlock) => void | Promise<void>;

/** What of the meter it needs. */
export type FilledBlocks = Pick<NativeMeter, 'buffer' | 'blockBytes' | 'poll' | 'release'>;

export class BlockReader {
  readonly #meter: FilledBlocks;
  readonly #bootId: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(meter: FilledBlocks, bootId: string) {
    this.#meter = meter;
    this.#bootId = bootId;
    this.#bytes = new Uint8Array(meter.buffer);
    this.#view = new DataView(meter.buffer);
  }

  /** Hands over what is filled, for at most `budgetMs`. `emptied`: nothing was left. */
  async drain(clock: Clock, budgetMs: number, receive: BlockReceiver): Promise<{ blocks: number; emptied: boolean }> {
    const endMs = clock.monotonicMs() + budgetMs;
    let blocks = 0;
    do {
      const index = this.#meter.poll();
      if (index < 0) return { blocks, emptied: true };
      blocks++;
      const pending = receive(this.block(index));
      if (pending !== undefined) await pending;
      this.#meter.release(index);
    } while (clock.monotonicMs() < endMs);
    return { blocks, emptied: false };
  }

  block(index: number): RowBlock {
    const at = index * this.#meter.blockBytes;
    const view = this.#view;
    return {
      bytes: this.#bytes,
      firstRow: at + blockHeader.bytes,
      count: view.getUint32(at + blockHeader.rowCount, true),
      bootId: this.#bootId,
      closedAtNs: view.getBigUint64(at + blockHeader.closedAtNs, true),
      firstStartNs: view.getBigUint64(at + blockHeader.firstRowStartNs, true),
      lastEndNs: view.getBigUint64(at + blockHeader.lastRowEndNs, true),
    };
  }
}

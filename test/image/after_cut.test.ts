/** What tests of the image take for granted, without a machine: whose turn GRUB says it is, and the traffic of the busy branch. */
import { describe, expect, test } from 'vitest';
import { goodSlots, nextSlot, type Variables } from './after_cut.ts';
import { branchSecond } from './branch.ts';

const fresh: Variables = { ORDER: 'A B', A_OK: '1', A_TRY: '0', A_GOOD: '1', B_OK: '0', B_TRY: '0', B_GOOD: '0' };

/** The same cases as with a real GRUB (slots.machine.ts), as far as nothing was counted out. */
describe('the slot whose turn it is', () => {
  test.each<[string, Variables, string, string[]]>([
    ['as delivered', {}, 'A', ['A']],
    ['an update in B', { ORDER: 'B A', B_OK: '1' }, 'B', ['A']],
    ['an update in B that was tried and not judged', { ORDER: 'B A', B_OK: '1', B_TRY: '1' }, 'A', ['A']],
    ['an update that was judged good', { ORDER: 'B A', B_OK: '1', B_GOOD: '1', B_TRY: '1' }, 'B', ['A', 'B']],
    ['one that is being written: what it had shown before counts no more', { B_OK: '0', B_GOOD: '0' }, 'A', ['A']],
  ])('%s', (_what, changes, turn, good) => {
    const variables = { ...fresh, ...changes };
    expect([nextSlot(variables), goodSlots(variables)]).toEqual([turn, good]);
  });

  test('none, where nothing can be started', () => {
    expect(nextSlot({ ...fresh, A_OK: '0' })).toBeUndefined();
  });
});

describe('the busy branch', () => {
  test('no frame is another’s copy, within a second and the next', () => {
    const frames = [...branchSecond(7, 200), ...branchSecond(8, 200)].map((frame) => Buffer.from(frame).toString('hex'));
    expect(new Set(frames).size).toBe(frames.length);
  });

  test('as many flows as asked for, in nineteen of twenty a question and its answer', () => {
    // 950 · 2 frames, 50 · 10.
    expect(branchSecond(0, 1_000)).toHaveLength(2_400);
  });

  test('the same second is the same traffic', () => {
    expect(branchSecond(3, 50)).toEqual(branchSecond(3, 50));
  });
});

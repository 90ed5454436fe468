import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BoundedQueue, queuePolicies } from '../../src/core/queue.ts';

describe('bounded queue', () => {
  test('drop-oldest makes room for the newest', () => {
    const dropped: number[] = [];
    const queue = new BoundedQueue<number>(
      'q',
      2,
      'drop-oldest',
      () => 1,
      (item) => dropped.push(item),
    );
    for (const item of [1, 2, 3]) expect(queue.push(item)).toBe(true);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([2, 3, undefined]);
    expect(dropped).toEqual([1]);
  });

  test('drop-newest keeps what is there', () => {
    const queue = new BoundedQueue<number>('q', 2, 'drop-newest');
    expect([1, 2, 3].map((item) => queue.push(item))).toEqual([true, true, false]);
    expect(queue.figures()).toMatchObject({ items: 2, dropped: 1 });
  });

  test('an item heavier than the queue is dropped without emptying it', () => {
    const queue = new BoundedQueue<number>('q', 10, 'drop-oldest', (weight) => weight);
    queue.push(4);
    expect(queue.push(11)).toBe(false);
    expect(queue.peek()).toBe(4);
  });

  test('in equals out plus dropped plus held, in order, never above capacity', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...queuePolicies),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('shift' as const)), { maxLength: 500 }),
        (policy, actions) => {
          const dropped: object[] = [];
          const queue = new BoundedQueue<{ weight: number; id: number }>(
            'q',
            20,
            policy,
            (item) => item.weight,
            (item) => dropped.push(item),
          );
          const out: { id: number }[] = [];
          let id = 0;
          for (const action of actions) {
            if (action === 'shift') {
              const item = queue.shift();
              if (item !== undefined) out.push(item);
            } else queue.push({ weight: action, id: id++ });
            expect(queue.figures().weight).toBeLessThanOrEqual(20);
          }
          expect(out.length + dropped.length + queue.length).toBe(id);
          expect(out.map((item) => item.id)).toEqual(out.map((item) => item.id).sort((a, b) => a - b));
        },
      ),
    );
  });
});

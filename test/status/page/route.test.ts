/** Links that were sent by somebody: what they mean must not change, and odd ones must lead somewhere. */
import { describe, expect, it } from 'vitest';
import { hashOf, ranges, routeOf, views } from '../../../src/status/page/route.ts';

describe('routes', () => {
  it('lead back to themselves', () => {
    for (const view of views)
      for (const range of ranges)
        for (const ledger of [true, false]) {
          const route = { ...routeOf(''), view, range, ledger };
          expect(routeOf(hashOf(route))).toEqual(route);
        }
  });

  it.each(['', '#', '#nowhere', '#overview?last=99y', '#overview?last=%zz', '#overview?__proto__=1', '#%'])(
    '%j leads to the overview',
    (hash) => {
      expect(routeOf(hash)).toMatchObject({ view: 'overview', range: '1h' });
    },
  );
});

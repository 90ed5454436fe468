/** Settings to what the meter is told: pools in their order, exact pools under pressure, numbers that do not hang on how a list is written. */
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { samplingPlan } from '../../src/meter/sampling_plan.ts';
import { SelectorRegister } from '../../src/meter/selector_register.ts';

const settingsOf = (sampling: object) => settingsSchema.parse({ meter: { sampling } }).meter.sampling;
const calls = { name: 'calls', prefixes: ['10.1.0.0/16', '2001:db8::/32'], protocols: [17], ports: ['5060-5061', 53] };
const guests = { name: 'guests', kind: 'flowHash', interval: 16, vlans: [91, 90, 91] };

function planner() {
  const register = new SelectorRegister();
  return (sampling: object, factor = 1, kernelInterval = 1) =>
    samplingPlan(settingsOf(sampling), factor, kernelInterval, (meaning) => register.numberOf(meaning));
}

describe('sampling plan', () => {
  it('hands pools over in their order, with what they match', () => {
    expect(planner()({ kind: 'random', interval: 4, pools: [calls, guests] }).native).toEqual({
      kind: 'random',
      interval: 4,
      kernelInterval: 1,
      selectorId: 1,
      pools: [
        {
          ...{ kind: 'none', interval: 1, selectorId: 2 },
          match: {
            prefixes: ['10.1.0.0/16', '2001:db8::/32'],
            protocols: [17],
            ports: [
              [53, 53],
              [5_060, 5_061],
            ],
          },
        },
        { kind: 'flowHash', interval: 16, selectorId: 3, match: { vlans: [90, 91] } },
      ],
    });
  });

  it('multiplies every interval under pressure but those of exact pools', () => {
    const plan = planner();
    const rates = (sampling: object, factor: number) => {
      const { others, pools } = plan(sampling, factor);
      return [others, ...pools].map(({ kind, interval }) => `${kind} ${interval}`);
    };
    expect(rates({ pools: [calls, guests] }, 1)).toEqual(['none 1', 'none 1', 'flowHash 16']);
    expect(rates({ pools: [calls, guests] }, 8)).toEqual(['random 8', 'none 1', 'flowHash 128']);
    expect(rates({ kind: 'count', interval: 10 }, 4)).toEqual(['count 40']);
    expect(rates({ kind: 'random', interval: 1_000_000 }, 65_536)).toEqual(['random 1073741824']);
  });

  it('numbers by meaning: lists in another order are the same pool, other pools before it make another one', () => {
    const plan = planner();
    const numbers = (sampling: object) => {
      const { others, pools } = plan(sampling);
      return [others, ...pools].map(({ selectorId }) => selectorId);
    };
    const first = numbers({ kind: 'random', interval: 2, pools: [calls, guests] });
    const rewritten = { ...calls, prefixes: calls.prefixes.toReversed(), ports: [53, '5060-5061'] };
    expect(numbers({ kind: 'random', interval: 2, pools: [rewritten, guests] })).toEqual(first);
    const swapped = numbers({ kind: 'random', interval: 2, pools: [guests, calls] });
    expect(swapped.filter((number) => first.includes(number))).toEqual([]);
    expect(numbers({ pools: [calls, guests] })).toEqual([0, first[1], first[2]]);
  });

  it('gives no number a second meaning when two pools of one rate change names', () => {
    const plan = planner();
    const meant = new Map<number, string>();
    for (const [first, second] of [
      ['calls', 'mail'],
      ['mail', 'calls'],
      ['calls', 'mail'],
    ]) {
      const { native, others } = plan({
        ...{ kind: 'random', interval: 2 },
        pools: [
          { name: first, ports: [5_060] },
          { name: second, ports: [25] },
        ],
      });
      const said = native.pools!.map(({ selectorId, match }) => [selectorId!, JSON.stringify(match)] as const);
      for (const [number, match] of [...said, [others.selectorId, 'others'] as const]) {
        expect(meant.get(number) ?? match).toBe(match);
        meant.set(number, match);
      }
    }
  });
});

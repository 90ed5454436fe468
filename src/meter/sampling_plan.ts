/**
 * From the settings to what the meter is told to sample how, and which number stands for what. Pure.
 *
 * Lists of a pool are put in order first, since the same pool written in another order means the same.
 */
import { createHash } from 'node:crypto';
import { portsOf } from '../config/sampling_settings.ts';
import type { MeterSettings } from '../config/schema.ts';
import type { Sampling, SelectorMeaning } from '../flow/selectors.ts';
import type { NativePool, NativePoolMatch, NativeSampling } from './addon.ts';

type SamplingSettings = MeterSettings['sampling'];
type PoolSettings = SamplingSettings['pools'][number];

export interface PlannedSelector extends SelectorMeaning {
  readonly selectorId: number;
}

export interface SamplingPlan {
  readonly native: NativeSampling;
  /** Of what no pool takes. */
  readonly others: PlannedSelector;
  /** In the order of the settings. */
  readonly pools: readonly PlannedSelector[];
}

/** The addon takes no larger ones. */
const intervalMost = 2 ** 30;

/**
 * @param factor what every interval is multiplied by under pressure: a power of two, 1 for as the settings say
 * @param kernelInterval of the stage before, which knows no pools: 1 for none
 * @param numberOf the register's
 */
export function samplingPlan(
  settings: SamplingSettings,
  factor: number,
  kernelInterval: number,
  numberOf: (meaning: SelectorMeaning) => number,
): SamplingPlan {
  const matches = settings.pools.map(matchOf);
  // The name stands for a place in this list, so names are part of it: where two change places, none goes on meaning what it did.
  const partition = matches.length === 0 ? '' : digestOf(settings.pools.map(({ name }, index) => [name, matches[index]!]));
  const planned = (pool: string, sampling: Sampling): PlannedSelector => {
    const meaning: SelectorMeaning = { ...sampling, pool, kernelInterval, partition };
    return { ...meaning, selectorId: numberOf(meaning) };
  };
  const others = planned('', pressed(settings, factor));
  const pools = settings.pools.map((pool) => planned(pool.name, pool.kind === 'none' ? exact : pressed(pool, factor)));
  const nativePools: NativePool[] = pools.map(({ kind, interval, selectorId }, index) => ({
    kind,
    interval,
    selectorId,
    match: matches[index]!,
  }));
  return {
    native: { kind: others.kind, interval: others.interval, selectorId: others.selectorId, pools: nativePools, kernelInterval },
    others,
    pools,
  };
}

const exact: Sampling = { kind: 'none', interval: 1 };

function pressed({ kind, interval }: Sampling, factor: number): Sampling {
  if (kind === 'none') return factor === 1 ? exact : { kind: 'random', interval: factor };
  return { kind, interval: Math.min(intervalMost, interval * factor) };
}

function matchOf({ vlans, prefixes, protocols, ports }: PoolSettings): NativePoolMatch {
  const ranges = ports.flatMap((range) => {
    const pair = portsOf(range);
    return pair === undefined ? [] : [pair];
  });
  const match: { -readonly [K in keyof NativePoolMatch]: NativePoolMatch[K] } = {};
  if (vlans.length > 0) match.vlans = inOrder(vlans);
  if (prefixes.length > 0) match.prefixes = [...new Set(prefixes)].sort();
  if (protocols.length > 0) match.protocols = inOrder(protocols);
  if (ranges.length > 0) match.ports = ranges.sort(([a, b], [c, d]) => a - c || b - d);
  return match;
}

const inOrder = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort((a, b) => a - b);

const digestOf = (pools: readonly (readonly [name: string, match: NativePoolMatch])[]): string =>
  createHash('sha256').update(JSON.stringify(pools)).digest('hex').slice(0, 16);

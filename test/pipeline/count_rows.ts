/** What the pipeline does to rows as it ships: the addon's. */
import { SeededRandom } from '../../src/core/random.ts';
import { figuresPerTotal, type KeyedDimension, outcomes, type RowCountsPlan } from '../../src/flow/row_counts.ts';
import { servicePorts } from '../../src/flow/service_port.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { hashKey } from '../../src/pipeline/keyed_hash.ts';
import { keyWords } from '../../src/pipeline/row_keys.ts';

export const { countRows, markLocality } = loadAddon();

/** Windows of 10 s, three side by side and six at most; the first two are open. */
export function rowCountsPlan(names: readonly KeyedDimension[], more: Partial<RowCountsPlan> = {}): RowCountsPlan {
  const random = new SeededRandom(1);
  return {
    ...{ keysMax: 1_000, places: 3, placesMax: 6, windowMs: 10_000, servicePorts, hasSelectors: false },
    dimensions: names.map((name) => ({ name, multipliers: hashKey(keyWords[name], random), seed: 1 })),
    totals: new Float64Array(6 * figuresPerTotal),
    windowPlaces: Int32Array.of(0, 1, 2, 3, 4, 5),
    outcome: new Int32Array(outcomes),
    ...more,
  };
}

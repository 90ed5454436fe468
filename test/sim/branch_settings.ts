/** Settings of a simulated box, drawn from a seed: how rows go to collectors, what the spool may hold, whether there is a broker. Pure. */
import { SeededRandom } from '../../src/core/random.ts';

/** How rows go to collectors: over TCP to each all of them, to the first that takes them, or to each its share; over UDP to each. */
export const uplinkKinds = ['single', 'failover', 'balance', 'udp'] as const;
export type Uplinks = (typeof uplinkKinds)[number];

/** Of streams of their own: what else a seed draws stays what it was. */
const kindStream = 0x0f1e1d;
const groupStream = 0x6709;

export const uplinksFor = (seed: number): Uplinks =>
  uplinkKinds[new SeededRandom((seed ^ kindStream) >>> 0).below(uplinkKinds.length)]!;

const pickFrom =
  (r: SeededRandom) =>
  <T>(...values: readonly T[]): T =>
    values[r.below(values.length)]!;

export function settingsFor(r: SeededRandom, resendMarginBytes: number, uplinks: Uplinks, seed: number): object {
  const pick = pickFrom(r);
  const destination = (name: string): object => ({
    name,
    host: `${name}.example`,
    transport: 'tcp',
    profile: pick('generic', 'lean', 'standard', 'full'),
    retryCapMs: pick(2_000, 60_000),
    resendMarginBytes,
  });
  const alone = pick(['a'], ['a', 'b'], ['a', 'b']).map(destination);
  return {
    site: 'branch',
    node: 'box',
    dataFolder: 'simulated',
    meter: { source: 'interface', interfaces: ['mirror0'] },
    export: exportOf(uplinks, alone, new SeededRandom((seed ^ groupStream) >>> 0)),
    spool: {
      memoryBytesMax: pick(2, 4, 32) * 1024 * 1024,
      diskBytesMax: pick(1, 1, 64) * 1024 * 1024,
      ageMaxS: pick(3_600, 86_400, 2_592_000),
      persistAfterS: pick(1, 5, 5, 30),
    },
    mqtt: { brokers: pick(true, false) ? [{ name: 'm', host: 'broker.example' }] : [], healthPeriodS: 60 },
    history: { topK: 20, keysMax: 500 },
    status: { enabled: false },
  };
}

function exportOf(uplinks: Uplinks, alone: readonly object[], r: SeededRandom): object {
  if (uplinks === 'failover' || uplinks === 'balance') return grouped(uplinks, alone, r);
  if (uplinks === 'single') return { destinations: alone };
  const probe = pickFrom(r)('tcp', 'auto');
  return { destinations: alone.map((one) => ({ ...one, transport: 'udp', probe, connectTimeoutMs: 5_000 })) };
}

/** Two or three collectors as one group, and sometimes one beside it that gets everything. */
function grouped(uplinks: 'failover' | 'balance', alone: readonly object[], r: SeededRandom): object {
  const pick = pickFrom(r);
  const group = uplinks === 'failover' ? { failoverGroup: 'group' } : { balanceGroup: 'group' };
  const members = pick(['m1', 'm2'], ['m1', 'm2', 'm3']).map((name, index) => {
    const like = alone[index % alone.length]!;
    return { ...like, name, host: `${name}.example`, ...group };
  });
  return { destinations: [...members, ...(pick(true, false) ? alone.slice(0, 1) : [])], failoverReturnS: pick(5, 60, 600) };
}

/**
 * Runs the simulation by seed and says what happened; the first fault ends it with 1 and the command that shows it again.
 *
 *   npm run sim -- [--seed N] [--seeds COUNT] [--days D] [--outage HOURS] [--trace]
 *
 * Without a seed one is drawn; `--seeds` goes on with the numbers after it. With `--outage` the WAN is down for so long first,
 * and the box is rebooted or loses power every few hours.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Play } from './play.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    days: { type: 'string', default: '0.25' },
    outage: { type: 'string', default: '0' },
    trace: { type: 'boolean', default: false },
  },
});
const first = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const days = Number(values.days);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const startMs = performance.now();
  let faults: readonly string[];
  try {
    const result = await new Play(seed, days, {
      outageHours: Number(values.outage),
      ...(values.trace ? { trace: say } : {}),
    }).run();
    faults = result.faults;
    const happened = Object.entries(result.happened).map(([what, times]) => `${what} ${times}`);
    const tookS = ((performance.now() - startMs) / 1_000).toFixed(1);
    say(
      `seed ${seed}: ${result.simulatedS} s, ${result.flows} flows, digest ${result.digest}, ${tookS} s; ${happened.join(', ')}`,
    );
  } catch (error) {
    faults = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  if (faults.length === 0) continue;
  for (const fault of faults.slice(0, 20)) say(`  ${fault}`);
  say(`To see it again: npm run sim -- --seed ${seed} --days ${days} --outage ${values.outage} --trace`);
  process.exitCode = 1;
  break;
}

/**
 * Runs the simulation by seed and says what happened; the first fault ends it with 1 and the command that shows it again,
 * wrong options with 2.
 *
 *   npm run sim -- [--seed N] [--seeds COUNT] [--days D] [--outage HOURS] [--uplinks KIND] [--trace]
 *
 * Without a seed one is drawn; `--seeds` goes on with the numbers after it. With `--outage` the WAN is down for so long first,
 * and the box is rebooted or loses power every few hours.
 */
import { randomInt } from 'node:crypto';
import { uplinksFor } from './branch_settings.ts';
import { Play } from './play.ts';
import { type RunOptions, runOptionsOf, usage, WrongUsage } from './run_options.ts';

function optionsOrEnd(): RunOptions {
  try {
    return runOptionsOf(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof WrongUsage)) throw error;
    process.stderr.write(`sim: ${error.message}\n${usage}`);
    process.exit(2);
  }
}

const { seeds, days, outageHours, uplinks, trace, ...given } = optionsOrEnd();
const first = given.seed ?? randomInt(2 ** 31);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

for (let seed = first; seed < first + seeds; seed++) {
  const startMs = performance.now();
  let faults: readonly string[];
  try {
    const result = await new Play(seed, days, { outageHours, uplinks, ...(trace ? { trace: say } : {}) }).run();
    faults = result.faults;
    const happened = Object.entries(result.happened).map(([what, times]) => `${what} ${times}`);
    const tookS = ((performance.now() - startMs) / 1_000).toFixed(1);
    say(
      `seed ${seed}: ${uplinks ?? uplinksFor(seed)}, ${result.simulatedS} s, ${result.flows} flows, digest ${result.digest}, ${tookS} s; ${happened.join(', ')}`,
    );
  } catch (error) {
    faults = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  if (faults.length === 0) continue;
  for (const fault of faults.slice(0, 20)) say(`  ${fault}`);
  say(
    `To see it again: npm run sim -- --seed ${seed} --days ${days} --outage ${outageHours} --uplinks ${uplinks ?? uplinksFor(seed)} --trace`,
  );
  process.exitCode = 1;
  break;
}

/** The world a service lives in: handed to every constructor, so that a test or the simulation can make another one. */
import { type Clock, SystemClock } from './clock.ts';
import { createLog, type Log, type LogSink } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { type Random, SystemRandom } from './random.ts';

export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

export function systemWorld(sink: (clock: Clock) => LogSink): World {
  const clock = new SystemClock();
  return { clock, random: new SystemRandom(), log: createLog(clock, sink(clock)), metrics: createMetrics() };
}

/** The same world with the part's name on its log lines. */
export function worldFor(world: World, part: string): World {
  return { ...world, log: world.log.child(part) };
}

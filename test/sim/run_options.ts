/** What `npm run sim` is asked for. Pure. */
import { parseArgs } from 'node:util';
import { type Uplinks, uplinkKinds } from './branch_settings.ts';

export const usage = `usage: npm run sim -- [options]
  --seed NUMBER     0 to 4294967295; without it one is drawn
  --seeds COUNT     1 to 1000000 seeds from that one on, default 1
  --days NUMBER     more than 0, at most 366; default 0.25
  --outage HOURS    0 to 8784: the WAN is down for so long first, default 0
  --uplinks KIND    single, failover, balance or udp; without it drawn from the seed
  --trace           says what happens
`;

export interface RunOptions {
  /** Undefined: one is drawn. */
  readonly seed: number | undefined;
  readonly seeds: number;
  readonly days: number;
  readonly outageHours: number;
  /** Undefined: drawn from the seed. */
  readonly uplinks: Uplinks | undefined;
  readonly trace: boolean;
}

export class WrongUsage extends Error {}

export function runOptionsOf(args: readonly string[]): RunOptions {
  const text = { type: 'string' } as const;
  const options = { seed: text, seeds: text, days: text, outage: text, uplinks: text, trace: { type: 'boolean' } } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options }));
  } catch (error) {
    throw new WrongUsage((error as Error).message.split('. ')[0], { cause: error });
  }
  return {
    seed: values.seed === undefined ? undefined : whole('seed', values.seed, 0, 2 ** 32 - 1),
    seeds: whole('seeds', values.seeds ?? '1', 1, 1_000_000),
    days: amount('days', values.days ?? '0.25', 'more than 0, at most 366', (days) => days > 0 && days <= 366),
    outageHours: amount('outage', values.outage ?? '0', '0 to 8784 hours', (hours) => hours >= 0 && hours <= 8_784),
    uplinks: values.uplinks === undefined ? undefined : kindOf(values.uplinks),
    trace: values.trace === true,
  };
}

function kindOf(text: string): Uplinks {
  const kind = uplinkKinds.find((one) => one === text);
  if (kind === undefined) throw new WrongUsage(`--uplinks ${text}: allowed: ${uplinkKinds.join(', ')}`);
  return kind;
}

function whole(name: string, text: string, least: number, most: number): number {
  return amount(name, text, `${least} to ${most}`, (value) => Number.isInteger(value) && value >= least && value <= most);
}

function amount(name: string, text: string, allowed: string, isAllowed: (value: number) => boolean): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!isAllowed(value)) throw new WrongUsage(`--${name} ${text}: allowed: ${allowed}`);
  return value;
}

/** What the simulation is asked for: a typing error is said, with what is allowed. */
import { expect, test } from 'vitest';
import { runOptionsOf, WrongUsage } from './run_options.ts';

test.each([
  ['--seed x', '--seed x: allowed: 0 to 4294967295'],
  ['--seed 4294967296', '--seed 4294967296: allowed: 0 to 4294967295'],
  ['--seed 1.5', '--seed 1.5: allowed'],
  ['--seed=', '--seed : allowed'],
  ['--seed=-1', '--seed -1: allowed'],
  ['--seed 1 --seeds 0', '--seeds 0: allowed: 1 to 1000000'],
  ['--seeds many', '--seeds many: allowed: 1 to 1000000'],
  ['--days 0', '--days 0: allowed: more than 0, at most 366'],
  ['--days 1e9', '--days 1e9: allowed: more than 0, at most 366'],
  ['--outage long', '--outage long: allowed: 0 to 8784 hours'],
  ['--uplinks sctp', '--uplinks sctp: allowed: single, failover, balance, udp'],
  ['--sneeds 3', "Unknown option '--sneeds'"],
  ['17', "Unexpected argument '17'"],
])('%s', (line, said) => {
  const options = (): unknown => runOptionsOf(line.split(' '));
  expect(options).toThrow(WrongUsage);
  expect(options).toThrow(said);
});

test('what is right is taken', () => {
  expect(runOptionsOf([])).toEqual({ seed: undefined, seeds: 1, days: 0.25, outageHours: 0, uplinks: undefined, trace: false });
  const all = ['--seed', '0', '--seeds', '28', '--days', '0.05', '--outage', '72', '--uplinks', 'udp', '--trace'];
  expect(runOptionsOf(all)).toEqual({ seed: 0, seeds: 28, days: 0.05, outageHours: 72, uplinks: 'udp', trace: true });
});

import { describe, expect, test } from 'vitest';
import { changesBetween, withValues } from '../../src/config/changes.ts';
import { type Settings, settingsSchema } from '../../src/config/schema.ts';

const settings = (input: object): Settings => settingsSchema.parse(input);
const broker = (password: string) => ({ mqtt: { brokers: [{ name: 'a', host: 'h', username: 'u', password }] } });

describe('changes of settings', () => {
  test('each by its path, with whether it needs a restart', () => {
    const changes = changesBetween(
      settings({}),
      settings({
        siteNetworks: ['10.0.0.0/8'],
        meter: { idleTimeoutS: 20, threads: 2, sampling: { pools: [{ name: 'a', vlans: [3] }] } },
      }),
    );
    expect(changes.map(({ path, before, after, restart }) => [path, before.slice(0, 20), after.slice(0, 20), restart])).toEqual([
      ['siteNetworks', '["10.0.0.0/8","172.1', '["10.0.0.0/8"]', false],
      ['meter.threads', '1', '2', true],
      ['meter.idleTimeoutS', '15', '20', false],
      ['meter.sampling.pools', '[]', '[{"name":"a","kind":', false],
    ]);
  });

  test('the same settings have none', () => {
    expect(changesBetween(settings({ site: 'a' }), settings({ site: 'a' }))).toEqual([]);
  });

  test('a secret that changed is told, and not shown', () => {
    const [change, ...others] = changesBetween(settings(broker('first-secret')), settings(broker('second-secret')));
    expect(others).toEqual([]);
    expect(change).toMatchObject({ path: 'mqtt.brokers', restart: true });
    expect(JSON.stringify(change)).not.toMatch(/first-secret|second-secret/);
  });

  test('a long list is cut where it is shown', () => {
    const prefixes = Array.from({ length: 200 }, (_, i) => `10.${i}.0.0/16`);
    expect(changesBetween(settings({}), settings({ siteNetworks: prefixes }))[0]!.after).toMatch(/^.{399}…$/);
  });

  test('only the values of the paths named are taken over, and nothing else is touched', () => {
    const before = settings({});
    const next = settings({ site: 'b', meter: { idleTimeoutS: 20, threads: 2 } });
    const taken = withValues(before, next, ['meter.idleTimeoutS', 'site']);
    expect(changesBetween(before, taken).map(({ path }) => path)).toEqual(['site', 'meter.idleTimeoutS']);
    expect(before).toEqual(settings({}));
  });
});

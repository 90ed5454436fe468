import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../src/core/clock.ts';
import { type Service, ServiceGroup } from '../../src/core/lifecycle.ts';
import { silentLog } from '../../src/core/log.ts';

function recorder() {
  const said: string[] = [];
  const service = (name: string, fail?: 'start' | 'stop' | 'hang'): Service => ({
    name,
    async start() {
      said.push(`start ${name}`);
      if (fail === 'start') throw new Error(`${name} cannot start`);
    },
    async stop() {
      said.push(`stop ${name}`);
      if (fail === 'stop') throw new Error('cannot stop');
      if (fail === 'hang') await new Promise(() => {});
    },
  });
  const group = (...services: Service[]) => new ServiceGroup(services, new SystemClock(), silentLog);
  return { said, service, group };
}
const signal = new AbortController().signal;

describe('service group', () => {
  test('starts in order and stops in reverse', async () => {
    const { said, service, group } = recorder();
    const services = group(service('page'), service('spool'), service('meter'));
    await services.start(signal);
    expect(await services.stop(1_000)).toEqual([]);
    expect(said).toEqual(['start page', 'start spool', 'start meter', 'stop meter', 'stop spool', 'stop page']);
  });

  test('when one cannot start, those before it are stopped and the error goes on', async () => {
    const { said, service, group } = recorder();
    await expect(group(service('page'), service('spool', 'start'), service('meter')).start(signal)).rejects.toThrow(
      'spool cannot start',
    );
    expect(said).toEqual(['start page', 'start spool', 'stop page']);
  });

  test('one that fails or hangs while stopping is named and does not keep the others', async () => {
    const { said, service, group } = recorder();
    const services = group(service('page'), service('spool', 'hang'), service('meter', 'stop'));
    await services.start(signal);
    expect(await services.stop(50)).toEqual(['meter', 'spool']);
    expect(said.slice(3)).toEqual(['stop meter', 'stop spool', 'stop page']);
  });
});

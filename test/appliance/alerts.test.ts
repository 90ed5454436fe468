/** A whole box whose collector is not there: the alert on the API, at a webhook, at the command line, and after a kill. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Alert } from '../../src/flow/alert_shapes.ts';
import { flowspan } from '../cli/flowspan.ts';
import { Box, endBoxes } from './box.ts';

afterEach(endBoxes);

test('a collector that is not there: raised, posted, acknowledged, and still so after a kill', { timeout: 180_000 }, async () => {
  const posted: { what: string; alert: Alert }[] = [];
  const receiver = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += String(part);
    });
    request.on('end', () => {
      posted.push(JSON.parse(text));
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const settings = {
    meter: { source: 'none' as const },
    export: { destinations: [{ name: 'central', host: '127.0.0.1', port: 1, transport: 'tcp' as const }] },
    alerts: { uplinkDownAfterS: 5, webhooks: [{ name: 'noc', url }] },
  };
  const first = await new Box(settings).ready();
  const id = 'uplinkDown.central';
  await first.sees('the alert', ({ alerts }) => alerts.some((alert) => alert.id === id && alert.state === 'raised'));
  await expect.poll(() => posted.map(({ what, alert }) => [what, alert.id]), { timeout: 20_000 }).toContainEqual(['raised', id]);
  const data = join(first.folder, 'var');
  const listed = await flowspan('alert', 'list', '--data', data);
  expect([listed.code, listed.out]).toEqual([
    1,
    expect.stringMatching(
      /NOW {3}since .*uplinkDown\.central: Uplink central (is down|refuses us)\n +tcp:\/\/127\.0\.0\.1:1: nothing listens.*\n {8}do: Nothing is lost/,
    ),
  ]);
  expect(await flowspan('alert', 'acknowledge', id, '--data', data)).toMatchObject({ code: 0 });
  expect((await flowspan('alert', 'mute', 'hot', '--data', data)).err).toMatch(/there is no alert hot/i);
  expect((await flowspan('alert', 'list', '--data', data)).out).toContain('console looks after it');
  expect((await flowspan('user', 'log', '--data', data)).out).toMatch(/console .*alertAcknowledged +uplinkDown\.central/);
  // Written within ten seconds; a kill does not take it back.
  await new Promise((resolve) => setTimeout(resolve, 11_000));
  await first.kill();
  await using box = await new Box(settings, first.folder).ready();
  const status = await box.sees('what stood', ({ alerts }) => alerts.length > 0);
  expect(status.alerts).toMatchObject([{ id, state: 'raised', acknowledgedBy: 'console' }]);
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  expect(posted.filter(({ what }) => what === 'raised')).toHaveLength(1);
  expect(await box.interrupt()).toBe(0);
  receiver.close();
});

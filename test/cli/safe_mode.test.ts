/** A box in safe mode: whatever its settings are, the page comes up and says what is the matter, and nothing else runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { defaultSettings } from '../../src/config/load.ts';
import { safeSettings } from '../../src/config/safe_mode.ts';
import { Box, endBoxes } from '../appliance/box.ts';

afterEach(endBoxes);

test('what is left of the settings: page, brokers and identity', () => {
  const settings = defaultSettings();
  const left = safeSettings({
    ...settings,
    site: 'branch-17',
    meter: { ...settings.meter, source: 'interface', interfaces: ['eth1'] },
    history: { ...settings.history, flowArchive: { ...settings.history.flowArchive, bytesMax: 2 ** 30 } },
  });
  expect(left).toMatchObject({
    site: 'branch-17',
    safeMode: true,
    meter: { source: 'none', interfaces: [] },
    export: { destinations: [] },
    history: { enabled: false, recentFlowsBytesMax: 0, flowArchive: { bytesMax: 0 } },
    names: { macVendorFile: '' },
  });
  expect(left.status).toEqual(settings.status);
  expect(left.mqtt).toEqual(settings.mqtt);
});

test('a port that cannot be metered and a collector: neither is touched, the page says safe mode, and the end is a good one', async () => {
  const settings = {
    meter: { source: 'interface' as const, interfaces: ['lo'] },
    export: { destinations: [{ name: 'central', host: '127.0.0.1', port: 9 }] },
  };
  await using box = await new Box(settings, undefined, ['--safe']).ready();
  const status = await box.sees('its status', () => true);
  expect(status.notConfigured).toEqual([expect.stringMatching(/^Safe mode: .*nothing is metered/)]);
  expect([status.meter.source, status.uplinks, status.stores]).toEqual(['none', [], []]);
  expect(await box.interrupt()).toBe(0);
});

test('settings that cannot be read do not keep it from coming up, with sign-in on every address', async () => {
  const box = new Box({ meter: { source: 'none' } }, undefined, ['--safe', '--port', '0']);
  // Broken before it is read: the process has not got that far yet.
  writeFileSync(join(box.folder, 'settings.yaml'), 'meter: {source: banana}\n');
  await box.ready();
  expect(box.url).toMatch(/^https:/);
  expect(box.out).toMatch(/Safe mode/);
  expect(await box.interrupt()).toBe(0);
});

test('the same by the settings themselves', async () => {
  await using box = await new Box({ safeMode: true, meter: { source: 'demo' } }).ready();
  expect(box.out).toMatch(/metering {3}nothing/);
  expect(await box.interrupt()).toBe(0);
});

/** What a post-mortem is given by a box that runs, after somebody changed a setting, and by the same box once it has stopped. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { flowspan } from '../cli/flowspan.ts';
import { Box, endBoxes } from './box.ts';

const folder = mkdtempSync(join(tmpdir(), 'evidence-'));
afterEach(async () => {
  await endBoxes();
  rmSync(folder, { recursive: true });
});

test('flows, figures, events and changes of settings of a time range, each with its digest', { timeout: 240_000 }, async () => {
  const history = { flowArchive: { bytesMax: 2 ** 30 } };
  const first = new Box({ site: 'before', history });
  await first.ready();
  expect(await first.interrupt()).toBe(0);
  const box = new Box({ site: 'after', history }, first.folder);
  await box.ready();
  await box.sees('records', ({ ledger }) => ledger.handedOver.records > 20);
  // A row waits for the next look of the page's thread.
  await new Promise((resolve) => setTimeout(resolve, 1_000));

  const place = (name: string): string => join(folder, name);
  const read = (name: string) => JSON.parse(readFileSync(place(name), 'utf8'));
  const asked = ['--data', join(box.folder, 'var'), '--last', '10m'];
  const { code, out, err } = await flowspan('evidence', folder, 'ip', 'any', ...asked);
  expect([code, out, err]).toEqual([0, expect.stringMatching(/flow records, 1 changes of settings/), expect.any(String)]);

  const manifest = read('manifest.json');
  expect(manifest).toMatchObject({ site: 'after', filter: 'ip any', changesInRange: 1, coverage: { recordsMissed: 0 } });
  expect(manifest.flows.records).toBeGreaterThan(5);
  for (const { name, octets, sha256 } of manifest.files) {
    const bytes = readFileSync(place(name));
    expect([name, octets, sha256]).toEqual([name, bytes.length, createHash('sha256').update(bytes).digest('hex')]);
  }
  expect(readFileSync(place('flows.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + manifest.flows.records);
  const decoded = (await flowspan('decode', place('flows.ipfix'), '--json')).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(
    decoded.filter((record) => record.packetDeltaCount !== undefined && record.flowStartMilliseconds !== undefined),
  ).toHaveLength(manifest.flows.records);
  expect(read('settings_changes.json')).toMatchObject([
    { path: 'site', before: expect.stringContaining('before'), after: expect.stringContaining('after') },
  ]);
  expect(read('status.json').events.length).toBeGreaterThan(0);
  expect(read('history.json').series.points.length).toBeGreaterThan(0);
  expect([manifest.running, manifest.missing]).toEqual([true, []]);

  // Stopped: the same from its folder, by root without leaving anything of root's there.
  const until = new Date().toISOString();
  expect(await box.interrupt()).toBe(0);
  const data = join(box.folder, 'var');
  const owner = process.getuid!() === 0 ? 65_534 : process.getuid!();
  if (process.getuid!() === 0) for (const path of [box.folder, data]) execFileSync('chown', ['-R', String(owner), path]);
  const stopped = ['--data', data, '--from', new Date(manifest.fromMs).toISOString(), '--to', until];
  const told = await flowspan('evidence', folder, 'ip', 'any', ...stopped);
  expect([told.code, told.out]).toEqual([0, expect.stringMatching(/flow records, 1 changes of settings/)]);
  expect(told.err).toMatch(/^missing: status\.json: state, ledger and events are in the memory of a running box/m);
  const later = read('manifest.json');
  expect(later).toMatchObject({ site: 'after', running: false, filter: 'ip any', changesInRange: 1 });
  expect(later.flows.records).toBeGreaterThanOrEqual(manifest.flows.records);
  expect(readFileSync(place('flows.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + later.flows.records);
  const kept = ['flows.ipfix', 'flows.csv', 'history.json', 'figures.json', 'settings_changes.json'];
  expect(later.files.map(({ name }: { name: string }) => name).filter((name: string) => name !== 'alerts.json')).toEqual(kept);
  expect(readdirSync(folder)).not.toContain('status.json');
  const [total, alsoTotal] = [read('history.json').tops.total.total, read('history.json').tops.protocol.total];
  expect(total.flows).toBeGreaterThan(0);
  expect(alsoTotal).toEqual(total);
  const strangers = readdirSync(data, { recursive: true }).filter((name) => statSync(join(data, String(name))).uid !== owner);
  expect(strangers).toEqual([]);

  // Records that were in memory only, and settings' changes that cannot be read: what there is comes all the same.
  rmSync(join(data, 'flows'), { recursive: true });
  writeFileSync(join(data, 'settings.json'), 'half of');
  const without = await flowspan('evidence', folder, ...stopped);
  expect([without.code, without.out]).toEqual([0, expect.stringMatching(/: no flow records, no changes/)]);
  expect(without.err).toMatch(/^missing: flows\.ipfix, flows\.csv: .*history\.flowArchive.*in memory only ended with the box/m);
  expect(without.err).toMatch(/^missing: settings_changes\.json: The log of settings is damaged/m);
  expect(read('manifest.json')).toMatchObject({
    flows: null,
    coverage: null,
    changesInRange: null,
    missing: expect.arrayContaining([expect.any(String)]),
  });
  expect(readdirSync(folder)).not.toContain('flows.csv');
  expect(readdirSync(folder)).not.toContain('settings_changes.json');

  // Its own state has names of these files.
  const before = readdirSync(data);
  const onto = await flowspan('evidence', data, ...stopped);
  expect([onto.code, onto.err]).toEqual([2, expect.stringContaining('is the data folder of a box')]);
  expect(readdirSync(data)).toEqual(before);

  rmSync(join(data, 'history'), { recursive: true });
  const nothing = await flowspan('evidence', folder, ...stopped);
  expect([nothing.code, nothing.err]).toEqual([
    1,
    expect.stringMatching(/no flowspan answers at .*history cannot be read: .*no flow records on disk/),
  ]);
});

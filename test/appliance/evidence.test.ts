/** What a post-mortem is given by a box that runs, after somebody changed a setting. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
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
  const first = new Box({ site: 'before' });
  await first.ready();
  expect(await first.interrupt()).toBe(0);
  const box = new Box({ site: 'after' }, first.folder);
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
});

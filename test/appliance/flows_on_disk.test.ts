/** Flow records on disk as a box keeps them: over a restart, asked for while it runs and when it is stopped, as evidence. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

const settings = { history: { flowArchive: { bytesMax: 64 * 2 ** 20 } } };
const lines = (text: string): string[] => (text === '' ? [] : text.trim().split('\n'));

test('what was metered until a stop is found behind what comes after it, and evidence adds up', {
  timeout: 240_000,
}, async () => {
  const first = new Box(settings);
  await first.ready();
  await first.sees('records', ({ ledger }) => ledger.handedOver.records > 20);
  expect(await first.interrupt()).toBe(0);
  const data = join(first.folder, 'var');
  const listed = async (): Promise<string[]> => lines((await flowspan('flows', '--last', '1d', '--json', '--data', data)).out);
  const stopped = await listed();
  // What the stop itself reported is among them.
  expect(stopped.length).toBeGreaterThan(20);

  const box = new Box(settings, first.folder);
  await box.ready();
  await box.sees('records', ({ ledger }) => ledger.handedOver.records > 20);
  // A row waits for the next look of the page's thread.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const { code, out } = await flowspan('evidence', folder, '--last', '1d', '--data', data);
  expect([code, out]).toEqual([0, expect.stringMatching(/flow records/)]);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const [head, ...rows] = lines(readFileSync(join(folder, 'flows.csv'), 'utf8'));
  const place = (name: string): number => head!.split(',').indexOf(name);
  const sum = (name: string): number => rows.reduce((all, row) => all + Number(row.split(',')[place(name)]), 0);
  expect(rows.length).toBeGreaterThan(stopped.length + 10);
  expect(manifest.flows).toMatchObject({
    records: rows.length,
    octets: sum('layer2OctetDeltaCount') + sum('reverseLayer2OctetDeltaCount'),
    packets: sum('packetDeltaCount') + sum('reversePacketDeltaCount'),
  });
  expect(manifest.coverage).toMatchObject({ complete: true, archive: { records: stopped.length, blocksUnreadable: 0 } });
  // And so do those of the IPFIX file.
  const records = lines((await flowspan('decode', join(folder, 'flows.ipfix'), '--json')).out)
    .map((line) => JSON.parse(line))
    .filter((record) => record.packetDeltaCount !== undefined && record.flowStartMilliseconds !== undefined);
  const octets = records.reduce(
    (all, record) => all + record.layer2OctetDeltaCount + (record.reverseLayer2OctetDeltaCount ?? 0),
    0,
  );
  expect([records.length, octets]).toEqual([manifest.flows.records, manifest.flows.octets]);

  // A kill costs what was in memory, and nothing that was written.
  await box.kill();
  expect(await listed()).toEqual(stopped);
  expect(readdirSync(join(data, 'flows'))).toHaveLength(1);
});

/** `flowspan top` of a stopped box whose settings give its line a price: what labels cost, as a table, JSON and CSV. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyVolume, type WindowOfDimension } from '../../src/flow/history_shapes.ts';
import { encodeWindow } from '../../src/store/history_codec.ts';
import { historyKey } from '../../src/store/history_keys.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { flowspan } from './flowspan.ts';

const folder = mkdtempSync(join(tmpdir(), 'costs-'));
const startMs = 1_800_000_000_000;
const GB = 1e9;

beforeAll(async () => {
  const kv = await openLevelKv(join(folder, 'history'));
  const row = (key: string, outOctets: number) => ({ key, ...emptyVolume(), outOctets, outPackets: 1, flows: 1 });
  const window = (dimension: WindowOfDimension['dimension']): WindowOfDimension => ({
    dimension,
    top: [row(dimension === 'tenantLabel' ? 'the old house' : '4711', 3 * GB), row('(none)', GB)],
    other: emptyVolume(),
    distinctKeys: 2,
  });
  await kv.batch(
    (['costCentreLabel', 'tenantLabel', 'application', 'host'] as const).map((dimension) => ({
      key: historyKey('1m', dimension, startMs),
      value: encodeWindow({ window: window(dimension), partial: false }),
    })),
  );
  await kv.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const config = (text: string): string => {
  const path = join(folder, 'flowspan.yaml');
  writeFileSync(path, `dataFolder: ${folder}\nstatus: { port: 9 }\n${text}`);
  return path;
};
const top = (by: string, path: string, ...more: string[]) =>
  flowspan('top', '--config', path, '--by', by, '--from', String(startMs), '--to', String(startMs + 60_000), ...more);

describe('what labels cost', { timeout: 60_000 }, () => {
  test('is told in every form, where the line has a price', async () => {
    const priced = config('line: { costPerGigabyte: 0.5, costPerMonth: 43830, currency: CHF }\n'); // 1 a minute
    expect((await top('costCentreLabel', priced)).out).toMatch(/CHF\n *4711 .* 2\.25\n *\(none\) .* 0\.75/);
    expect((await top('costCentreLabel', priced, '--csv')).out).toMatch(/,costCHF\n"4711",.*,2\.25\n"\(none\)",.*,0\.75\n/);
    const answer = JSON.parse((await top('costCentreLabel', priced, '--json')).out);
    expect(answer).toMatchObject({ currency: 'CHF', rows: [{ key: '4711', cost: 2.25 }, { cost: 0.75 }] });
  });

  test('a label with blanks is one label; app is short for application', async () => {
    const { out } = await top('tenantLabel', config(''));
    expect(out).toMatch(/^the old house {2,}/m);
    expect((await top('app', config(''))).out).toMatch(/^application /m);
  });

  test('is not told of hosts, nor without a price', async () => {
    const priced = config('line: { costPerGigabyte: 0.5 }\n');
    expect((await top('host', priced)).out).not.toContain('EUR');
    expect((await top('costCentreLabel', config(''))).out).not.toContain('EUR');
    expect(JSON.parse((await top('costCentreLabel', config(''), '--json')).out)).not.toHaveProperty('currency');
  });
});

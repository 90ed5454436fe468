import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { PlaceFiles } from '../../src/system/place_files.ts';
import { mmdbFile } from '../captures/mmdb_file.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowspan-places-'));
afterAll(() => rmSync(folder, { recursive: true }));

const signal = new AbortController().signal;
const country = (code: string) => ({ country: { iso_code: code, names: { en: code } } });
const network = (asn: number, organisation: string) => ({
  autonomous_system_number: asn,
  autonomous_system_organization: organisation,
});

function write(name: string, octets: Buffer | string): string {
  const path = join(folder, name);
  writeFileSync(path, octets);
  return path;
}

function filesOf(countryFile: string, asFile = '') {
  const clock = new SimulatedClock(0, 1_800_000_000_000);
  const events: string[] = [];
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const onEvent = (level: string, event: string, text: string): void => void events.push(`${level} ${event} ${text}`);
  return { files: new PlaceFiles({ world, countryFile, asFile, onEvent }), clock, events };
}

describe('files of places', () => {
  const countries = mmdbFile('Test-Country', [
    ['192.0.2.0/24', country('CH')],
    ['192.0.2.128/25', country('DE')],
    ['2001:db8::/32', country('US')],
    ['203.0.113.0/24', { country: { iso_code: 'not a code' } }],
  ]);
  const networks = mmdbFile('Test-ASN', [
    ['192.0.2.0/24', network(64_500, 'Example Networks')],
    ['2001:db8::/32', network(4_200_000_001, 'Long Number')],
  ]);

  test('both files are asked; what one does not know is left out', async () => {
    const { files, events } = filesOf(write('c.mmdb', countries), write('a.mmdb', networks));
    await files.start(signal);
    expect(
      ['192.0.2.1', '192.0.2.200', '2001:db8::1', '203.0.113.9', '198.51.100.1'].map((address) => files.of(address)),
    ).toEqual([
      { country: 'CH', as: { number: 64_500, organisation: 'Example Networks' } },
      { country: 'DE', as: { number: 64_500, organisation: 'Example Networks' } },
      { country: 'US', as: { number: 4_200_000_001, organisation: 'Long Number' } },
      {},
      {},
    ]);
    expect([files.generation, events]).toEqual([2, []]);
    await files.stop(0);
  });

  test('a file that is replaced is read again; one that is damaged is said once, and the old one goes on', async () => {
    const path = write('changing.mmdb', countries);
    const { files, clock, events } = filesOf(path);
    await files.start(signal);
    write('changing.mmdb', mmdbFile('Test-Country', [['192.0.2.0/24', country('AT')]]));
    await clock.advance(60_000);
    // The clock is simulated, the disk is not.
    await vi.waitFor(() => expect([files.of('192.0.2.1'), files.generation]).toEqual([{ country: 'AT' }, 2]));
    write('changing.mmdb', 'this is no database');
    await clock.advance(60_000);
    await vi.waitFor(() => expect(events).toHaveLength(1));
    await clock.advance(120_000);
    expect(files.of('192.0.2.1')).toEqual({ country: 'AT' });
    expect(events).toEqual([
      expect.stringMatching(/^warn placesUnreadable .*changing\.mmdb cannot be read: .*what was read before stays$/),
    ]);
    await files.stop(0);
  });

  test('a file that is not there is said, and found when it comes', async () => {
    const { files, clock, events } = filesOf(join(folder, 'later.mmdb'));
    await files.start(signal);
    expect(events).toEqual([expect.stringMatching(/later\.mmdb cannot be read: ENOENT.*rows bear no place/)]);
    write('later.mmdb', countries);
    await clock.advance(60_000);
    await vi.waitFor(() => expect(files.of('192.0.2.1')).toEqual({ country: 'CH' }));
    await files.stop(0);
  });
});

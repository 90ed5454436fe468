/** Vendors out of the registry, whatever its lines are like; a registry that is missing, damaged or new. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { MacVendorFile } from '../../src/status/mac_vendor_file.ts';
import { csvRecords, MacVendors } from '../../src/status/mac_vendors.ts';

const head = 'Registry,Assignment,Organization Name,Organization Address\r\n';
const large = `${head}MA-L,001B21,Intel Corporate,Lot 8 Kulim MY\r\nMA-L,741AE0,IEEE Registration Authority,445 Hoes Lane\r\nMA-L,70B3D5,IEEE Registration Authority,445 Hoes Lane\r\n`;
const medium = `${head}MA-M,741AE09,"Acme, ""The"" Company","1 Road\r\nTown"\r\n`;
const small = `${head}MA-S,70B3D5719,2M Technology,802 Drive\r\n`;

describe('vendors', () => {
  const vendors = new MacVendors([large, medium, small]);

  it.each([
    ['00:1b:21:00:00:09', 'Intel Corporate'],
    ['74:1a:e0:9f:00:01', 'Acme, "The" Company'],
    ['74:1a:e0:8f:00:01', 'IEEE Registration Authority'],
    ['70:b3:d5:71:9a:bc', '2M Technology'],
    ['70:b3:d5:72:9a:bc', 'IEEE Registration Authority'],
    ['00:1b:22:00:00:09', undefined],
    ['ff:ff:ff:ff:ff:ff', undefined],
    ['da:a1:19:00:00:01', undefined],
    ['00:1b:21', undefined],
  ])('%s is %s', (mac, vendor) => expect(vendors.of(mac)).toBe(vendor));

  it('knows as many as there are, the first of two, and nothing of lines that are none', () => {
    expect(vendors.size).toBe(5);
    const odd = `${large}MA-L,001B21,Another,\nMA-L,00"1,x\nMA-L,00ZZ00,Nobody,\nMA-L,00AA,Nobody,\nMA-L,00AABB,,\n"open`;
    expect(new MacVendors([odd]).size).toBe(3);
    expect(new MacVendors([odd]).of('00:1b:21:00:00:09')).toBe('Intel Corporate');
    expect(new MacVendors(['\u0000\u0001binary', '']).size).toBe(0);
  });

  it('takes control characters out of names, and cuts them', () => {
    const name = new MacVendors([`MA-L,001B21,A\u0007 \t<b>B</b>${'x'.repeat(100)},\n`]).of('00:1b:21:00:00:01');
    expect(name).toMatch(/^A <b>B<\/b>x+$/);
    expect(name).toHaveLength(60);
  });

  it('agrees with a plain search, for any registry', () => {
    const random = new SeededRandom(6);
    const entries = new Map<string, string>();
    for (let n = 0; n < 3_000; n++) {
      const digits = [6, 7, 9][random.below(3)]!;
      const prefix = Array.from({ length: digits }, (_, i) =>
        i < 4 ? '04'[random.below(2)] : '0123456789ABCDEF'[random.below(16)],
      ).join('');
      if (!entries.has(prefix)) entries.set(prefix, `Vendor ${n}`);
    }
    const many = new MacVendors([[...entries].map(([prefix, name]) => `MA,${prefix},${name},\n`).join('')]);
    expect(many.size).toBe(entries.size);
    for (let n = 0; n < 3_000; n++) {
      const digits = Array.from({ length: 12 }, (_, i) =>
        i < 4 ? '04'[random.below(2)] : '0123456789ABCDEF'[random.below(16)],
      ).join('');
      const expected = [9, 7, 6].map((length) => entries.get(digits.slice(0, length))).find((name) => name !== undefined);
      expect(many.of(digits.match(/../g)!.join(':').toLowerCase())).toBe(expected);
    }
  });

  it('reads CSV as RFC 4180 has it', () => {
    expect([...csvRecords('a,"b ""c"", d"\r\n,\n"x\ny",z')]).toEqual([
      ['a', 'b "c", d'],
      ['', ''],
      ['x\ny', 'z'],
    ]);
  });
});

describe('the file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vendors-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const fileAt = (path: string) => {
    const clock = new SimulatedClock(0, 1_800_000_000_000);
    const warned: string[] = [];
    const log = createLog(clock, (_level, _part, event) => warned.push(event));
    return {
      file: new MacVendorFile({ clock, random: new SeededRandom(1), log, metrics: createMetrics() }, path),
      clock,
      warned,
    };
  };

  it('is read with those beside it, and again when it has changed', async () => {
    writeFileSync(join(folder, 'oui.csv'), large);
    writeFileSync(join(folder, 'mam.csv'), medium);
    const { file, clock, warned } = fileAt(join(folder, 'oui.csv'));
    await file.start();
    expect([file.of('00:1b:21:00:00:09'), file.of('74:1a:e0:9f:00:01')]).toEqual(['Intel Corporate', 'Acme, "The" Company']);
    writeFileSync(join(folder, 'oui.csv'), large.replace('Intel Corporate', 'Intel'));
    await clock.advance(3_600_000);
    await expect.poll(() => file.of('00:1b:21:00:00:09')).toBe('Intel');
    expect(warned).toEqual([]);
  });

  it('that is missing tells nothing; one that is none is said to be', async () => {
    const missing = fileAt(join(folder, 'nowhere.csv'));
    await missing.file.start();
    expect([missing.file.of('00:1b:21:00:00:09'), missing.warned]).toEqual([undefined, []]);
    rmSync(join(folder, 'mam.csv'));
    writeFileSync(join(folder, 'other.csv'), 'not a registry');
    const other = fileAt(join(folder, 'other.csv'));
    await other.file.start();
    expect(other.warned).toEqual(['macVendorsUnreadable']);
  });
});

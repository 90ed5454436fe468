import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { flowspan } from './flowspan.ts';

const folder = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('command line', () => {
  test('without a command it lists them all and ends with 2', async () => {
    const { code, out } = await flowspan();
    expect(code).toBe(2);
    for (const name of ['run', 'meter', 'decode', 'top', 'doctor', 'alert', 'user', 'token', 'check-config'])
      expect(out).toContain(`\n  ${name} `);
    expect((await flowspan('--help')).code).toBe(0);
  });

  test.each([
    [['dance'], /no command 'dance'; there are: run, meter/],
    [['meter'], /needs FILE/],
    [['meter', 'a.pcap', 'b.pcap'], /does not take 'b.pcap'/],
    [['meter', 'a.pcap', '--colour'], /Unknown option '--colour'/],
    [['meter', 'a.pcap', '--threads', '99'], /threads/],
    [['meter', 'a.pcap', '--threads', 'many'], /threads/],
    [['meter', 'a.pcap', '--profile', 'fat'], /allowed: generic, lean, standard, full/],
    [['meter', 'a.pcap', '--sampling', 'sometimes:3'], /sampling/],
    [['meter', 'a.pcap', '--tunnels', 'channel'], /tunnels/],
  ])('%j is wrong usage: 2, with what is allowed', async (args, words) => {
    const { code, out, err } = await flowspan(...args);
    expect(err).toMatch(words);
    expect(code).toBe(2);
    expect(out).toBe('');
  });

  test('version and help go to standard output', async () => {
    expect(await flowspan('--version')).toEqual({ code: 0, out: expect.stringMatching(/^flowspan \d+\.\d+\.\d+\n$/), err: '' });
    const help = await flowspan('meter', '--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toContain('--ledger');
  });
});

describe('check-config', () => {
  test('a value of an older version is good, and said to be one', async () => {
    const file = join(folder, 'older.yaml');
    writeFileSync(file, 'alerts: {noTrafficAfterS: 60}\n');
    const { code, out, err } = await flowspan('check-config', file);
    expect([code, out]).toEqual([0, `${file}: good\n`]);
    expect(err).toContain('older.yaml:1: alerts.noTrafficAfterS: 60: no longer allowed, and taken as 120');
  });

  test('a good file is good, and can be shown without its passwords', async () => {
    const file = join(folder, 'good.yaml');
    writeFileSync(file, 'site: branch-1\nmqtt: {brokers: [{name: b, host: h, username: u, password: s3cret}]}\n');
    expect(await flowspan('check-config', file)).toEqual({ code: 0, out: `${file}: good\n`, err: '' });
    const shown = await flowspan('check-config', file, '--show');
    expect(shown.out).not.toContain('s3cret');
    expect(parse(shown.out)).toMatchObject({ site: 'branch-1', meter: { activeTimeoutS: 60 } });
  });

  test('a bad file ends with 1 and names every fault', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'site: branch-1\nmeter:\n  threads: 0\nfoo: 1\n');
    const { code, out, err } = await flowspan('check-config', file);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(`${file}:3: meter.threads: 0: too small; allowed: at least 1`);
    expect(err).toContain(`${file}:4: foo: unknown setting; allowed here: site`);
  });

  test('the example is good', async () => {
    expect((await flowspan('check-config', 'config/example.yaml')).code).toBe(0);
  });
});

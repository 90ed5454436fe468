/** The time over restarts, without a box: the script as it is, with its places moved into a folder, and a clock that only tells what it is set to. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box/clock', import.meta.url));
const box = mkdtempSync(join(tmpdir(), 'clock-'));
afterAll(() => rmSync(box, { recursive: true }));
const at = (name: string): string => join(box, name);
const made = 1_800_000_000;

beforeEach(() => {
  for (const name of ['kept', 'set']) rmSync(at(name), { force: true });
  writeFileSync(at('clock-epoch'), '');
  utimesSync(at('clock-epoch'), made, made);
  const moved = readFileSync(script, 'utf8')
    .replace('/data/clock', at('kept'))
    .replace('/usr/lib/clock-epoch', at('clock-epoch'));
  writeFileSync(at('clock'), moved);
});

/** What the clock was set to at a start at this time; undefined when it was left alone. */
function restored(now: number, kept?: number): number | undefined {
  if (kept !== undefined) {
    writeFileSync(at('kept'), '');
    utimesSync(at('kept'), kept, kept);
  }
  writeFileSync(at('date'), `#!/bin/sh\ncase $1 in +%s) echo ${now} ;; --set) echo "$2" >'${at('set')}' ;; esac\n`);
  chmodSync(at('date'), 0o755);
  const env = { ...process.env, PATH: `${box}:${process.env.PATH}` };
  const { status, stderr } = spawnSync('sh', [at('clock'), 'restore'], { encoding: 'utf8', env });
  expect([status, stderr]).toEqual([0, '']);
  return existsSync(at('set')) ? Number(readFileSync(at('set'), 'utf8').trim().slice(1)) : undefined;
}

test.each<[string, number, number | undefined, number | undefined]>([
  ['no clock chip, and a time of before: it goes on there', made + 40, made + 500_000, made + 500_000],
  ['no clock chip, the first start: as systemd has set it', made + 40, undefined, undefined],
  ['no clock chip, and what was kept is of before this version: time goes on, not back', made + 40, made - 500_000, undefined],
  ['a chip that knows the time is believed', made + 900_000, made + 500_000, undefined],
  ['a chip that was set back after a wrong time was kept, too', made + 900_000, made + 90_000_000, undefined],
])('%s', (_what, now, kept, expected) => {
  expect(restored(now, kept)).toBe(expected);
});

test('what is kept is what the clock says', () => {
  const beganS = Math.floor(Date.now() / 1_000);
  expect(spawnSync('sh', [at('clock'), 'save']).status).toBe(0);
  expect(statSync(at('kept')).mtimeMs / 1_000).toBeGreaterThanOrEqual(beganS);
  expect(spawnSync('sh', [at('clock')], { encoding: 'utf8' })).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('restore, save'),
  });
});

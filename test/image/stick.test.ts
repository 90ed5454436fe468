/**
 * What a USB stick makes a box do, without a box: the script as it is, with its places moved into a folder and stubs for the programs that
 * it calls, which write down how they were called. `update.machine.ts` has the real ones.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box/stick', import.meta.url));
const top = mkdtempSync(join(tmpdir(), 'stick-'));
afterAll(() => rmSync(top, { recursive: true }));
let box: string;
let number = 0;

function program(name: string, text: string): void {
  writeFileSync(join(box, 'bin', name), `#!/bin/sh\necho "${name} $*" >>'${box}/calls'\n${text}`);
  chmodSync(join(box, 'bin', name), 0o755);
}
const offer = (name: string, text = ''): void => writeFileSync(join(box, 'run/flowspan/stick', name), text);

beforeEach(() => {
  box = join(top, String(number++));
  for (const folder of ['bin', 'data/rauc', 'run/flowspan/stick']) mkdirSync(join(box, folder), { recursive: true });
  writeFileSync(join(box, 'calls'), '');
  for (const name of ['mount', 'umount', 'rauc', 'sync', 'systemctl', 'update_log']) program(name, '');
  program(
    'flowspan',
    `echo '{"state":"nothing","reset":"no"}'
`,
  );
  const moved = readFileSync(script, 'utf8')
    .replaceAll('/usr/bin/flowspan', 'flowspan')
    .replaceAll('/usr/lib/flowspan-box/update_log', 'update_log')
    .replaceAll(/ (\/efi)\b/g, ` ${box}$1`)
    .replaceAll(/=(\/(?:data|run)\/)/g, `=${box}$1`);
  writeFileSync(join(box, 'stick'), moved);
});

/** Puts a stick in: what the box says, and what it did, in order. */
function plug(): { said: string; did: string[] } {
  writeFileSync(join(box, 'calls'), '');
  const env = { ...process.env, PATH: `${join(box, 'bin')}:${process.env.PATH}` };
  const { stdout, stderr, status } = spawnSync('sh', [join(box, 'stick'), '/dev/sdx1'], { encoding: 'utf8', env });
  expect([stderr, status]).toEqual(['', 0]);
  return { said: stdout, did: readFileSync(join(box, 'calls'), 'utf8').replaceAll(box, '').trim().split('\n') };
}

const looked = ['systemctl is-system-running', 'mount -t vfat,exfat -o ro,nosuid,nodev,noexec /dev/sdx1 /run/flowspan/stick'];
const asked = [
  'mount -o remount,rw /run/flowspan/stick',
  'flowspan provision --from /efi --from /run/flowspan/stick --json',
  'mount -o remount,ro /run/flowspan/stick',
];
const restarted = ['umount /run/flowspan/stick', 'systemctl reboot'];

describe('a stick', () => {
  test('with nothing for a box is let go', () => {
    expect(plug()).toEqual({ said: '', did: [...looked, 'umount /run/flowspan/stick'] });
  });

  test('with another file system, or one that cannot be read, is left alone', () => {
    offer('flowspan.yaml');
    program('mount', 'exit 32\n');
    expect(plug().did).toEqual(looked);
  });

  test('that comes while the box goes down is left alone', () => {
    offer('flowspan.yaml');
    program('systemctl', 'echo stopping; exit 1\n');
    expect(plug().did).toEqual(looked.slice(0, 1));
  });

  test('with settings: taken, and restarted with; in force already: no restart', () => {
    offer('FlowSpan.YAML');
    program('flowspan', `echo '{"state":"taken","reset":"no"}'\n`);
    expect(plug().did).toEqual([...looked, ...asked, ...restarted]);
    program('flowspan', `echo '{"state":"unchanged","reset":"no"}'\n`);
    expect(plug().did).toEqual([...looked, ...asked, 'umount /run/flowspan/stick']);
  });

  test('with a reset: it is done by the start that follows, since what runs writes down at its end what it knows; none, no restart', () => {
    offer('FACTORY-RESET.TXT');
    program('flowspan', `echo '{"state":"nothing","reset":"atNextStart"}'\n`);
    expect(plug().did).toEqual([...looked, ...asked, ...restarted]);
    program('flowspan', `echo '{"state":"nothing","reset":"no"}'\n`);
    expect(plug().did).toEqual([...looked, ...asked, 'umount /run/flowspan/stick']);
  });
});

describe('a support bundle', () => {
  const writes = 'flowspan support-bundle --config /etc/flowspan/flowspan.yaml --output /run/flowspan/stick/support-bundle-';

  test('is written where a file asks for it, over the one from before, and nothing restarts', () => {
    offer('Support-Bundle.txt');
    for (let time = 0; time < 2; time++) {
      const { said, did } = plug();
      expect(said).toMatch(/^flowspan: support-bundle-.*\.tar\.gz is on the stick$/m);
      expect(did.slice(looked.length)).toEqual([
        'mount -o remount,rw /run/flowspan/stick',
        expect.stringContaining(writes),
        'sync -f /run/flowspan/stick',
        'mount -o remount,ro /run/flowspan/stick',
        'umount /run/flowspan/stick',
      ]);
      offer('support-bundle-flowspan-1C36.tar.gz', 'the one from before');
    }
  });

  test('is not asked for by one from before, and one that cannot be written is said', () => {
    offer('support-bundle-flowspan-1C36.tar.gz');
    expect(plug().did).toEqual([...looked, 'umount /run/flowspan/stick']);
    offer('support-bundle');
    program('flowspan', 'exit 1\n');
    expect(plug().said).toBe('flowspan: no support bundle could be written onto the stick\n');
  });
});

describe('bundles', () => {
  test('the newest by name is installed, once', () => {
    offer('flowspan-9.raucb', 'nine');
    offer('flowspan-10.raucb', 'ten');
    expect(plug().did).toContain('rauc install /run/flowspan/stick/flowspan-10.raucb');
    const again = plug();
    expect(again.said).toBe('flowspan: flowspan-10.raucb was dealt with before\n');
    expect(again.did).toEqual([...looked, 'umount /run/flowspan/stick']);
  });

  test('what RAUC refuses is remembered; what failed otherwise is tried again', () => {
    offer('flowspan-2.raucb', 'two');
    program('rauc', 'echo "the bus is gone"; exit 1\n');
    expect(plug().said).toMatch(/could not be installed; tried again at the next start: the bus is gone/);
    expect(existsSync(join(box, 'data/rauc/seen'))).toBe(false);
    program('rauc', 'echo "LastError: signature verification failed"; exit 1\n');
    const { said, did } = plug();
    expect(said).toMatch(/flowspan-2\.raucb is refused: signature verification failed/);
    expect(did).not.toContain('systemctl reboot');
    expect(plug().said).toMatch(/dealt with before/);
  });

  test('two sticks: one after the other', () => {
    offer('flowspan-2.raucb', 'two');
    program('rauc', `[ ! -e '${box}/busy' ] || echo both at once; touch '${box}/busy'; sleep 0.3; rm '${box}/busy'\n`);
    const path = `PATH='${join(box, 'bin')}':"$PATH"`;
    const both = `${path}; export PATH; sh '${box}/stick' /dev/sdx1 & sh '${box}/stick' /dev/sdy1; wait`;
    const { stdout } = spawnSync('sh', ['-c', both], { encoding: 'utf8' });
    expect(stdout).toMatch(/^flowspan: installing .*\nflowspan: .* is installed; .*\nflowspan: .* was dealt with before\n$/);
  });
});

/** What goes into the Debian package beside the program. The package itself is made and checked by `scripts/package --check`. */
import { execFileSync } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { configVariable } from '../../src/cli/box_folder.ts';
import { parseSettings } from '../../src/config/load.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../image/package/${name}`, import.meta.url));
const unit = readFileSync(path('flowspan.service'), 'utf8');
const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

describe('the package', () => {
  test('its settings are allowed, and kept where the service may write', () => {
    const read = parseSettings(readFileSync(path('flowspan.yaml'), 'utf8'));
    if (!('settings' in read)) throw new Error(JSON.stringify(read.faults));
    expect(read.settings).toMatchObject({ dataFolder: `/var/lib/${value('StateDirectory')}`, meter: { source: 'none' } });
    expect(value('ExecStart')).toBe('/usr/bin/flowspan run --config /etc/flowspan/flowspan.yaml');
  });

  test('the sandbox is as closed as capturing and V8 allow: exposure 2.5 at most', () => {
    const told = execFileSync('systemd-analyze', [
      'security',
      '--offline=true',
      '--no-pager',
      path('flowspan.service'),
    ]).toString();
    const exposure = Number(/Overall exposure level for flowspan\.service: ([\d.]+)/.exec(told)?.[1]);
    expect(exposure, told).toBeLessThanOrEqual(2.5);
    expect(value('CapabilityBoundingSet')).toBe('CAP_NET_RAW CAP_NET_ADMIN');
  });

  test('the sandbox lets through how wrong the kernel takes its clock to be, by which a box knows that chrony has told the time', () => {
    // systemd.exec(5): ProtectClock= filters what sets a clock and what asks of it alike; of several SystemCallFilter= the last one counts.
    expect(unit).not.toMatch(/^ProtectClock=/m);
    const filters = [...unit.matchAll(/^SystemCallFilter=(.*)$/gm)].map(([, words]) => words);
    expect(filters.at(-1)).toBe('adjtimex clock_adjtime');
  });

  test.each(['postinst', 'prerm', 'postrm', 'flowspan.sh'])('%s is a script that a shell can read', (name) => {
    execFileSync('sh', ['-n', path(name)]);
    expect(readFileSync(path(name), 'utf8')).toMatch(/^#!\/bin\/sh\n/);
  });

  test('holds every file of config/ that the README, the settings or a command names, where they say it is', () => {
    const read = (name: string): string => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), 'utf8');
    const commands = readdirSync(fileURLToPath(new URL('../../src/cli', import.meta.url))).map((name) => read(`src/cli/${name}`));
    const named = [read('README.md'), ...commands].flatMap((text) => text.match(/(?<![.\w/])config\/[\w-]+\.\w+/g) ?? []);
    expect(named).toEqual(expect.arrayContaining(['config/flow-filter.md', 'config/example-sampling.yaml']));
    const patterns =
      /^install -m 644 (config\/.+) \$root\/usr\/share\/doc\/flowspan\/config\/$/m
        .exec(read('scripts/package'))?.[1]
        ?.split(' ') ?? [];
    const shipped = new Set(
      patterns.flatMap((pattern) => globSync(pattern, { cwd: fileURLToPath(new URL('../..', import.meta.url)) })),
    );
    expect(named.filter((name) => !shipped.has(name))).toEqual([]);
    expect(readFileSync(path('flowspan.yaml'), 'utf8')).toContain('/usr/share/doc/flowspan/config/settings.md');
  });

  test('commands by hand are about the box whose settings the service runs with', () => {
    const wrapper = readFileSync(path('flowspan.sh'), 'utf8');
    expect(wrapper).toContain(`settings=${/--config (\S+)/.exec(value('ExecStart'))?.[1]}\n`);
    expect(wrapper).toContain(`export ${configVariable}=$settings`);
  });

  test('safe mode is the same service with less to do: it follows when the other fails for good, and hands back after an hour', () => {
    const safe = execFileSync('sed', ['-f', path('safe.sed'), path('flowspan.service')]).toString();
    expect(unit).toMatch(/^OnFailure=flowspan-safe\.service$/m);
    // Without it systemd 254 and later start safe mode at each failure, against the restart two seconds later.
    expect(unit).toMatch(/^RestartMode=direct$/m);
    expect(safe).not.toMatch(/RestartMode/);
    expect(safe).toMatch(
      /^ExecStart=\/usr\/bin\/flowspan run --safe --data \/var\/lib\/flowspan --config \/etc\/flowspan\/flowspan\.yaml$/m,
    );
    // Two units that name each other there call each other without end when neither can start.
    expect(safe).not.toMatch(/^OnFailure=/m);
    expect(safe).toMatch(/^ExecStopPost=\+.*timeout\) systemctl --no-block start flowspan\.service ;; \*\) sleep 60;/m);
    expect(safe).toMatch(/^Conflicts=flowspan\.service$/m);
    expect(safe).toMatch(/^RuntimeMaxSec=1h$/m);
    expect(safe).not.toMatch(/StartLimit|WatchdogSec|Restart=always|\[Install\]/);
    const sandbox = (text: string): string => text.slice(text.indexOf('User=flowspan'), text.indexOf('TasksMax'));
    expect(sandbox(safe)).toBe(sandbox(unit));
  });

  test('the time to stop is longer than the program takes at most', () => {
    const run = readFileSync(fileURLToPath(new URL('../../src/cli/run.ts', import.meta.url)), 'utf8');
    const deadlineMs = Number(/stopDeadlineMs = ([\d_]+)/.exec(run)?.[1]?.replaceAll('_', ''));
    expect(deadlineMs).toBeGreaterThan(0);
    expect(Number(value('TimeoutStopSec')) * 1_000).toBeGreaterThan(deadlineMs);
  });
});

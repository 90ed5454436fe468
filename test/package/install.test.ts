/**
 * The Debian package as it is used: built, looked through by lintian, installed into a bare Debian 13 without network, run as the unit says
 * (its user, its capabilities, its command), metering a port and answering; then a newer version over it, removed, purged.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DataPlaneHealth } from '../../src/flow/health_shapes.ts';
import type { TopAnswer } from '../../src/flow/history_shapes.ts';
import type { BoxStatus } from '../../src/flow/status_shapes.ts';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { BareDebian, debianMissing, repository } from './bare_debian.ts';

const missing = debianMissing();
const folder = mkdtempSync(join(tmpdir(), 'package-'));
const output = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });
const unit = readFileSync(join(repository, 'image/package/flowspan.service'), 'utf8');
const unitSays = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? '';

describe.skipIf(missing !== undefined)(`the package${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let debian: BareDebian;
  let deb: string;
  let built: string;
  let service: ChildProcess | undefined;
  let said = '';

  beforeAll(async () => {
    // What an older build has left must not come along, nor depend on who builds.
    const stale = join(repository, 'build/src/left_behind_by_an_older_build.js');
    mkdirSync(dirname(stale), { recursive: true });
    writeFileSync(stale, '');
    try {
      built = output('sh', '-c', `umask 077; cd '${repository}' && sh scripts/package --fast --check --output '${folder}' 2>&1`);
    } finally {
      // Gone already where the program was built anew.
      rmSync(stale, { force: true });
    }
    deb = /^(\S+\.deb): /m.exec(built)![1]!;
    debian = await BareDebian.make();
    debian.copy(deb, 'flowspan.deb');
    debian.run(
      debian.beside(
        'sh',
        '-ec',
        'ip link add mirror0 type veth peer name tester0; for i in mirror0 tester0; do sysctl -q -w net.ipv6.conf.$i.disable_ipv6=1; ip link set $i up; done',
      ),
    );
  }, 400_000);
  afterAll(async () => {
    await stop();
    debian?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As systemd would, where it runs: the folders, the user and the capabilities that the unit names, then its command. */
  async function start(): Promise<void> {
    const user = unitSays('User');
    const folders = [`/var/lib/${unitSays('StateDirectory')}`, `/var/cache/${unitSays('CacheDirectory')}`];
    debian.sh(folders.map((path) => `install -d -o ${user} -g ${user} -m ${unitSays('StateDirectoryMode')} ${path}`).join('\n'));
    const capabilities = unitSays('AmbientCapabilities').toLowerCase().replaceAll('cap_', '+').replaceAll(' ', ',');
    const rights = [
      `--inh-caps=-all,${capabilities}`,
      `--ambient-caps=-all,${capabilities}`,
      `--bounding-set=-all,${capabilities}`,
    ];
    const wrapper = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', '--no-new-privs', ...rights];
    const command = debian.inside(...unitSays('Environment').split(' '), ...wrapper, ...unitSays('ExecStart').split(' '));
    service = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    said = '';
    for (const stream of [service.stdout!, service.stderr!]) stream.on('data', (chunk: Buffer) => (said += chunk));
    await once(service.stdout!, 'data');
  }

  async function stop(): Promise<number | null> {
    if (service === undefined || service.exitCode !== null) return service?.exitCode ?? null;
    const ended = once(service, 'exit');
    // nsenter hands no signal on to what it has become the parent of.
    debian.sh(
      'for one in /proc/[0-9]*; do if tr "\\0" " " <$one/cmdline | grep -q "[m]ain.js run "; then kill -TERM "$(basename $one)"; fi; done',
    );
    return (await ended)[0] as number | null;
  }

  const health = (): { code: number | null } & DataPlaneHealth => {
    const { code, text } = debian.run(
      debian.inside('flowspan', 'health', '--config', '/etc/flowspan/flowspan.yaml', '--within', '30', '--json'),
    );
    return { code, ...(JSON.parse(text) as DataPlaneHealth) };
  };
  /** What the box answers on the socket that needs no sign-in. */
  const status = (): BoxStatus =>
    JSON.parse(
      debian.sh(`/usr/lib/flowspan/bin/node -e '
        require("node:http").get({ socketPath: "/var/lib/flowspan/access/page.sock", path: "/api/v1/status" }, (answer) => answer.pipe(process.stdout));'`),
    ) as BoxStatus;

  test('holds what is built now, readable by everybody whoever built it, and nothing else', () => {
    const listing = output('dpkg-deb', '-c', deb).trim().split('\n');
    expect(listing.filter((line) => line.includes('left_behind'))).toEqual([]);
    expect(listing.filter((line) => !/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x) root\/root /.test(line))).toEqual([]);
    const files = listing.map((line) => line.split(/ \.\//)[1] ?? '');
    for (const name of ['flow-filter.md', 'settings.md', 'example-sampling.yaml', 'example.yaml', 'default.yaml'])
      expect(files).toContain(`usr/share/doc/flowspan/config/${name}`);
    expect(
      files.filter((name) => /node_modules\/(vite|vitest|typescript|@biomejs|playwright-core|fast-check)\//.test(name)),
    ).toEqual([]);
    // dpkg-gencontrol(1): files in whole KiB, one for each other entry.
    const kib = listing
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , path]) => path !== './')
      .reduce((sum, [mode, , octets]) => sum + (mode!.startsWith('-') ? Math.ceil(Number(octets) / 1_024) : 1), 0);
    const stated = Number(output('dpkg-deb', '-f', deb, 'Installed-Size'));
    expect(Math.abs(stated - kib)).toBeLessThanOrEqual(2);
    expect(built).toMatch(/^systemd-analyze security: [\d.]+$/m);
  });

  test('installs with what a bare Debian has, makes its user, and is enabled', () => {
    expect(debian.run(debian.inside('dpkg', '-i', '/flowspan.deb'))).toMatchObject({ code: 0 });
    expect(debian.sh('dpkg -s flowspan | grep ^Status')).toBe('Status: install ok installed');
    expect(debian.sh('getent passwd flowspan')).toMatch(/^flowspan:x:\d+:\d+:flow meter:\/var\/lib\/flowspan:.*nologin$/);
    expect(debian.sh('readlink /etc/systemd/system/multi-user.target.wants/flowspan.service')).toBe(
      '/usr/lib/systemd/system/flowspan.service',
    );
    expect(debian.sh('systemd-analyze verify --man=no flowspan.service 2>&1')).toBe('');
    expect(debian.sh('flowspan --version')).toMatch(/^flowspan \d/);
    expect(debian.sh('flowspan check-config /etc/flowspan/flowspan.yaml')).toMatch(/: good$/);
  });

  test('runs as it comes: nothing to meter yet, and the page asks for the first user over HTTPS', async () => {
    await start();
    expect(health()).toMatchObject({ code: 0, healthy: true });
    const answer = debian.sh(`/usr/lib/flowspan/bin/node -e '
      require("node:https").get({ host: "::1", port: 8480, path: "/api/v1/session", rejectUnauthorized: false }, (answer) => answer.pipe(process.stdout));'`);
    expect(JSON.parse(answer)).toEqual({ state: 'setUp' });
    expect(await stop()).toBe(0);
  });

  test('meters a port as its own user, who may only capture', async () => {
    debian.sh("sed -i 's/^  source: none/  source: interface\\n  interfaces: [mirror0]/' /etc/flowspan/flowspan.yaml");
    debian.sh('flowspan user add anna --role admin --config /etc/flowspan/flowspan.yaml', 'a long enough secret\n');
    await start();
    expect(health(), said).toMatchObject({ code: 0, healthy: true });
    const capture = join(folder, 'frames.pcap');
    writeFileSync(capture, pcapFile(packetsOf(Array.from({ length: 20 }, () => udpFrame()))));
    expect(debian.run(debian.beside(`${repository}build/native/flowspan-send`, 'tester0', capture, '500', '2000')).code).toBe(0);
    let seen = status();
    for (let tries = 0; tries < 50 && seen.ledger.received.packets < 500; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      seen = status();
    }
    expect(seen.ledger.received.packets).toBe(500);
    expect(seen.ledger.droppedByKernel.packets).toBe(0);
    const process = debian.sh(
      'for one in /proc/[0-9]*; do if tr "\\0" " " <$one/cmdline | grep -q "[m]ain.js run "; then cat $one/status; fi; done',
    );
    expect(process).toMatch(new RegExp(`^Uid:\\s+${debian.sh('id -u flowspan')}\\s`, 'm'));
    // CAP_NET_ADMIN is 12, CAP_NET_RAW 13 (linux/capability.h).
    expect(process).toMatch(/^CapEff:\s+0000000000003000$/m);
    expect(await stop()).toBe(0);
    expect(said).toMatch(/Metered 500 packets/);
  });

  test('a newer version keeps settings, users and data, and goes on', async () => {
    const before = debian.sh(
      'cd /var/lib/flowspan && sha256sum access/accounts.json tls/page.crt && md5sum /etc/flowspan/flowspan.yaml',
    );
    const tree = join(folder, 'newer');
    output('dpkg-deb', '-R', deb, tree);
    const control = join(tree, 'DEBIAN/control');
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, '$&+newer'));
    output('dpkg-deb', '--root-owner-group', '-Zgzip', '-z1', '--build', tree, join(folder, 'newer.deb'));
    debian.copy(join(folder, 'newer.deb'), 'newer.deb');
    expect(debian.run(debian.inside('dpkg', '-i', '/newer.deb'))).toMatchObject({ code: 0 });
    expect(debian.sh('dpkg -s flowspan | grep ^Version')).toMatch(/\+newer$/);
    expect(
      debian.sh('cd /var/lib/flowspan && sha256sum access/accounts.json tls/page.crt && md5sum /etc/flowspan/flowspan.yaml'),
    ).toBe(before);
    await start();
    expect(health(), said).toMatchObject({ code: 0, healthy: true });
    const { total } = JSON.parse(debian.sh('flowspan top --last 1h --json --config /etc/flowspan/flowspan.yaml')) as TopAnswer;
    // Within the site, so it counts as out and as in.
    expect([total.outPackets, total.inPackets]).toEqual([500, 500]);
    expect(await stop()).toBe(0);
  });

  test('removed, its data and settings stay; purged, nothing does', () => {
    expect(debian.run(debian.inside('dpkg', '-r', 'flowspan'))).toMatchObject({ code: 0 });
    expect(debian.sh('ls -d /usr/lib/flowspan /usr/bin/flowspan 2>&1 || true')).toMatch(/No such file[\s\S]*No such file/);
    expect(debian.sh('ls /etc/flowspan/flowspan.yaml /var/lib/flowspan/access/accounts.json')).toContain('accounts.json');
    expect(debian.run(debian.inside('dpkg', '-P', 'flowspan'))).toMatchObject({ code: 0 });
    const left = debian.sh('find / -xdev -path /proc -prune -o -iname "*flowspan*" -print | grep -v "^/flowspan.deb$" || true');
    expect(left).toBe('');
    expect(existsSync(deb)).toBe(true);
  });
});

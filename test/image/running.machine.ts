/**
 * What image/README.md says of a box that runs, looked at from within (over ssh, by a key of its settings) and from both of its ports:
 * sandbox, firewall, time, log, disk, watchdog.
 */
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ethernet, ipv4, tcp, tcpFlags } from '../captures/frames.ts';
import { answers, branchSettings, ports, sees, signIn } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines, type Machine, seconds } from './machine.ts';
import { makeKey, Shell } from './shell.ts';

/** Where something listens that is nobody's business outside. */
const innerPort = 7_777;

let built: BuiltImage;
let disk: Disk;
let machine: Machine;
let shell: Shell;
let cookie: string;
beforeAll(async () => {
  built = await buildImage();
  disk = new Disk(built);
  const device = {
    managementPort: ports.management,
    mirrorPorts: [ports.mirror],
    sshKeys: [makeKey(disk)],
    timeServers: [{ host: 'time.example.net', nts: true }],
  };
  disk.write('flowspan.yaml', branchSettings(4_739, { device }));
  machine = await disk.boot({ watchdog: true, forwarded: [22, 8_480, innerPort] }).start();
  await answers(machine, '/readyz', 200, 600);
  shell = await new Shell(disk, machine).open(300);
  cookie = await signIn(machine);
}, 2_400_000);
afterAll(async () => {
  shell?.[Symbol.dispose]();
  await endMachines();
  disk?.[Symbol.dispose]();
}, 60_000);

/** What a connection to a forwarded port is told first; empty when it is told nothing, or not let in. */
function told(port: number, waitS: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(machine.portOf(port), '127.0.0.1');
    const end = (text: string): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(waitS * 1_000, () => end(''));
    socket
      .once('data', (chunk) => end(chunk.toString()))
      .once('error', () => end(''))
      .once('close', () => end(''));
  });
}

test('everything that was to start has started', async () => {
  // A start on an emulated processor goes on behind the page.
  const endMs = performance.now() + 300_000;
  while ((await shell.run('systemctl is-system-running')).out.trim() === 'starting' && performance.now() < endMs)
    await seconds(5);
  expect(await shell.says('systemctl list-units --failed --plain --no-legend')).toBe('');
  expect(await shell.says('systemctl is-system-running')).toBe('running');
});

describe('sandbox', () => {
  test.each(['flowspan', 'flowspan-safe'])('%s: exposure 2.5 at most, as systemd on the box says', async (unit) => {
    const text = await shell.says(`systemd-analyze security --no-pager ${unit}.service | tail -n 1`);
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(text)?.[1]), text).toBeLessThanOrEqual(2.5);
  });

  test('the process has its own user, two capabilities, a filter of system calls, and nothing to write but its folders', async () => {
    const status = await shell.says('cat /proc/$(systemctl show --property MainPID --value flowspan.service)/status');
    const of = (name: string): string => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
    expect(of('Uid')).toBe('900\t900\t900\t900');
    // capabilities(7): CAP_NET_ADMIN is 12, CAP_NET_RAW 13.
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) expect([set, BigInt(`0x${of(set)}`)]).toEqual([set, 0x3000n]);
    expect([of('NoNewPrivs'), of('Seccomp')]).toEqual(['1', '2']);
    const writable = await shell.says(
      `pid=$(systemctl show --property MainPID --value flowspan.service)
nsenter --target $pid --mount --setuid 900 --setgid 900 -- sh -c 'for folder in / /etc /usr /var /efi /data /etc/flowspan /home /root /var/lib/flowspan /var/cache/flowspan; do [ ! -w $folder ] || echo $folder; done'`,
    );
    expect(writable.split('\n')).toEqual(['/var/lib/flowspan', '/var/cache/flowspan']);
  });
});

describe('firewall', () => {
  test('management: the page and ssh are reached, what else listens is not', async () => {
    await shell.says(
      `systemd-run --quiet --unit listener /usr/lib/flowspan/bin/node -e 'require("net").createServer((s) => s.end("reached")).listen(${innerPort}, "::")'`,
    );
    const inside = `/usr/lib/flowspan/bin/node -e 'require("net").connect(${innerPort}, "127.0.0.1").on("data", (d) => console.log(String(d))).on("error", () => process.exit(1))'`;
    await expect.poll(async () => (await shell.run(inside)).out.trim(), { timeout: 60_000, interval: 2_000 }).toBe('reached');
    expect(await told(innerPort, 20)).toBe('');
    expect(await told(22, 60)).toMatch(/^SSH-2\.0-/);
    expect((await answers(machine, '/healthz', 200, 60)).status).toBe(200);
    // Beside it, to whom the firewall is no bar: nothing but ssh and the page is there for all addresses.
    const listening = (await shell.says("ss --no-header --listening --tcp --numeric | awk '{ print $4 }'")).split('\n');
    const outside = listening.filter((address) => !/^127\.|^\[::1\]/.test(address)).map((address) => address.split(':').at(-1));
    expect([...new Set(outside)].sort()).toEqual(['22', String(innerPort), '8480']);
  });

  test('mirror: what is sent to the box there is metered, reaches nobody, and is answered by nothing', async () => {
    const before = await sees(machine, cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
    const to = '52:54:00:00:00:02';
    const address = (await shell.says(`ip -brief -4 address show ${ports.management}`)).split(/\s+/)[2]!.split('/')[0]!;
    const syn = (destinationPort: number): Uint8Array =>
      ethernet({
        source: '02:00:00:00:00:09',
        destination: to,
        payload: ipv4({
          source: '192.0.2.9',
          destination: address,
          payload: tcp({ sourcePort: 40_000, destinationPort, flags: tcpFlags.syn }),
        }),
        padTo: 60,
      });
    // RFC 826: who has that address?
    const arp = Buffer.from(
      `ffffffffffff02000000000908060001080006040001020000000009c0000209000000000000${address
        .split('.')
        .map((octet) => Number(octet).toString(16).padStart(2, '0'))
        .join('')}`.padEnd(120, '0'),
      'hex',
    );
    await machine.mirror([syn(8_480), syn(443), syn(22), syn(innerPort), arp], 20);
    await sees(
      machine,
      cookie,
      'five frames more',
      ({ ledger }) => ledger.received.packets >= before.ledger.received.packets + 5,
      60,
    );
    await seconds(5);
    expect(Buffer.concat(machine.mirrorSent).toString('hex')).toBe('');
    expect(await shell.says(`cat /sys/class/net/${ports.mirror}/statistics/tx_packets`)).toBe('0');
    expect(await shell.says(`ip -brief address show ${ports.mirror}`)).not.toMatch(/\d\.\d|::/);
  });
});

test('time: chrony asks whom the settings name, who has to prove who it is', async () => {
  expect(await shell.says('systemctl is-active chrony.service')).toBe('active');
  expect(await shell.says('cat /run/flowspan/chrony/*')).toMatch(/^server time\.example\.net iburst nts$/m);
  expect(await shell.says('chronyc -N authdata -a')).toMatch(/^time\.example\.net +NTS /m);
  expect(await shell.says('findmnt --noheadings --output SOURCE /var/lib/chrony')).toContain('[/chrony]');
});

test('log: in memory and bounded, nothing of it on the disk', async () => {
  const files = (await shell.says("journalctl --header | sed -n 's/^File path: //p'")).split('\n');
  expect(files.filter((path) => !path.startsWith('/run/log/journal/'))).toEqual([]);
  expect(files.length).toBeGreaterThan(0);
  // More than there is room for, also pressed; past the limit on how fast one service may write.
  await shell.says(
    "systemd-run --quiet --wait --property LogRateLimitIntervalSec=0 sh -c 'head -c 40000000 /dev/urandom | base64 --wrap 20000'",
    600,
  );
  const octets = Number(await shell.says('du --summarize --bytes /run/log/journal | cut -f 1'));
  expect(octets).toBeGreaterThan(12 * 1_048_576);
  expect(octets).toBeLessThanOrEqual(24 * 1_048_576);
});

test('memory: huge pages for who asks for them, and no more kept free for them than was set', async () => {
  expect(await shell.says('cat /sys/kernel/mm/transparent_hugepage/enabled')).toContain('[madvise]');
  expect(await shell.says('sysctl --values vm.min_free_kbytes')).toBe('16384');
});

test('disk: a system that nobody writes to, no swap, data with few and large writes', async () => {
  const options = async (path: string): Promise<string[]> =>
    (await shell.says(`findmnt --noheadings --output FSTYPE,OPTIONS ${path}`)).split(/[\s,]+/);
  expect(await options('/')).toEqual(expect.arrayContaining(['squashfs', 'ro']));
  expect(await options('/data')).toEqual(expect.arrayContaining(['ext4', 'rw', 'noatime', 'commit=30']));
  expect(await options('/var/lib/flowspan')).toEqual(expect.arrayContaining(['ext4', 'noatime', 'commit=30']));
  expect(await options('/var')).toEqual(expect.arrayContaining(['overlay']));
  expect(await options('/efi')).toEqual(expect.arrayContaining(['vfat', 'noatime']));
  expect((await shell.says('cat /proc/swaps')).split('\n')).toHaveLength(1);
  expect((await shell.run('touch /usr/lib/x')).status).not.toBe(0);
  // The partition has grown to the disk, and its file system with it.
  const [partition, system] = (
    await shell.says('blockdev --getsize64 /dev/disk/by-partlabel/flowspan-data; stat --file-system --format "%S %b" /data')
  ).split('\n');
  expect(Number(partition)).toBeGreaterThan(2.5 * 1024 ** 3);
  const [block, blocks] = system!.split(' ').map(Number);
  expect(block! * blocks!).toBeGreaterThan(0.95 * Number(partition));
});

test('watchdog: the hardware’s is opened by systemd, and fed beyond its time', async () => {
  const watchdog = await shell.says('for name in identity state timeout; do cat /sys/class/watchdog/watchdog0/$name; done');
  expect(watchdog.split('\n')).toEqual(['i6300ESB timer', 'active', '60']);
  expect(await shell.says('systemctl show --property RuntimeWatchdogUSec --value')).toBe('1min');
  const upS = Number((await shell.says('cut -d " " -f 1 /proc/uptime')).trim());
  await seconds(Math.max(0, 150 - upS));
  // The same start: it was not reset.
  expect(machine.console.match(/flowspan: starting slot/g)).toHaveLength(1);
  expect(await shell.says('systemctl show --property WatchdogUSec --value flowspan.service')).toBe('1min');
});

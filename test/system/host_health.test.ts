/** The box's health on this machine and on invented ones; and that asking for it starts no process. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Clock, SimulatedClock, SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { throttleCountFile } from '../../src/system/heat_throttle.ts';
import type { HostFiles } from '../../src/system/host_files.ts';
import { dataPartitionFile, HostMonitor } from '../../src/system/host_health.ts';
import type { SlowFigures } from '../../src/system/inventory.ts';
import { voltageComplaints } from '../../src/system/supply_voltage.ts';

const world = (clock: Clock = new SystemClock()) => ({
  clock,
  random: new SystemRandom(),
  log: silentLog,
  metrics: createMetrics(),
});
const noSlowFigures: SlowFigures = { model: async () => 'slow model', os: async () => 'slow os', temperatureC: async () => 31 };

/** A machine made of texts by path. */
function machine(texts: Record<string, string>, room = { totalOctets: 1_000, freeOctets: 400 }): HostFiles {
  return {
    read: async (path) => texts[path],
    list: async (path) =>
      [
        ...new Set(
          Object.keys(texts)
            .filter((file) => file.startsWith(`${path}/`))
            .map((file) => file.slice(path.length + 1).split('/')[0]!),
        ),
      ].sort(),
    room: async () => room,
    device: async () => 45_826,
    kernel: () => '6.6.51+rpt-rpi-v8',
    processOctets: () => 50_000_000,
  };
}

const pi: Record<string, string> = {
  '/proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.5\0',
  '/etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  '/proc/stat': 'cpu  100 0 50 850 0 0 0 0 0 0\ncpu0 25 0 10 200 0\ncpu1 25 0 10 200 0\ncpu2 25 0 10 200 0\ncpu3 25 0 20 250 0\n',
  '/proc/loadavg': '0.31 0.24 0.20 1/187 20412\n',
  '/proc/uptime': '96813.42 382140.11\n',
  '/proc/meminfo': 'MemTotal:        3930712 kB\nMemAvailable:    3309568 kB\n',
  '/proc/self/io': 'write_bytes: 1000\ncancelled_write_bytes: 0\n',
  '/proc/diskstats': ' 179       2 mmcblk0p2 20601 6000 1795111 80912 30209 21034 100 712032 0 102120 792944\n',
  '/sys/class/thermal/thermal_zone0/type': 'cpu-thermal\n',
  '/sys/class/thermal/thermal_zone0/temp': '48312\n',
  '/sys/devices/platform/soc/soc:firmware/get_throttled': '1\n',
};

describe('host health', () => {
  test('a Raspberry Pi from its own files, complaints included; nothing slow is asked', async () => {
    const texts = { ...pi };
    const slow: SlowFigures = { model: neverAsked, os: neverAsked, temperatureC: neverAsked };
    const monitor = new HostMonitor({
      world: world(),
      dataFolder: '/d',
      clockSynchronised: () => false,
      files: machine(texts),
      slow,
      isOwnDisk: true,
    });
    await monitor.start();
    texts['/proc/stat'] = texts['/proc/stat']!.replace('cpu  100 0 50 850', 'cpu  140 0 60 1000');
    texts['/proc/self/io'] = 'write_bytes: 51000\ncancelled_write_bytes: 1000\n';
    texts['/proc/diskstats'] = texts['/proc/diskstats']!.replace(' 100 ', ' 300 ');
    await monitor.refresh();
    await monitor.stop(100);
    expect(monitor.health()).toEqual({
      model: 'Raspberry Pi 4 Model B Rev 1.5',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.6.51+rpt-rpi-v8',
      uptimeS: 96_813,
      cpuPercent: 25,
      cpuCores: 4,
      load1: 0.31,
      memoryTotalOctets: 3930712 * 1024,
      memoryAvailableOctets: 3309568 * 1024,
      processOctets: expect.any(Number) as number,
      temperatureC: 48.3,
      diskTotalOctets: 1_000,
      diskFreeOctets: 400,
      writtenOctetsPerDay: 49_000,
      diskWrittenOctetsPerDay: 200 * 512,
      wearBy: 'disk',
      complaints: [expect.stringContaining('voltage is too low')],
      clockSynchronised: false,
    });
    expect(monitor.deviceWrittenLastDay).toBe(200 * 512);
  });

  test('a PC finds its sensor under hwmon; a machine that tells nothing is still described', async () => {
    const texts: Record<string, string> = {
      '/sys/class/dmi/id/sys_vendor': 'LENOVO\n',
      '/sys/class/dmi/id/product_name': '30E20017GE\n',
      '/sys/class/thermal/thermal_zone0/type': 'iwlwifi_1\n',
      '/sys/class/thermal/thermal_zone0/temp': '70000\n',
      '/sys/class/hwmon/hwmon3/name': 'coretemp\n',
      '/sys/class/hwmon/hwmon3/temp1_input': '52000\n',
    };
    const pc = machine(texts);
    const pcClock = new SimulatedClock();
    const made = new HostMonitor({
      world: world(pcClock),
      dataFolder: '/d',
      clockSynchronised: () => null,
      files: pc,
      slow: noSlowFigures,
    });
    await made.start();
    expect(made.health()).toMatchObject({ model: 'LENOVO 30E20017GE', temperatureC: 52, os: 'unknown' });
    expect(made.health()).not.toHaveProperty('complaints');
    // Its processor counts how often it was too hot; of before the start it says nothing.
    for (const [count, complaining] of [
      ['7', 0],
      ['7', 0],
      ['9', 1],
      ['9', 1],
      ['many', undefined],
    ] as const) {
      texts[throttleCountFile] = `${count}\n`;
      await made.refresh();
      expect(made.health().complaints?.length, count).toBe(complaining);
    }
    texts[throttleCountFile] = '9\n';
    await pcClock.advance(61_000);
    expect(made.health().complaints).toEqual([]);
    await made.stop(100);

    const clock = new SimulatedClock();
    const mute = new HostMonitor({
      world: world(clock),
      dataFolder: '/d',
      clockSynchronised: () => null,
      files: machine({}),
      slow: noSlowFigures,
    });
    await mute.start();
    await clock.advance(10_000);
    // Asking takes processes: not while the box is starting.
    expect(mute.health()).toMatchObject({ model: 'unknown', cpuPercent: 0, memoryTotalOctets: 0, temperatureC: null });
    await clock.advance(60_000);
    expect(mute.health()).toMatchObject({ model: 'slow model', os: 'slow os', temperatureC: 31 });
    await mute.stop(100);
  });

  test('a Raspberry Pi whose kernel is not its maker’s tells of low voltage; what waits in memory is put on disk then, once a minute', async () => {
    const { '/sys/devices/platform/soc/soc:firmware/get_throttled': _, ...others } = pi;
    const alarm = '/sys/class/hwmon/hwmon1/in0_lcrit_alarm';
    const texts: Record<string, string> = {
      ...others,
      '/sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
      '/sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
      [alarm]: '0\n',
    };
    const clock = new SimulatedClock();
    let kept = 0;
    const monitor = new HostMonitor({
      world: world(clock),
      dataFolder: '/d',
      clockSynchronised: () => null,
      files: machine(texts),
      slow: noSlowFigures,
      inMemory: () => [{ putOnDisk: () => void kept++ }],
    });
    await monitor.start();
    const look = async (value: string, afterMs: number): Promise<[readonly string[] | undefined, number]> => {
      texts[alarm] = `${value}\n`;
      await clock.advance(afterMs);
      return [monitor.health().complaints, kept];
    };
    const isLow = 'the supply voltage is too low: use the original power supply';
    const wasLow = 'the supply voltage has been too low since the start: use the original power supply';
    expect(await look('0', 10_000)).toEqual([[], 0]);
    expect(await look('1', 2_000)).toEqual([[isLow], 1]);
    // A sag lasts moments; whoever looks in a minute still sees it, and the disk is written once.
    expect(await look('0', 40_000)).toEqual([[isLow], 1]);
    expect(await look('0', 30_000)).toEqual([[wasLow], 1]);
    expect(await look('1', 300_000)).toEqual([[isLow], 6]);
    delete texts[alarm];
    await clock.advance(2_000);
    expect(monitor.health()).not.toHaveProperty('complaints');
    await monitor.stop(100);
    expect(await voltageComplaints(machine({ ...texts, [alarm]: '1\n' }))).toEqual([isLow]);
    expect(await voltageComplaints(machine(texts))).toBeUndefined();
  });

  test('this machine: figures are there and agree with the system’s own', async () => {
    const monitor = new HostMonitor({ world: world(), dataFolder: tmpdir(), clockSynchronised: () => null, slow: noSlowFigures });
    await monitor.start();
    await monitor.stop(100);
    const health = monitor.health();
    expect(health.memoryTotalOctets / 1024).toBe(Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]));
    expect(health.cpuCores).toBe(Number(execFileSync('getconf', ['_NPROCESSORS_ONLN']).toString()));
    expect(health.diskFreeOctets).toBeGreaterThan(0);
    expect(health.diskTotalOctets).toBeGreaterThanOrEqual(health.diskFreeOctets);
    expect(health.processOctets).toBeGreaterThan(10_000_000);
  });

  test('looking starts no process', async () => {
    const monitor = new HostMonitor({ world: world(), dataFolder: tmpdir(), clockSynchronised: () => null, slow: noSlowFigures });
    await monitor.start();
    // The kernel adds the page faults of every child that has ended to its parent's account: nothing can hide there.
    execFileSync('true');
    const before = faultsOfChildren();
    expect(before, 'a process that was started shows').toBeGreaterThan(0);
    for (let i = 0; i < 200; i++) await monitor.refresh();
    await monitor.stop(100);
    expect(faultsOfChildren()).toBe(before);
    execFileSync('true');
    expect(faultsOfChildren()).toBeGreaterThan(before);
  });
});

async function neverAsked(): Promise<never> {
  throw new Error('asked although a file tells');
}

/** cminflt of proc_pid_stat(5): the 11th field, after the name in parentheses. */
function faultsOfChildren(): number {
  return Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')[8]);
}

test.each([
  ['repaired\n', ['dataPartitionRepaired']],
  ['made anew\n', ['dataPartitionMadeAnew']],
  ['in memory\n', ['dataPartitionUnused']],
  [undefined, []],
])('what became of the data partition at this start is told: %j', async (found, expected) => {
  const told: string[] = [];
  const files = machine({ ...pi, ...(found === undefined ? {} : { '/run/flowspan/data_partition': found }) });
  const monitor = new HostMonitor({
    world: world(new SimulatedClock()),
    dataFolder: '/',
    clockSynchronised: () => true,
    files,
    slow: noSlowFigures,
    onEvent: (level, event, text) => void told.push(event, ...(text.length > 20 && level !== 'info' ? [] : ['without words'])),
  });
  await monitor.start();
  await monitor.stop(0);
  expect(told).toEqual(expected);
});

test.each([
  ['data_partition', ['repaired', 'made anew', 'in memory']],
  ['kept_folders', ['in memory']],
])('the image says it in these words, in this file: %s', (name, words) => {
  const script = readFileSync(new URL(`../../image/system/usr/lib/flowspan-box/${name}`, import.meta.url), 'utf8');
  expect(script).toContain(`report=${dataPartitionFile}\n`);
  expect([...script.matchAll(/echo (["'])(.*)\1 >\$report/g)].map(([, , one]) => one)).toEqual(words);
});

/** Parsers against what real machines say: a Raspberry Pi 4 (kernel 6.6), a mini PC and a virtual machine. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as proc from '../../src/system/proc_text.ts';

const pi = {
  stat: `cpu  48213 102 23110 9612240 3421 0 1204 0 0 0
cpu0 12001 25 5800 2403001 901 0 1100 0 0 0
cpu1 12100 26 5770 2403100 820 0 40 0 0 0
cpu2 12050 25 5760 2403090 850 0 34 0 0 0
cpu3 12062 26 5780 2403049 850 0 30 0 0 0
intr 8412031 0 51231
ctxt 15012341
btime 1735730000
processes 20412
`,
  meminfo: `MemTotal:        3930712 kB
MemFree:         2710044 kB
MemAvailable:    3309568 kB
Buffers:           61028 kB
Cached:           684160 kB
`,
  diskstats: ` 179       0 mmcblk0 21033 7012 1812344 81234 30211 21034 912344 712033 0 102344 793267 0 0 0 0 0 0
 179       1 mmcblk0p1 310 1012 12033 201 2 0 2 1 0 250 202 0 0 0 0 0 0
 179       2 mmcblk0p2 20601 6000 1795111 80912 30209 21034 912342 712032 0 102120 792944 0 0 0 0 0 0
`,
  model: 'Raspberry Pi 4 Model B Rev 1.5\0',
};

describe('/proc and /sys as text', () => {
  test('processor: work between two looks, over all cores; waiting for I/O is no work', () => {
    const before = proc.parseCpuTimes(pi.stat)!;
    expect(before).toEqual({ busy: 48213 + 102 + 23110 + 1204, total: 48213 + 102 + 23110 + 9612240 + 3421 + 1204, cores: 4 });
    const after = { ...before, busy: before.busy + 30, total: before.total + 400 };
    expect(proc.cpuPercent(before, after)).toBe(7.5);
    expect(proc.cpuPercent(before, before)).toBe(0);
    expect(proc.cpuPercent(after, before)).toBe(0);
    const waited = proc.parseCpuTimes(pi.stat.replace('3421', '4421'))!;
    expect(proc.cpuPercent(before, waited)).toBe(0);
  });

  test('memory: what is available, and free memory on a kernel without that line', () => {
    expect(proc.parseMemory(pi.meminfo)).toEqual({ totalOctets: 3930712 * 1024, availableOctets: 3309568 * 1024 });
    expect(proc.parseMemory(pi.meminfo.replace(/MemAvailable.*\n/, ''))).toMatchObject({ availableOctets: 2710044 * 1024 });
  });

  test('writes: the partition that is meant, in sectors of 512; the process less what it took back', () => {
    expect(proc.parseDeviceWrittenOctets(pi.diskstats, 179, 2)).toBe(912342 * 512);
    expect(proc.parseDeviceWrittenOctets(pi.diskstats, 179, 0)).toBe(912344 * 512);
    expect(proc.parseDeviceWrittenOctets(pi.diskstats, 8, 1)).toBeUndefined();
    const io = 'rchar: 6976\nwchar: 0\nsyscr: 10\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 81920\ncancelled_write_bytes: 4096\n';
    expect(proc.parseWrittenOctets(io)).toBe(77824);
  });

  test('device numbers as the kernel packs them', () => {
    expect(proc.deviceNumbers(45826)).toEqual({ major: 179, minor: 2 });
    expect(proc.deviceNumbers(65024)).toEqual({ major: 254, minor: 0 });
    expect(proc.deviceNumbers(0x100000 + (259 << 8) + 4)).toEqual({ major: 259, minor: 260 });
  });

  test('load and uptime', () => {
    expect(proc.parseLoad1('0.31 0.24 0.20 1/187 20412\n')).toBe(0.31);
    expect(proc.parseUptimeS('96813.42 382140.11\n')).toBe(96813.42);
  });

  test('names: the device tree’s end in NUL, DMI’s may be placeholders, the system’s are quoted or not', () => {
    expect(proc.parseDeviceTreeModel(pi.model)).toBe('Raspberry Pi 4 Model B Rev 1.5');
    expect(proc.parseDeviceTreeModel('')).toBeUndefined();
    expect(proc.dmiModel('LENOVO\n', '30E20017GE\n')).toBe('LENOVO 30E20017GE');
    expect(proc.dmiModel('To Be Filled By O.E.M.\n', 'System Product Name\n')).toBeUndefined();
    expect(proc.parseOsName('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n')).toBe('Debian GNU/Linux 12 (bookworm)');
    expect(proc.parseOsName("ID=x\nPRETTY_NAME='Alpine Linux v3.20'\n")).toBe('Alpine Linux v3.20');
  });

  test('temperature: thousandths of a degree; a sensor that is not there is not 0 °C', () => {
    expect(proc.parseMillidegrees('48312\n')).toBe(48.3);
    expect(proc.parseMillidegrees('-12500')).toBe(-12.5);
    for (const text of ['', '0\n', '-274000', '255000', 'N/A']) expect(proc.parseMillidegrees(text), text).toBeUndefined();
  });

  test('Raspberry Pi complaints: now and since the start, in words, from the firmware’s bits', () => {
    expect(proc.parseThrottled('0\n')).toEqual([]);
    expect(proc.parseThrottled('throttled=0x50000')).toEqual([
      expect.stringContaining('voltage has been too low since the start'),
      expect.stringContaining('slowed down strongly since the start'),
    ]);
    expect(proc.parseThrottled('50005\n')).toEqual([
      expect.stringContaining('voltage is too low'),
      'the processor is slowed down strongly',
    ]);
    expect(proc.parseThrottled('error')).toBeUndefined();
  });

  test('capabilities by bit', () => {
    const status = 'Name:\tnode\nCapPrm:\t0000000000003000\nCapEff:\t0000000000003000\n';
    expect([12, 13, 14].map((bit) => proc.hasCapability(status, bit))).toEqual([true, true, false]);
    expect(proc.hasCapability('Name:\tnode\n', 13)).toBeUndefined();
  });

  test('no text makes a parser throw or answer a number that is none', () => {
    const parsers = [
      proc.parseLoad1,
      proc.parseUptimeS,
      proc.parseWrittenOctets,
      proc.parseMillidegrees,
      (text: string) => proc.parseDeviceWrittenOctets(text, 8, 1),
      (text: string) => proc.parseMemory(text)?.availableOctets,
      (text: string) => proc.parseCpuTimes(text)?.busy,
    ];
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom(pi.stat, pi.meminfo, pi.diskstats).chain((real) => fc.nat(real.length).map((n) => real.slice(0, n))),
    );
    fc.assert(
      fc.property(text, (odd) => {
        for (const parse of parsers) expect(parse(odd) ?? 0).not.toBeNaN();
        proc.parseThrottled(odd);
        proc.hasCapability(odd, 13);
      }),
    );
  });
});

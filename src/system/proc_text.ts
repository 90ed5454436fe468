/**
 * What Linux says about itself in `/proc` and `/sys`, as text, read into numbers. Pure: text in, figures out; undefined or
 * null for what is not there or not as expected, because boards and kernels differ. See proc(5).
 */

export interface CpuTimes {
  /** Ticks since boot. */
  readonly busy: number;
  readonly total: number;
  readonly cores: number;
}

/** `/proc/stat`. Time given to guests is part of user time already; waiting for I/O is not work. */
export function parseCpuTimes(text: string): CpuTimes | undefined {
  const fields = /^cpu\s+(.*)$/m.exec(text)?.[1]?.split(/\s+/).map(Number);
  if (fields === undefined || fields.length < 4 || fields.some(Number.isNaN)) return undefined;
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, interrupt = 0, softInterrupt = 0, steal = 0] = fields;
  const busy = user + nice + system + interrupt + softInterrupt + steal;
  return { busy, total: busy + idle + ioWait, cores: text.match(/^cpu\d+ /gm)?.length ?? 1 };
}

/** Share of all cores that worked between two looks, 0–100; 0 when no tick has passed. */
export function cpuPercent(before: CpuTimes, after: CpuTimes): number {
  const total = after.total - before.total;
  if (total <= 0) return 0;
  return Math.round(Math.min(1, Math.max(0, (after.busy - before.busy) / total)) * 1_000) / 10;
}

/** `/proc/loadavg`: the first of the three. */
export function parseLoad1(text: string): number | undefined {
  return finite(text.split(' ', 1)[0]);
}

/** `/proc/uptime`, seconds. */
export function parseUptimeS(text: string): number | undefined {
  return finite(text.split(' ', 1)[0]);
}

/** `/proc/meminfo`. Kernels before 3.14 have no MemAvailable; free memory is the careful answer then. */
export function parseMemory(text: string): { totalOctets: number; availableOctets: number } | undefined {
  const kibibytes = (name: string): number | undefined => finite(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]);
  const total = kibibytes('MemTotal');
  const available = kibibytes('MemAvailable') ?? kibibytes('MemFree');
  if (total === undefined || available === undefined) return undefined;
  return { totalOctets: total * 1_024, availableOctets: available * 1_024 };
}

/** `/proc/self/io`: octets this process has sent towards storage, less what was deleted before it got there. */
export function parseWrittenOctets(text: string): number | undefined {
  const written = finite(/^write_bytes: (\d+)$/m.exec(text)?.[1]);
  const cancelled = finite(/^cancelled_write_bytes: (\d+)$/m.exec(text)?.[1]) ?? 0;
  return written === undefined ? undefined : Math.max(0, written - cancelled);
}

/** `/proc/diskstats`: octets written to a block device. Sectors there are always 512 octets. */
export function parseDeviceWrittenOctets(text: string, major: number, minor: number): number | undefined {
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (Number(fields[0]) === major && Number(fields[1]) === minor && fields.length >= 10) {
      const sectors = finite(fields[9]);
      return sectors === undefined ? undefined : sectors * 512;
    }
  }
  return undefined;
}

/** `st_dev` as glibc's `gnu_dev_major` and `gnu_dev_minor` split it. */
export function deviceNumbers(device: number): { major: number; minor: number } {
  const wide = BigInt(device);
  return {
    major: Number(((wide >> 8n) & 0xfffn) | ((wide >> 32n) & 0xfffff000n)),
    minor: Number((wide & 0xffn) | ((wide >> 12n) & 0xffffff00n)),
  };
}

/** `/etc/os-release`: the name for people. */
export function parseOsName(text: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim();
  return value?.replace(/^(["'])(.*)\1$/, '$2');
}

/** `/proc/device-tree/model`: text that ends with a NUL. */
export function parseDeviceTreeModel(text: string): string | undefined {
  const model = text.replace(/\0/g, '').trim();
  return model === '' ? undefined : model;
}

/** Placeholders that mainboard makers leave in DMI. */
const dmiPlaceholders = /^(to be filled by o\.?e\.?m\.?|system (product name|manufacturer)|default string|unknown|none)$/i;

/** `/sys/class/dmi/id/sys_vendor` and `product_name`. */
export function dmiModel(vendor: string, product: string): string | undefined {
  const words = [vendor, product].map((text) => text.trim()).filter((text) => text !== '' && !dmiPlaceholders.test(text));
  return words.length === 0 ? undefined : words.join(' ');
}

/** `temp` of a thermal zone or `temp1_input` of a hwmon sensor: thousandths of a degree Celsius. */
export function parseMillidegrees(text: string): number | undefined {
  const value = finite(text.trim());
  // Sensors that are not there read as 0, −274 °C or far beyond what a board survives.
  if (value === undefined || value <= -55_000 || value >= 150_000 || value === 0) return undefined;
  return Math.round(value / 100) / 10;
}

const throttledBits: readonly (readonly [number, string])[] = [
  [0, 'the supply voltage is too low: use the original power supply'],
  [1, 'the processor is slowed down'],
  [2, 'the processor is slowed down strongly'],
  [3, 'the board is hot and close to slowing down'],
  [16, 'the supply voltage has been too low since the start: use the original power supply'],
  [17, 'the processor has been slowed down since the start'],
  [18, 'the processor has been slowed down strongly since the start'],
  [19, 'the board has been close to its temperature limit since the start'],
];

/** Those that say what was, not what is: the firmware never takes them back. */
export const pastComplaints: ReadonlySet<string> = new Set(throttledBits.filter(([bit]) => bit >= 16).map(([, words]) => words));

/**
 * Raspberry Pi: `get_throttled` of the firmware in hexadecimal (bits as in its documentation of vcgencmd), in words. What
 * is true now silences its "since the start".
 */
export function parseThrottled(text: string): string[] | undefined {
  const match = /^(?:throttled=)?(?:0x)?([0-9a-f]+)$/i.exec(text.trim());
  if (match === null) return undefined;
  const bits = Number.parseInt(match[1] as string, 16);
  const isSet = (bit: number): boolean => ((bits >>> bit) & 1) === 1;
  return throttledBits.filter(([bit]) => isSet(bit) && !(bit >= 16 && isSet(bit - 16))).map(([, words]) => words);
}

/** `/proc/self/status`: whether the process has a capability in force. */
export function hasCapability(text: string, bit: number): boolean | undefined {
  const mask = /^CapEff:\s+([0-9a-f]+)$/im.exec(text)?.[1];
  return mask === undefined ? undefined : ((BigInt(`0x${mask}`) >> BigInt(bit)) & 1n) === 1n;
}

function finite(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

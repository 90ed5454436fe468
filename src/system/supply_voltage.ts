/**
 * Whether a Raspberry Pi gets too little voltage, where its kernel is not the maker's own: `rpi_volt` of hwmon says whether the firmware has
 * seen it since the last look (Linux, drivers/hwmon/raspberrypi-hwmon.c; a choice of whoever builds a kernel, and Debian's has left it out).
 * Said in the words of `parseThrottled`. Pure, but for the search of the file.
 */
import type { HostFiles } from './host_files.ts';
import { parseThrottled } from './proc_text.ts';

const lowNow = 1;
const lowBefore = 1 << 16;
/** A sag lasts moments: it stands for as long as somebody may look. */
const standsMs = 60_000;
const wordsOf = (bits: number): string[] => parseThrottled(bits.toString(16))!;

/** What a look says where nobody remembers earlier ones; undefined where the board does not tell. */
export async function voltageComplaints(files: Pick<HostFiles, 'read' | 'list'>): Promise<string[] | undefined> {
  const path = await findVoltageAlarm(files);
  return path === undefined ? undefined : new SupplyVoltage().complaints(await files.read(path), 0);
}

export async function findVoltageAlarm(files: Pick<HostFiles, 'read' | 'list'>): Promise<string | undefined> {
  for (const device of await files.list('/sys/class/hwmon')) {
    const folder = `/sys/class/hwmon/${device}`;
    if ((await files.read(`${folder}/name`))?.trim() === 'rpi_volt') return `${folder}/in0_lcrit_alarm`;
  }
  return undefined;
}

export class SupplyVoltage {
  #lowAtMs: number | undefined;

  /** @returns undefined where the board does not tell */
  complaints(alarm: string | undefined, nowMs: number): string[] | undefined {
    const value = alarm?.trim();
    if (value !== '0' && value !== '1') return undefined;
    if (value === '1') this.#lowAtMs = nowMs;
    if (this.#lowAtMs === undefined) return [];
    return wordsOf(nowMs - this.#lowAtMs < standsMs ? lowNow : lowBefore);
  }
}

const low = new Set(wordsOf(lowNow));
/** As the firmware says it, by whichever way. */
export const isVoltageLow = (complaints: readonly string[] | undefined): boolean =>
  complaints?.some((one) => low.has(one)) === true;

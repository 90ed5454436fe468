/**
 * Processors of PCs count how often they were slowed down for heat (Linux, `thermal_throttle/package_throttle_count`, Intel): what
 * rose within the last minute is a complaint, as a Raspberry Pi's firmware makes it. Pure.
 */

export const throttleCountFile = '/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count';
const words = 'the processor is slowed down for heat';
const standsMs = 60_000;

export class HeatThrottle {
  #count: number | undefined;
  #roseAtMs: number | undefined;

  /** @returns undefined where the processor does not count */
  complaints(text: string | undefined, nowMs: number): string[] | undefined {
    const count = /^\d+$/.test(text?.trim() ?? '') ? Number(text) : undefined;
    if (count === undefined) return undefined;
    if (this.#count !== undefined && count > this.#count) this.#roseAtMs = nowMs;
    this.#count = count;
    return this.#roseAtMs !== undefined && nowMs - this.#roseAtMs < standsMs ? [words] : [];
  }
}

/**
 * The history of the figures: per hour of the last day their mean, and for how much of it the target was met. Pure. Limits:
 * 24 hours of `figureNames`. An hour without the box is a hole, and stays one.
 */
import type { TargetSettings } from '../../config/schema.ts';
import { type Figure, type FigureName, figureFacts, figureNames } from '../../flow/figure_shapes.ts';
import type { FigureValues } from './figure_values.ts';

const hourMs = 3_600_000;
const hoursKept = 24;

interface Hour {
  /** Whole hours since 1970, UTC. */
  readonly hour: number;
  /** By name: sum and number of values, and how many met the target. */
  readonly sums: Partial<Record<FigureName, { sum: number; told: number; judged: number; met: number }>>;
}

export class FigureHours {
  #hours: Hour[] = [];

  add(values: FigureValues, targets: TargetSettings, wallMs: number): void {
    const { sums } = this.#hourAt(wallMs);
    for (const name of figureNames) {
      const value = values[name];
      if (value === null) continue;
      const sum = sums[name] ?? { sum: 0, told: 0, judged: 0, met: 0 };
      sums[name] = sum;
      sum.sum += value;
      sum.told++;
      const met = isMet(name, value, targets[name]);
      if (met === null) continue;
      sum.judged++;
      if (met) sum.met++;
    }
  }

  figures(values: FigureValues, targets: TargetSettings, wallMs: number): Figure[] {
    const newest = Math.floor(wallMs / hourMs);
    const byHour = new Map(this.#hours.map((hour) => [hour.hour, hour.sums]));
    return figureNames.map((name) => {
      const [value, target] = [values[name], targets[name]];
      let [judged, met] = [0, 0];
      const hours = Array.from({ length: hoursKept }, (_, at) => {
        const sum = byHour.get(newest - hoursKept + 1 + at)?.[name];
        judged += sum?.judged ?? 0;
        met += sum?.met ?? 0;
        return sum === undefined || sum.told === 0 ? null : rounded(sum.sum / sum.told);
      });
      return {
        name,
        value: value === null ? null : rounded(value),
        target,
        met: isMet(name, value, target),
        metPercentLastDay: judged === 0 ? null : rounded((met / judged) * 100),
        hours,
      };
    });
  }

  toJSON(): readonly Hour[] {
    return this.#hours;
  }

  /** What an earlier run has kept; nothing of what is no such thing. */
  restore(kept: unknown): void {
    if (!Array.isArray(kept)) return;
    const isHour = (found: Partial<Hour> | null): found is Hour =>
      typeof found?.hour === 'number' &&
      typeof found.sums === 'object' &&
      found.sums !== null &&
      Object.values(found.sums).every(isSum);
    this.#hours = kept.filter(isHour).slice(-hoursKept);
  }

  #hourAt(wallMs: number): Hour {
    const number = Math.floor(wallMs / hourMs);
    const last = this.#hours.find(({ hour }) => hour === number);
    if (last !== undefined) return last;
    const hour: Hour = { hour: number, sums: {} };
    this.#hours.push(hour);
    // A clock that was set leaves hours of another time behind: they fall out of the day, on either side.
    this.#hours = this.#hours.filter((one) => Math.abs(one.hour - number) < hoursKept).slice(-2 * hoursKept);
    return hour;
  }
}

const isSum = (found: unknown): boolean => {
  const { sum, told, judged, met } = (found ?? {}) as Record<string, unknown>;
  return [sum, told, judged, met].every((number) => typeof number === 'number' && Number.isFinite(number));
};

export function isMet(name: FigureName, value: number | null, target: number | null): boolean | null {
  if (value === null || target === null) return null;
  return figureFacts[name].good === 'above' ? value >= target : value <= target;
}

/** Four digits are what anybody reads. */
const rounded = (value: number): number => Number(value.toPrecision(4));

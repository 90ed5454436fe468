/**
 * Does this box know the time? Pure; the evidence is gathered in `clock_state.ts`.
 *
 * Method, in this order, without starting a process: systemd-timesyncd's marker, which it makes once it has set the clock;
 * the kernel, which chrony and ntpd tell how wrong its clock may be; a hardware clock that agrees; the clock having been
 * stepped by somebody during this boot, which only a time service or a person does.
 */

import { plausibleFromMs } from '../core/clock.ts';

/** What adjtimex(2) tells (`kernelClock` of the addon). */
export interface KernelClock {
  /** STA_UNSYNC is off. */
  readonly synchronised: boolean;
  /** Greatest error, ms. */
  readonly errorMaxMs: number;
}

export interface ClockEvidence {
  /** `/run/systemd/timesync/synchronized` is there. */
  readonly timesyncMarker: boolean;
  /** systemd-timesyncd runs: its folder is there. */
  readonly timesyncRuns: boolean;
  /** Hardware clock, seconds since 1970; undefined without one. */
  readonly hardwareClockS: number | undefined;
  /** Undefined where nobody could ask. */
  readonly kernelClock: KernelClock | undefined;
  readonly wallMs: number;
  /** The clock was stepped during this boot. */
  readonly stepped: boolean;
}

export interface ClockVerdict {
  /** Null when nobody can tell. */
  readonly synchronised: boolean | null;
  readonly basis: 'timesyncd' | 'kernel' | 'hardware clock' | 'stepped' | 'implausible' | 'unknown';
}

const hardwareToleranceS = 5;
/**
 * NTP_PHASE_LIMIT of the kernel: where the greatest error stands after a start and after a step, and what it grows to within
 * nine hours when a time service stops telling. Below it a service has told, also one that leaves STA_UNSYNC on, as chrony does
 * without `rtcsync`.
 */
export const errorMaxUntoldMs = 16_000;

export function clockVerdict(evidence: ClockEvidence): ClockVerdict {
  const { timesyncMarker, timesyncRuns, hardwareClockS, kernelClock, wallMs, stepped } = evidence;
  if (wallMs < plausibleFromMs) return { synchronised: false, basis: 'implausible' };
  if (timesyncMarker) return { synchronised: true, basis: 'timesyncd' };
  if (kernelClock !== undefined && (kernelClock.synchronised || kernelClock.errorMaxMs < errorMaxUntoldMs)) {
    return { synchronised: true, basis: 'kernel' };
  }
  if (hardwareClockS !== undefined && Math.abs(hardwareClockS - wallMs / 1_000) <= hardwareToleranceS) {
    return { synchronised: true, basis: 'hardware clock' };
  }
  if (stepped) return { synchronised: true, basis: 'stepped' };
  if (timesyncRuns) return { synchronised: false, basis: 'timesyncd' };
  if (kernelClock !== undefined) return { synchronised: false, basis: 'kernel' };
  return { synchronised: null, basis: 'unknown' };
}

/** Somebody is about to tell the time: the clock is plainly wrong, or a time service runs and has not told yet. */
export function isTimeExpected({ synchronised, basis }: ClockVerdict): boolean {
  return synchronised === false && (basis === 'implausible' || basis === 'timesyncd');
}

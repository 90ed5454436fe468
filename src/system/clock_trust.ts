/**
 * Does this box know the time? Pure; the evidence is gathered in `clock_state.ts`.
 *
 * Method, in this order, without starting a process: systemd-timesyncd's marker, which it makes once it has set the clock;
 * a hardware clock that agrees; the clock having been stepped by somebody during this boot, which only a time service or a
 * person does. chrony and ntpd leave no file that tells, so without a hardware clock the answer with them is unknown until
 * they step the clock.
 */

export interface ClockEvidence {
  /** `/run/systemd/timesync/synchronized` is there. */
  readonly timesyncMarker: boolean;
  /** systemd-timesyncd runs: its folder is there. */
  readonly timesyncRuns: boolean;
  /** Hardware clock, seconds since 1970; undefined without one. */
  readonly hardwareClockS: number | undefined;
  readonly wallMs: number;
  /** The clock was stepped during this boot. */
  readonly stepped: boolean;
}

export interface ClockVerdict {
  /** Null when nobody can tell. */
  readonly synchronised: boolean | null;
  readonly basis: 'timesyncd' | 'hardware clock' | 'stepped' | 'implausible' | 'unknown';
}

/** Nobody runs this program before it was written: 2026-01-01. Boards without a clock start in 1970 or at their image's date. */
export const plausibleFromMs = 1_767_225_600_000;
const hardwareToleranceS = 5;

export function clockVerdict(evidence: ClockEvidence): ClockVerdict {
  const { timesyncMarker, timesyncRuns, hardwareClockS, wallMs, stepped } = evidence;
  if (wallMs < plausibleFromMs) return { synchronised: false, basis: 'implausible' };
  if (timesyncMarker) return { synchronised: true, basis: 'timesyncd' };
  if (hardwareClockS !== undefined && Math.abs(hardwareClockS - wallMs / 1_000) <= hardwareToleranceS) {
    return { synchronised: true, basis: 'hardware clock' };
  }
  if (stepped) return { synchronised: true, basis: 'stepped' };
  if (timesyncRuns) return { synchronised: false, basis: 'timesyncd' };
  return { synchronised: null, basis: 'unknown' };
}

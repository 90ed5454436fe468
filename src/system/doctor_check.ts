/** One thing that `doctor` looked at, and what to do about it. Pure. */

export interface DoctorCheck {
  readonly check: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** Empty when there is nothing to do. */
  readonly todo: string;
}

export const ok = (check: string, found: string): DoctorCheck => ({ check, verdict: 'ok', found, todo: '' });
export const warn = (check: string, found: string, todo: string): DoctorCheck => ({ check, verdict: 'warn', found, todo });
export const fail = (check: string, found: string, todo: string): DoctorCheck => ({ check, verdict: 'fail', found, todo });

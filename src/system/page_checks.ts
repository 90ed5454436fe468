/** Who can reach the page, and whether they can trust it, as `doctor` tells it. Pure; the command gathers. */
import { type DoctorCheck, fail, ok, warn } from './doctor_check.ts';

export interface PageFacts {
  /** `0.0.0.0:8480`. */
  readonly place: string;
  readonly isLoopback: boolean;
  readonly asksForSignIn: boolean;
  readonly speaksTls: boolean;
  /** Users there are; null when their file cannot be read. */
  readonly users: number | null;
  /** Why their file cannot be read, or empty. */
  readonly accountsFault: string;
  /** The user's own certificate; null for the box's own, which does not expire. */
  readonly certificate: { readonly file: string; readonly fault: string; readonly expiresMs: number } | null;
}

const dayMs = 86_400_000;
const expiresSoonMs = 30 * dayMs;

export function pageChecks(facts: PageFacts, nowMs: number): DoctorCheck[] {
  return [signInCheck(facts), ...tlsChecks(facts, nowMs)];
}

function signInCheck({ place, isLoopback, asksForSignIn, users, accountsFault }: PageFacts): DoctorCheck {
  const check = 'page sign-in';
  if (users === null) return fail(check, accountsFault, 'mend or remove that file; without it the set-up code makes a new admin');
  if (!asksForSignIn) {
    if (isLoopback) return ok(check, 'not asked for: the page is reached from this box alone');
    return warn(check, `not asked for: whoever reaches ${place} sees all`, 'set status.signIn to auto');
  }
  if (users > 0) return ok(check, `asked for; ${users} ${users === 1 ? 'user' : 'users'}`);
  return warn(
    check,
    'asked for, but nobody has a user yet',
    'open the page and enter the set-up code from the console or log, or here: flowspan user add NAME',
  );
}

function tlsChecks({ place, isLoopback, speaksTls, certificate }: PageFacts, nowMs: number): DoctorCheck[] {
  const check = 'page certificate';
  if (!speaksTls) {
    if (isLoopback) return [];
    const todo = 'set status.tls to auto, unless a proxy on the way ends TLS';
    return [warn(check, `none: passwords for ${place} cross the network in the clear`, todo)];
  }
  if (certificate === null) return [ok(check, 'the box’s own; browsers warn once')];
  const { file, fault, expiresMs } = certificate;
  if (fault !== '') return [fail(check, fault, 'put it right: until then the page shows the box’s own certificate')];
  const days = Math.floor((expiresMs - nowMs) / dayMs);
  if (days < 0) return [fail(check, `${file} has expired`, 'replace it; the page takes it up by itself')];
  if (expiresMs - nowMs < expiresSoonMs) return [warn(check, `${file} expires in ${days} days`, 'renew it')];
  return [ok(check, `${file}, good for ${days} days`)];
}

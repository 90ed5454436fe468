/**
 * Who may do what on the status page and the API: roles, and what the API says about sessions, users, tokens and what was
 * done. Shapes only: server, page and CLI share them. Times are wall time in ms.
 */

/** Each may do what those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

export const roleWords: Readonly<Record<Role, string>> = {
  viewer: 'sees everything that is shown',
  operator: 'also acknowledges and mutes alerts',
  admin: 'also manages users, tokens and settings, uploads and installs updates, and reads the audit log',
};

export function mayAct(held: Role, needed: Role): boolean {
  return roles.indexOf(held) >= roles.indexOf(needed);
}

/** What anybody may ask: whether and how to sign in. Says nothing about the box. */
export interface SessionAnswer {
  /** `open`: no sign-in here. `needed`: sign in. `setUp`: no user exists yet, the set-up code makes the first. `signedIn`. */
  readonly state: 'open' | 'needed' | 'setUp' | 'signedIn';
  readonly name?: string;
  readonly role?: Role;
  /** To be sent back as `x-csrf-token` with whatever changes something. */
  readonly csrfToken?: string;
  /** Idle for so long, ms, a session ends; whoever is active says so before. */
  readonly idleMs?: number;
}

export interface UserEntry {
  readonly name: string;
  readonly role: Role;
  readonly createdMs: number;
}

export interface TokenEntry {
  readonly id: string;
  /** What it is for, in the words of who made it. */
  readonly name: string;
  readonly role: Role;
  readonly createdMs: number;
  readonly createdBy: string;
  /** 0 for never. */
  readonly expiresMs: number;
}

export const auditActions = [
  'setUp',
  'signIn',
  'signOut',
  'passwordChanged',
  'userAdded',
  'userChanged',
  'userRemoved',
  'tokenMade',
  'tokenRevoked',
  'tokenRefused',
  'alertAcknowledged',
  'alertMuted',
  'alertUnmuted',
  'updateChecked',
  'updateUploaded',
  'updateInstalled',
  'updateDiscarded',
  'settingsApplied',
  'settingsKept',
  'settingsUndone',
  'proved',
  'refused',
] as const;
export type AuditAction = (typeof auditActions)[number];

export interface AuditEntry {
  readonly atMs: number;
  /** Name of a user, `token ID`, `console` (the command line on the box), or what somebody claimed to be, when `outcome` is not `done`. */
  readonly who: string;
  /** Address it came from; empty for the command line. */
  readonly from: string;
  readonly action: AuditAction;
  /** What it was done to. */
  readonly what: string;
  /** `unanswered`: it was sent on, nobody said in time what became of it, and it may have been done. */
  readonly outcome: 'done' | 'failed' | 'limited' | 'unanswered';
}

/** Names of users: as they are typed at sign-in, compared in lower case. */
export const userNamePattern = /^[a-z0-9][a-z0-9._-]{0,31}$/;
export const passwordLengthMin = 12;
export const passwordLengthMax = 256;

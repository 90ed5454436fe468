/**
 * Whether the data plane works: what an update is judged by, and what a supervisor asks. Not whether anything arrives: a quiet line and a
 * dead uplink are healthy, since neither is the program's doing.
 */

export const healthParts = ['capture', 'meter', 'pipeline', 'history', 'spool', 'outbox', 'report', 'page'] as const;

/** One part that must work. */
export interface HealthPart {
  readonly part: (typeof healthParts)[number];
  readonly healthy: boolean;
  /** What was found, in words. */
  readonly found: string;
}

export interface DataPlaneHealth {
  readonly healthy: boolean;
  readonly parts: readonly HealthPart[];
}

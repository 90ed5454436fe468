/** The log of changes of settings: what somebody far away needs to understand a figure of last month. */
export interface LoggedSettingChange {
  readonly atMs: number;
  /** `restart`: found at a start; `reload`: taken up, or left for the next start, while running. */
  readonly by: 'restart' | 'reload';
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** False while it waits for a restart. */
  readonly inForce: boolean;
}

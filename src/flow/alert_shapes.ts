/**
 * Alerts about the box itself: the closed list of what may be wrong, and the shape in which they go to page, API, MQTT and
 * webhooks. Times are wall time in ms. Shapes only.
 */

/** `page`: somebody should look now, for records are being lost or the box is blind. `ticket`: within days. */
export type AlertSeverity = 'page' | 'ticket';

export const alertCodes = [
  'meterDown',
  'linkDown',
  'noTraffic',
  'mirror',
  'drops',
  'sampledUnderPressure',
  'ledgerUnbalanced',
  'uplinkDown',
  'backlogOld',
  'backlogFilling',
  'storeStopped',
  'diskLow',
  'diskFull',
  'wear',
  'clockUnsynchronised',
  'hot',
  'boardComplains',
  'memoryLow',
  'targetMissed',
  'updateLeft',
  'updatesUnreachable',
] as const;
export type AlertCode = (typeof alertCodes)[number];

export interface Alert {
  /** `uplinkDown.central`: the code, and what it is about where there are several. Letters, digits, dot, dash, underscore. */
  readonly id: string;
  readonly code: AlertCode;
  readonly severity: AlertSeverity;
  readonly state: 'raised' | 'cleared';
  /** A few words. */
  readonly title: string;
  /** A sentence with the numbers, as of when it was raised or last changed. */
  readonly text: string;
  /** What to do, in the order in which it helps. */
  readonly runbook: string;
  readonly raisedMs: number;
  /** 0 while raised. */
  readonly clearedMs: number;
  /** How often it was raised since it was last quiet for the cool-down. */
  readonly times: number;
  /** Who has said that they look after it; empty for nobody. Forgotten when it clears. */
  readonly acknowledgedBy: string;
  readonly acknowledgedMs: number;
  /** Told to nobody until then; 0 when not muted. */
  readonly mutedUntilMs: number;
  readonly mutedBy: string;
}

/** What an operator does about an alert. */
export type AlertAct =
  | { readonly kind: 'acknowledge'; readonly id: string; readonly who: string }
  | { readonly kind: 'mute'; readonly id: string; readonly who: string; readonly forMs: number }
  | { readonly kind: 'unmute'; readonly id: string; readonly who: string };

export const muteHoursMax = 24 * 30;

export const isOpen = ({ state }: Alert): boolean => state === 'raised';

/** Wants somebody: raised, looked after by nobody, and not muted. */
export const wantsSomebody = (alert: Alert, nowMs: number): boolean =>
  isOpen(alert) && alert.acknowledgedBy === '' && alert.mutedUntilMs <= nowMs;

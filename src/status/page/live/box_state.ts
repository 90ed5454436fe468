/**
 * What this browser knows of the box: the last status, ten minutes of seconds, and how the connection is. Pure: every
 * function returns a new state. A second that is missing stays missing: the chart shows a gap, never a guess.
 */
import type { BoxStatus, TrafficSecond } from '../../../flow/status_shapes.ts';

export const secondsShown = 600;

/** Before this a box has no closed window yet. */
const firstWindowMs = 180_000;

/** Whether the history is empty because metering has only begun. */
export function isNewBox(status: Pick<BoxStatus, 'nowMs' | 'startedMs'> | undefined): boolean {
  return status !== undefined && status.nowMs - status.startedMs < firstWindowMs;
}

export type Connection =
  /** The first words have not come yet. */
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** The stream broke a moment ago. */
  | { readonly kind: 'reconnecting'; readonly sinceMs: number }
  /** Given up hope for the moment, still trying. */
  | { readonly kind: 'lost'; readonly sinceMs: number }
  /** The page's server answers, the box behind it has said nothing for a while. */
  | { readonly kind: 'silent'; readonly sinceMs: number };

export interface BoxState {
  readonly connection: Connection;
  readonly status: BoxStatus | undefined;
  readonly seconds: readonly TrafficSecond[];
  /** Box clock minus browser clock, ms. */
  readonly clockOffsetMs: number;
}

export const unknownBox: BoxState = { connection: { kind: 'connecting' }, status: undefined, seconds: [], clockOffsetMs: 0 };

/** A status without `events`, `alerts` and `figures` keeps those known: they are sent only when they have changed. */
export function withStatus(
  state: BoxState,
  status: Partial<BoxStatus> & Omit<BoxStatus, 'events' | 'alerts' | 'figures'>,
  browserMs: number,
): BoxState {
  const events = status.events ?? state.status?.events ?? [];
  const alerts = status.alerts ?? state.status?.alerts ?? [];
  const figures = status.figures ?? state.status?.figures ?? [];
  return { ...state, status: { ...status, events, alerts, figures }, clockOffsetMs: status.nowMs - browserMs };
}

export function withSecond(state: BoxState, second: TrafficSecond): BoxState {
  return withSeconds(state, [second]);
}

/** Adds what is not known yet, in order; forgets what is older than the chart. A clock that was set back begins anew. */
export function withSeconds(state: BoxState, more: readonly TrafficSecond[]): BoxState {
  const newest = more.at(-1);
  if (newest === undefined) return state;
  const byTime = new Map<number, TrafficSecond>();
  for (const second of [...state.seconds, ...more]) byTime.set(Math.round(second.atMs / 1_000), second);
  const seconds = [...byTime.values()]
    .sort((a, b) => a.atMs - b.atMs)
    .filter((second) => second.atMs > newest.atMs - secondsShown * 1_000 && (more.length > 1 || second.atMs <= newest.atMs));
  return { ...state, seconds };
}

export function withConnection(state: BoxState, connection: Connection): BoxState {
  const { kind } = state.connection;
  return kind === connection.kind ? state : { ...state, connection };
}

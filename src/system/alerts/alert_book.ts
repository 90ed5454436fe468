/**
 * The alerts that stand, and those that have lately gone: raised when something was bad for long enough, cleared when it was
 * good for long enough, one per id, told once per cool-down. Pure, on two clocks: monotonic time measures, wall time labels.
 * Limits: `keptMax` alerts that have cleared; those that stand are bounded by what there is to judge.
 */
import { type Alert, type AlertAct, type AlertCode, alertCodes, isOpen, wantsSomebody } from '../../flow/alert_shapes.ts';
import type { Verdict } from './alert_rules.ts';

const keptMax = 50;
const openMax = 200;
const keptForMs = 7 * 86_400_000;

export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export interface AlertChange {
  readonly alert: Alert;
  readonly what: 'raised' | 'cleared' | 'worsened' | 'acknowledged' | 'muted' | 'unmuted';
  /** Whether somebody is to be told: not of what is muted, or came back within the cool-down. */
  readonly isTold: boolean;
}

interface Watch {
  is: Verdict['is'];
  sinceMs: number;
}

interface Entry {
  alert: Alert;
  /** Monotonic: when somebody was told last; undefined for never in this run. */
  toldMs: number | undefined;
  /** The last raise was told, so its clearing is too. */
  isTold: boolean;
}

export class AlertBook {
  readonly #coolDownMs: number;
  readonly #watches = new Map<string, Watch>();
  readonly #entries = new Map<string, Entry>();
  /** Wall times of raises in the last day. */
  #raisedAtMs: number[] = [];

  constructor(coolDownMs: number) {
    this.#coolDownMs = coolDownMs;
  }

  /** Those that stand first, pages before tickets, the newest first. */
  get alerts(): Alert[] {
    const rank = (alert: Alert): number => (isOpen(alert) ? 0 : 2) + (alert.severity === 'page' ? 0 : 1);
    const atMs = (alert: Alert): number => (isOpen(alert) ? alert.raisedMs : alert.clearedMs);
    return [...this.#entries.values()].map(({ alert }) => alert).sort((a, b) => rank(a) - rank(b) || atMs(b) - atMs(a));
  }

  raisedSince(wallMs: number): number {
    return this.#raisedAtMs.filter((atMs) => atMs >= wallMs).length;
  }

  /** What an earlier run has kept. What has mended itself meanwhile clears in its time. */
  restore(alerts: readonly Alert[], raisedAtMs: readonly number[], now: Moment): void {
    for (const alert of alerts.slice(0, openMax + keptMax)) {
      // It was told, and the cool-down goes on: a restart is no reason to wake somebody twice.
      this.#entries.set(alert.id, { alert, toldMs: now.monotonicMs, isTold: true });
    }
    this.#raisedAtMs = [...raisedAtMs];
  }

  /** For the file: raises of the last day. */
  get raises(): readonly number[] {
    return this.#raisedAtMs;
  }

  /** Takes a round of verdicts in. An alert about which nothing is said any more is about something that is gone: good. */
  judge(verdicts: readonly Verdict[], now: Moment): AlertChange[] {
    const changes: AlertChange[] = [];
    const seen = new Set<string>();
    for (const verdict of verdicts) {
      const id = idOf(verdict.code, verdict.subject);
      if (seen.has(id)) continue;
      seen.add(id);
      const change = this.#take(id, verdict, now);
      if (change !== undefined) changes.push(change);
    }
    for (const [id, { alert }] of this.#entries) {
      if (seen.has(id) || !isOpen(alert)) continue;
      const change = this.#take(id, goneVerdict(alert), now);
      if (change !== undefined) changes.push(change);
    }
    for (const id of this.#watches.keys()) if (!seen.has(id) && !this.#entries.has(id)) this.#watches.delete(id);
    this.#forget(now);
    return changes;
  }

  /** Undefined when there is no such alert that could be acted on. */
  act(act: AlertAct, now: Moment): AlertChange | undefined {
    const entry = this.#entries.get(act.id);
    if (entry === undefined) return undefined;
    const { alert } = entry;
    const atMs = Math.round(now.wallMs);
    if (act.kind === 'acknowledge') {
      if (!isOpen(alert)) return undefined;
      entry.alert = { ...alert, acknowledgedBy: act.who, acknowledgedMs: atMs };
      return { alert: entry.alert, what: 'acknowledged', isTold: false };
    }
    if (act.kind === 'mute') {
      entry.alert = { ...alert, mutedUntilMs: atMs + act.forMs, mutedBy: act.who };
      return { alert: entry.alert, what: 'muted', isTold: false };
    }
    entry.alert = { ...alert, mutedUntilMs: 0, mutedBy: '' };
    return { alert: entry.alert, what: 'unmuted', isTold: false };
  }

  #take(id: string, verdict: Verdict, now: Moment): AlertChange | undefined {
    const watch = this.#watches.get(id);
    if (watch === undefined || (verdict.is !== 'between' && watch.is !== verdict.is)) {
      if (verdict.is !== 'between') this.#watches.set(id, { is: verdict.is, sinceMs: now.monotonicMs });
    } else if (verdict.is === 'between') watch.sinceMs = now.monotonicMs; // neither bad nor good without a break
    const lastsMs = now.monotonicMs - (this.#watches.get(id)?.sinceMs ?? now.monotonicMs);
    const entry = this.#entries.get(id);
    const stands = entry !== undefined && isOpen(entry.alert);
    if (verdict.is === 'bad' && !stands && lastsMs >= verdict.raiseAfterMs) return this.#raise(id, verdict, now, entry);
    if (verdict.is === 'good' && stands && lastsMs >= verdict.clearAfterMs) return this.#clear(entry, now);
    if (verdict.is !== 'good' && stands) return this.#update(entry, verdict, now);
    return undefined;
  }

  #raise(id: string, verdict: Verdict, now: Moment, before: Entry | undefined): AlertChange | undefined {
    if (before === undefined && this.#openCount() >= openMax) return undefined;
    const isRepeat = before?.toldMs !== undefined && now.monotonicMs - before.toldMs < this.#coolDownMs;
    const { code, severity, title, text, runbook } = verdict;
    const raisedMs = Math.round(now.wallMs);
    const alert: Alert = {
      id,
      code,
      severity,
      state: 'raised',
      title,
      text,
      runbook,
      raisedMs,
      clearedMs: 0,
      times: isRepeat ? before.alert.times + 1 : 1,
      acknowledgedBy: '',
      acknowledgedMs: 0,
      mutedUntilMs: before?.alert.mutedUntilMs ?? 0,
      mutedBy: before?.alert.mutedBy ?? '',
    };
    const isTold = !isRepeat && wantsSomebody(alert, now.wallMs);
    this.#entries.set(id, { alert, isTold: isTold || isRepeat, toldMs: isTold ? now.monotonicMs : before?.toldMs });
    this.#raisedAtMs.push(raisedMs);
    return { alert, what: 'raised', isTold };
  }

  #clear(entry: Entry, now: Moment): AlertChange {
    const { alert } = entry;
    entry.alert = { ...alert, state: 'cleared', clearedMs: Math.round(now.wallMs), acknowledgedBy: '', acknowledgedMs: 0 };
    const isTold = entry.isTold && alert.mutedUntilMs <= now.wallMs;
    // The cool-down counts from when it was quiet, or something that flaps would be told again and again.
    if (entry.isTold) entry.toldMs = now.monotonicMs;
    return { alert: entry.alert, what: 'cleared', isTold };
  }

  /** While it stands its words follow; when it turns into a page, somebody is told again. */
  #update(entry: Entry, verdict: Verdict, now: Moment): AlertChange | undefined {
    const { alert } = entry;
    const { severity, title, text, runbook } = verdict;
    const worsened = alert.severity === 'ticket' && severity === 'page';
    if (worsened) {
      entry.alert = { ...alert, severity, title, text, runbook, acknowledgedBy: '', acknowledgedMs: 0 };
      const isTold = entry.alert.mutedUntilMs <= now.wallMs;
      if (isTold) Object.assign(entry, { toldMs: now.monotonicMs, isTold: true });
      return { alert: entry.alert, what: 'worsened', isTold };
    }
    // Not back to a ticket before it clears: the number may only have dipped.
    entry.alert = { ...alert, title, text, runbook };
    return undefined;
  }

  #openCount(): number {
    let count = 0;
    for (const { alert } of this.#entries.values()) if (isOpen(alert)) count++;
    return count;
  }

  #forget(now: Moment): void {
    const cleared = [...this.#entries]
      .filter(([, { alert }]) => !isOpen(alert))
      .sort((a, b) => b[1].alert.clearedMs - a[1].alert.clearedMs);
    for (const [at, [id, { alert }]] of cleared.entries()) {
      const isMuted = alert.mutedUntilMs > now.wallMs; // a mute outlives the alert
      if (!isMuted && (at >= keptMax || now.wallMs - alert.clearedMs > keptForMs)) this.#entries.delete(id);
    }
    const dayAgoMs = now.wallMs - 86_400_000;
    this.#raisedAtMs = this.#raisedAtMs.filter((atMs) => atMs >= dayAgoMs).slice(-1_000);
  }
}

const goneVerdict = (alert: Alert): Verdict => ({
  ...alert,
  subject: '',
  is: 'good',
  raiseAfterMs: 0,
  clearAfterMs: 60_000,
});

/** A topic level and a file name: nothing but letters, digits, dot, dash and underscore. */
export function idOf(code: AlertCode, subject: string): string {
  return subject === '' ? code : `${code}.${subject.replaceAll(/[^A-Za-z0-9_.-]/g, '_').slice(0, 80)}`;
}

const schemaVersion = 1;

export function bookText(book: AlertBook, pending: readonly unknown[]): string {
  return JSON.stringify({ schema: schemaVersion, alerts: book.alerts, raises: book.raises, pending });
}

/** What of a kept text can be used; nothing of one that is damaged: alerts come again by themselves. */
export function parseBook(text: string): { alerts: Alert[]; raises: number[]; pending: unknown[] } | undefined {
  try {
    const { schema, alerts, raises, pending } = JSON.parse(text) as Record<string, unknown>;
    if (schema !== schemaVersion || !Array.isArray(alerts) || !Array.isArray(raises) || !Array.isArray(pending)) return undefined;
    const good = alerts.filter(
      (found: Partial<Alert>): found is Alert => typeof found?.id === 'string' && alertCodes.some((code) => code === found.code),
    );
    return { alerts: good, raises: raises.filter((atMs) => typeof atMs === 'number'), pending };
  } catch {
    return undefined;
  }
}

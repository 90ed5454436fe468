/**
 * The alerts that stand, and those that have lately gone: raised when something was bad for long enough, cleared when it was
 * good for long enough, one per id. What was told and what is are kept apart: when a cool-down or a mute ends, what differs is
 * told then, once. Pure, on two clocks: monotonic time measures, wall time labels.
 * Limits: `keptMax` alerts that have cleared; those that stand are bounded by what there is to judge.
 */
import {
  type Alert,
  type AlertAct,
  type AlertCode,
  type AlertSeverity,
  alertCodes,
  isOpen,
  wantsSomebody,
} from '../../flow/alert_shapes.ts';
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
  /** Whether somebody is to be told: not of what is muted, or came back within the cool-down; of that later, if it stands. */
  readonly isTold: boolean;
}

interface Watch {
  is: Verdict['is'];
  sinceMs: number;
}

interface Entry {
  alert: Alert;
  /** What somebody was told last; undefined for nothing, or that it has cleared. */
  told: AlertSeverity | undefined;
  /** Of the last time that it stood, and was told or came back: what a cool-down goes by. */
  last: { readonly clearedMs: number; readonly told: AlertSeverity | undefined } | undefined;
}

/** What a restart must not forget. */
export interface KeptBook {
  readonly alerts: readonly Alert[];
  /** Wall times of raises. */
  readonly raises: readonly number[];
  /** By id, what somebody was told last. */
  readonly told: Readonly<Record<string, AlertSeverity>>;
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
  restore({ alerts, raises, told }: KeptBook, now: Moment): void {
    for (const alert of alerts.slice(0, openMax + keptMax)) {
      // A cool-down goes on: a restart is no reason to wake somebody twice. Wall clocks may have gone back meanwhile.
      const agoMs = isOpen(alert) ? 0 : Math.max(0, now.wallMs - alert.clearedMs);
      const isCooling = !isOpen(alert) || alert.times > 1;
      const last = isCooling ? { clearedMs: now.monotonicMs - agoMs, told: alert.severity } : undefined;
      this.#entries.set(alert.id, { alert, told: told[alert.id], last });
    }
    this.#raisedAtMs = [...raises];
  }

  /** For the file: raises of the last day. */
  get raises(): readonly number[] {
    return this.#raisedAtMs;
  }

  get told(): KeptBook['told'] {
    return Object.fromEntries([...this.#entries].flatMap(([id, { told }]) => (told === undefined ? [] : [[id, told]])));
  }

  /** Takes a round of verdicts in. An alert about which nothing is said any more is about something that is gone: good. */
  judge(verdicts: readonly Verdict[], now: Moment): AlertChange[] {
    const happened = new Map<string, AlertChange['what'] | undefined>();
    for (const verdict of verdicts) {
      const id = idOf(verdict.code, verdict.subject);
      if (!happened.has(id)) happened.set(id, this.#take(id, verdict, now));
    }
    const seen = new Set(happened.keys());
    for (const [id, { alert }] of this.#entries)
      if (!seen.has(id) && isOpen(alert)) happened.set(id, this.#take(id, goneVerdict(alert), now));
    const changes: AlertChange[] = [];
    for (const [id, entry] of this.#entries) {
      const owed = this.#owed(entry, now);
      if (owed !== undefined) entry.told = isOpen(entry.alert) ? entry.alert.severity : undefined;
      const what = owed ?? happened.get(id);
      if (what !== undefined) changes.push({ alert: entry.alert, what, isTold: owed !== undefined });
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

  /** What somebody is to be told now: what differs from what they were told last. */
  #owed({ alert, told, last }: Entry, now: Moment): AlertChange['what'] | undefined {
    if (alert.mutedUntilMs > now.wallMs) return undefined;
    if (!isOpen(alert)) return told === undefined ? undefined : 'cleared';
    if (!wantsSomebody(alert, now.wallMs)) return undefined;
    const isWorse = (than: AlertSeverity | undefined): boolean => alert.severity === 'page' && than === 'ticket';
    if (told !== undefined) return isWorse(told) ? 'worsened' : undefined;
    const isCooling = last !== undefined && now.monotonicMs - last.clearedMs < this.#coolDownMs;
    return isCooling && !isWorse(last.told) ? undefined : 'raised';
  }

  #take(id: string, verdict: Verdict, now: Moment): AlertChange['what'] | undefined {
    const watch = this.#watches.get(id);
    if (watch === undefined || (verdict.is !== 'between' && watch.is !== verdict.is)) {
      if (verdict.is !== 'between') this.#watches.set(id, { is: verdict.is, sinceMs: now.monotonicMs });
    } else if (verdict.is === 'between') watch.sinceMs = now.monotonicMs; // neither bad nor good without a break
    const lastsMs = now.monotonicMs - (this.#watches.get(id)?.sinceMs ?? now.monotonicMs);
    const entry = this.#entries.get(id);
    const stands = entry !== undefined && isOpen(entry.alert);
    if (verdict.is === 'bad' && !stands && lastsMs >= verdict.raiseAfterMs) return this.#raise(id, verdict, now, entry);
    if (verdict.is === 'good' && stands && lastsMs >= verdict.clearAfterMs) return this.#clear(entry, now);
    if (verdict.is !== 'good' && stands) return this.#update(entry, verdict);
    return undefined;
  }

  #raise(id: string, verdict: Verdict, now: Moment, before: Entry | undefined): AlertChange['what'] | undefined {
    if (before === undefined && this.#openCount() >= openMax) return undefined;
    const isRepeat = before?.last !== undefined && now.monotonicMs - before.last.clearedMs < this.#coolDownMs;
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
    this.#entries.set(id, { alert, told: before?.told, last: before?.last });
    this.#raisedAtMs.push(raisedMs);
    return 'raised';
  }

  #clear(entry: Entry, now: Moment): AlertChange['what'] {
    const { alert, told, last } = entry;
    entry.alert = { ...alert, state: 'cleared', clearedMs: Math.round(now.wallMs), acknowledgedBy: '', acknowledgedMs: 0 };
    // The cool-down counts from when it was quiet, or something that flaps would be told again and again.
    if (told !== undefined || alert.times > 1) entry.last = { clearedMs: now.monotonicMs, told: told ?? last?.told };
    return 'cleared';
  }

  /** While it stands its words follow; when it turns into a page, somebody is told again. */
  #update(entry: Entry, verdict: Verdict): AlertChange['what'] | undefined {
    const { alert } = entry;
    const { severity, title, text, runbook } = verdict;
    const worsened = alert.severity === 'ticket' && severity === 'page';
    // Not back to a ticket before it clears: the number may only have dipped.
    entry.alert = { ...alert, title, text, runbook };
    if (!worsened) return undefined;
    entry.alert = { ...entry.alert, severity, acknowledgedBy: '', acknowledgedMs: 0 };
    return 'worsened';
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

export function bookText({ alerts, raises, told }: AlertBook, pending: readonly unknown[]): string {
  return JSON.stringify({ schema: schemaVersion, alerts, raises, told, pending });
}

/** What of a kept text can be used; nothing of one that is damaged: alerts come again by themselves. */
export function parseBook(text: string): (KeptBook & { readonly pending: unknown[] }) | undefined {
  try {
    const { schema, alerts, raises, told, pending } = JSON.parse(text) as Record<string, unknown>;
    if (schema !== schemaVersion || !Array.isArray(alerts) || !Array.isArray(raises) || !Array.isArray(pending)) return undefined;
    const good = alerts.filter(
      (found: Partial<Alert>): found is Alert => typeof found?.id === 'string' && alertCodes.some((code) => code === found.code),
    );
    return { alerts: good, raises: raises.filter((atMs) => typeof atMs === 'number'), told: toldOf(told, good), pending };
  } catch {
    return undefined;
  }
}

/** Files of older versions do not say it: then what stands was told. */
function toldOf(found: unknown, alerts: readonly Alert[]): KeptBook['told'] {
  const isMap = typeof found === 'object' && found !== null;
  const entries = isMap ? Object.entries(found) : alerts.filter(isOpen).map(({ id, severity }) => [id, severity]);
  return Object.fromEntries(entries.filter(([, severity]) => severity === 'page' || severity === 'ticket'));
}

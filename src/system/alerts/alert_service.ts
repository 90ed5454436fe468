/**
 * Judges the box every five seconds, keeps the alerts over restarts, and tells whoever is to be told. Owned by the main event
 * loop. Writes its file only when something has changed, at most every `writeEveryMs`.
 */
import type { AlertSettings } from '../../config/schema.ts';
import type { Timer } from '../../core/clock.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import type { Service } from '../../core/lifecycle.ts';
import type { World } from '../../core/world.ts';
import { type Alert, type AlertAct, isOpen } from '../../flow/alert_shapes.ts';
import type { TextStore } from '../boot_file.ts';
import { AlertBook, type AlertChange, bookText, type Moment, parseBook } from './alert_book.ts';
import { type AlertFacts, judge, type MissedTarget } from './alert_rules.ts';
import { Webhook, type WebhookBody, type WebhookParts } from './webhook.ts';

export interface AlertServiceParts {
  readonly world: World;
  readonly settings: AlertSettings;
  readonly identity: { readonly site: string; readonly node: string };
  readonly store: TextStore;
  readonly status: () => AlertFacts['status'];
  readonly targets: () => readonly MissedTarget[];
  /** Each change, for MQTT: told or not, so that whoever subscribes sees what stands. */
  readonly onChange: (alert: Alert) => void;
  readonly post?: WebhookParts['post'];
}

const periodMs = 5_000;
const writeEveryMs = 10_000;
/** Drops are looked at over so long, in steps of a period. */
const dropsOverMs = 300_000;

export class AlertService implements Service {
  readonly name = 'alerts';
  readonly #parts: AlertServiceParts;
  readonly #book: AlertBook;
  readonly #webhooks: readonly Webhook[];
  readonly #packets: { readonly atMs: number; readonly received: number; readonly dropped: number }[] = [];
  #timers: Timer[] = [];
  #unwritten = false;
  #deliveries = 0;
  #shown: readonly Alert[] = [];

  constructor(parts: AlertServiceParts) {
    const { settings, world } = parts;
    this.#parts = parts;
    this.#book = new AlertBook(settings.coolDownS * 1_000);
    const onChange = (): void => {
      this.#unwritten = true;
    };
    const { post } = parts;
    this.#webhooks = settings.webhooks.map(
      (webhook) => new Webhook({ world, settings: webhook, onChange, ...(post === undefined ? {} : { post }) }),
    );
  }

  /** Those that stand, and the last ones that have cleared. The same list until something changes. */
  get alerts(): readonly Alert[] {
    return this.#shown;
  }

  /** Raised within the last day; null where none are raised at all. */
  get raisedLastDay(): number | null {
    if (!this.#parts.settings.enabled) return null;
    return this.#book.raisedSince(this.#parts.world.clock.wallMs() - 86_400_000);
  }

  async start(): Promise<void> {
    const { settings, world } = this.#parts;
    if (!settings.enabled) return;
    await this.#restore();
    const onError = (error: unknown): void => world.log.error('alertsFailed', { reason: messageOf(error) });
    this.#timers = [
      world.clock.every(periodMs, () => this.look(), onError),
      world.clock.every(writeEveryMs, () => this.#write(), onError),
    ];
    this.#declareMetrics();
  }

  async stop(_deadlineMs: number): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    for (const webhook of this.#webhooks) webhook.stop();
    if (this.#timers.length > 0) await this.#write();
  }

  /** One round. Public for tests. */
  look(): void {
    const { status, targets, settings } = this.#parts;
    const now = this.#now();
    const facts = { status: status(), drops: this.#drops(status().ledger, now), targets: targets() };
    this.#tell(this.#book.judge(judge(facts, settings), now));
    this.#show();
  }

  /** All alerts after it. @throws ApplianceError `usage` when there is no such alert, or nothing to acknowledge */
  act(act: AlertAct): readonly Alert[] {
    const change = this.#book.act(act, this.#now());
    if (change === undefined)
      throw new ApplianceError('usage', `there is no alert ${act.id.slice(0, 100)} that could be ${act.kind}d now`);
    this.#tell([change]);
    this.#show();
    return this.#shown;
  }

  #now(): Moment {
    const { clock } = this.#parts.world;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  #show(): void {
    const alerts = this.#book.alerts;
    if (JSON.stringify(alerts) !== JSON.stringify(this.#shown)) this.#shown = alerts;
  }

  #tell(changes: readonly AlertChange[]): void {
    const { world, onChange, identity } = this.#parts;
    for (const { alert, what, isTold } of changes) {
      const { id, severity, text } = alert;
      world.log[what === 'raised' || what === 'worsened' ? 'warn' : 'info'](
        `alert${what.charAt(0).toUpperCase()}${what.slice(1)}`,
        { id, severity, text },
      );
      onChange(alert);
      this.#unwritten = true;
      if (!isTold) continue;
      const atMs = Math.round(world.clock.wallMs());
      const delivery = `${identity.node}-${atMs}-${++this.#deliveries}`;
      for (const webhook of this.#webhooks)
        if (webhook.wants(severity)) webhook.push({ delivery, schema: 1, ...identity, atMs, what, alert });
    }
  }

  /** Lost before the meter, over the last minutes; begins anew when the meter did. */
  #drops(
    { received, droppedByKernel, droppedByNic }: AlertFacts['status']['ledger'],
    { monotonicMs }: Moment,
  ): AlertFacts['drops'] {
    const now = { atMs: monotonicMs, received: received.packets, dropped: droppedByKernel.packets + droppedByNic.packets };
    const last = this.#packets.at(-1);
    if (last !== undefined && (now.received < last.received || now.dropped < last.dropped)) this.#packets.length = 0;
    this.#packets.push(now);
    while (this.#packets.length > 1 && this.#packets[1]!.atMs <= monotonicMs - dropsOverMs) this.#packets.shift();
    const first = this.#packets[0]!;
    return { received: now.received - first.received, dropped: now.dropped - first.dropped };
  }

  async #restore(): Promise<void> {
    const { store, world } = this.#parts;
    let text: string | undefined;
    try {
      text = await store.read();
    } catch (error) {
      world.log.warn('alertsUnread', { reason: messageOf(error) }); // they come again by themselves
    }
    if (text === undefined) return;
    const kept = parseBook(text);
    if (kept === undefined) {
      world.log.warn('alertsUnread', { reason: 'the file of alerts is damaged; alerts that stand are raised again' });
      return;
    }
    this.#book.restore(kept, this.#now());
    for (const one of kept.pending as readonly { webhook?: unknown; body?: WebhookBody }[]) {
      const webhook = this.#webhooks.find(({ name }) => name === one?.webhook);
      if (typeof one?.body?.delivery === 'string' && typeof one.body.atMs === 'number') webhook?.push(one.body);
    }
    this.#show();
    // A subscriber that came meanwhile, or a broker that has forgotten: what stands is said again.
    for (const alert of this.#shown) if (isOpen(alert)) this.#parts.onChange(alert);
  }

  async #write(): Promise<void> {
    if (!this.#unwritten) return;
    this.#unwritten = false;
    const pending = this.#webhooks.flatMap((webhook) => webhook.waiting.map((body) => ({ webhook: webhook.name, body })));
    try {
      await this.#parts.store.replace(bookText(this.#book, pending));
    } catch (error) {
      this.#unwritten = true;
      this.#parts.world.log.warn('alertsUnwritten', { reason: messageOf(error) });
    }
  }

  #declareMetrics(): void {
    const { metrics } = this.#parts.world;
    const open = (): readonly Alert[] => this.#shown.filter(isOpen);
    metrics.gauge(
      'alert',
      'Alerts about the box that stand: 1 each',
      () =>
        open().map(({ id, severity, acknowledgedBy }) => ({
          labels: { id, severity, acknowledged: String(acknowledgedBy !== '') },
          value: 1,
        })),
      ['id', 'severity', 'acknowledged'],
    );
    metrics.gauge('alerts_raised_last_day', 'Alerts raised in the last 24 hours', () => this.raisedLastDay ?? 0);
    metrics.gauge(
      'webhook_messages',
      'Alerts posted to webhooks, by outcome',
      () =>
        this.#webhooks.flatMap((webhook) =>
          Object.entries(webhook.figures).map(([outcome, value]) => ({ labels: { webhook: webhook.name, outcome }, value })),
        ),
      ['webhook', 'outcome'],
    );
  }
}

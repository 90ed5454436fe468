/** Alerts about the box: what stands, what to do, who looks after it; and what has lately cleared. */
import { useState } from 'preact/hooks';
import { type Alert, isOpen } from '../../../flow/alert_shapes.ts';
import { duration, exactTime, moment } from '../format.ts';
import { type Deed, useDeed, useSession } from '../use_session.ts';
import { Badge, Card, Empty } from './controls.tsx';

const muteChoices = [
  { hours: 1, name: '1 hour' },
  { hours: 8, name: '8 hours' },
  { hours: 24, name: '1 day' },
  { hours: 168, name: '1 week' },
] as const;
const clearedShown = 5;

export function Alerts({ alerts, nowMs }: { alerts: readonly Alert[]; nowMs: number }) {
  const session = useSession();
  const deed = useDeed();
  const [all, setAll] = useState(false);
  const mayAct = session.answer.role !== 'viewer' && session.answer.role !== undefined;
  const open = alerts.filter(isOpen);
  const cleared = alerts.filter((alert) => !isOpen(alert));
  const pages = open.filter(({ severity }) => severity === 'page').length;
  const note =
    open.length === 0
      ? 'none stands'
      : `${open.length} stand${open.length === 1 ? 's' : ''}${pages === 0 ? '' : `, ${pages} to look at now`}`;
  return (
    <Card title="Alerts" note={note} class="alerts">
      <div role="alert">{deed.trouble !== '' && <p class="trouble">{deed.trouble}</p>}</div>
      {alerts.length === 0 && (
        <Empty title="Nothing has been wrong lately">Alerts about this box come here, to MQTT and to webhooks.</Empty>
      )}
      <ul class="plain-list">
        {open.map((alert) => (
          <Standing key={alert.id} alert={alert} nowMs={nowMs} deed={mayAct ? deed : undefined} />
        ))}
        {(all ? cleared : cleared.slice(0, clearedShown)).map((alert) => (
          <li key={alert.id} class="line-between small">
            <span>
              <span class="quiet">{alert.title}</span> <Times alert={alert} />
            </span>
            <span class="faint" title={exactTime(alert.clearedMs)}>
              cleared {moment(alert.clearedMs, nowMs)} after {duration(Math.max(0, alert.clearedMs - alert.raisedMs))}
            </span>
          </li>
        ))}
      </ul>
      {cleared.length > clearedShown && (
        <p class="rest">
          <span />
          <button type="button" class="link" onClick={() => setAll(!all)}>
            {all ? 'Show fewer' : `Show ${cleared.length} that have cleared`}
          </button>
        </p>
      )}
    </Card>
  );
}

const Times = ({ alert }: { alert: Alert }) => (alert.times > 1 ? <span class="tag">{alert.times} times</span> : null);

function Standing({ alert, nowMs, deed }: { alert: Alert; nowMs: number; deed: Deed | undefined }) {
  const { title, text, runbook, severity, raisedMs, acknowledgedBy, acknowledgedMs, mutedUntilMs, mutedBy } = alert;
  const isMuted = mutedUntilMs > nowMs;
  return (
    <li class={`alert-item ${isMuted || acknowledgedBy !== '' ? 'tended' : ''}`}>
      <div class="line-between">
        <h3>
          {title} <Times alert={alert} />
        </h3>
        <span class="line-actions">
          <Badge tone={severity === 'page' ? 'bad' : 'warn'}>{severity === 'page' ? 'Now' : 'Ticket'}</Badge>
          <span class="faint small" title={exactTime(raisedMs)}>
            for {duration(Math.max(0, nowMs - raisedMs))}
          </span>
        </span>
      </div>
      <p class="quiet">{text}</p>
      <p class="alert-runbook small">
        <span class="said">What to do: </span>
        {runbook}
      </p>
      {acknowledgedBy !== '' && (
        <p class="small">
          {acknowledgedBy} looks after it since {moment(acknowledgedMs, nowMs)}
        </p>
      )}
      {isMuted && (
        <p class="small">
          Muted by {mutedBy} until {moment(mutedUntilMs, nowMs)}: nobody is told
        </p>
      )}
      {deed !== undefined && <Deeds alert={alert} isMuted={isMuted} deed={deed} />}
    </li>
  );
}

function Deeds({ alert, isMuted, deed }: { alert: Alert; isMuted: boolean; deed: Deed }) {
  const session = useSession();
  const path = `/api/v1/alerts/${encodeURIComponent(alert.id)}`;
  const change = (method: 'POST' | 'DELETE', end: string, body?: object): void => {
    void deed.run(() => session.change(method, `${path}/${end}`, body));
  };
  return (
    <p class="alert-deeds">
      {alert.acknowledgedBy === '' && (
        <button
          type="button"
          class="button"
          disabled={deed.busy}
          onClick={() => change('POST', 'acknowledge')}
          aria-label={`I look after it: ${alert.title}`}
        >
          I look after it
        </button>
      )}
      {isMuted ? (
        <button
          type="button"
          class="button"
          disabled={deed.busy}
          onClick={() => change('DELETE', 'mute')}
          aria-label={`Unmute: ${alert.title}`}
        >
          Unmute
        </button>
      ) : (
        <span class="line-actions">
          <select
            aria-label={`Mute: ${alert.title}`}
            disabled={deed.busy}
            value=""
            onChange={(event) => {
              const hours = Number(event.currentTarget.value);
              event.currentTarget.value = '';
              change('POST', 'mute', { hours });
            }}
          >
            <option value="" disabled>
              Mute for …
            </option>
            {muteChoices.map(({ hours, name }) => (
              <option key={hours} value={hours}>
                {name}
              </option>
            ))}
          </select>
        </span>
      )}
    </p>
  );
}

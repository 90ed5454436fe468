/** On call: is it working? What needs attention first, then uplinks, ports, stores, the box, and what happened. */
import type { BoxStatus } from '../../../flow/status_shapes.ts';
import { type Attention, attentionOf } from '../attention.ts';
import { duration } from '../format.ts';
import { useBox } from '../live/use_box.ts';
import { Alerts } from '../parts/alerts.tsx';
import { ToneIcon } from '../parts/controls.tsx';
import { Events } from '../parts/events.tsx';
import { Figures } from '../parts/figures.tsx';
import { HostCard } from '../parts/host.tsx';
import { GoodIcon } from '../parts/icons.tsx';
import { Mirror } from '../parts/mirror.tsx';
import { NotConfigured } from '../parts/not_configured.tsx';
import { Interfaces, Stores } from '../parts/places.tsx';
import { Updates } from '../parts/updates.tsx';
import { Uplinks } from '../parts/uplinks.tsx';

export function OnCall() {
  const box = useBox();
  const { status, seconds } = box;
  if (status === undefined) return <h1 class="said">On call</h1>;
  const attention = attentionOf(status, seconds);
  return (
    <>
      <h1 class="said">On call</h1>
      <Verdict attention={attention} status={status} />
      {status.alerts.length > 0 && <Alerts alerts={status.alerts} nowMs={status.nowMs} />}
      {status.notConfigured.length > 0 && (
        <NotConfigured lines={status.notConfigured} isBox={status.updates.state !== 'unavailable'} />
      )}
      {(status.uplinks.length > 0 || status.notConfigured.length === 0) && (
        <Uplinks uplinks={status.uplinks} nowMs={status.nowMs} />
      )}
      <div class="grid pair-grid">
        <div class="stack">
          <HostCard host={status.host} />
          <Interfaces meter={status.meter} />
          <Mirror mirror={status.mirror} nowMs={status.nowMs} />
        </div>
        <div class="stack">
          <Stores stores={status.stores} />
          {status.updates.state !== 'unavailable' && <Updates updates={status.updates} nowMs={status.nowMs} />}
          <Events events={status.events} nowMs={status.nowMs} />
        </div>
      </div>
      {status.figures.length > 0 && <Figures figures={status.figures} />}
    </>
  );
}

function Verdict({ attention, status }: { attention: readonly Attention[]; status: BoxStatus }) {
  if (attention.length === 0) {
    return (
      <section class="verdict good" aria-labelledby="verdict">
        <span class="tone good">
          <GoodIcon />
        </span>
        <div>
          <h2 id="verdict">Everything works</h2>
          <p class="quiet">
            Running for {duration(status.nowMs - status.startedMs)};{' '}
            {status.uplinks.length === 0 ? 'no uplink is set yet' : 'every uplink is up'} and every store is open.
          </p>
        </div>
      </section>
    );
  }
  return (
    <section class="card attention" aria-labelledby="verdict">
      <h2 id="verdict">{attention.length === 1 ? 'One thing needs attention' : `${attention.length} things need attention`}</h2>
      <ul>
        {attention.map(({ key, level, title, text }) => (
          <li key={key} class="attention-item">
            <span class={`tone ${level}`}>
              <ToneIcon tone={level} />
            </span>
            <div>
              <h3>
                <span class="said">{level === 'bad' ? 'Trouble: ' : 'Warning: '}</span>
                {title}
              </h3>
              <p class="quiet">{text}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

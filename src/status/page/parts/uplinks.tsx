/** Where records and summaries go: state, backlog, what the acknowledgement is worth, and why it does not work. */
import type { CatchUpStatus, UplinkState, UplinkStatus } from '../../../flow/status_shapes.ts';
import { uplinkHealth } from '../attention.ts';
import { bitRate, bytes, count, duration, exactTime, moment, shortCount } from '../format.ts';
import { Badge, Card, Empty } from './controls.tsx';

const stateNames: Readonly<Record<UplinkState, string>> = {
  connecting: 'Connecting',
  up: 'Up',
  waiting: 'Down',
  refused: 'Refused',
  stopped: 'Stopped',
};

const kindNames: Readonly<Record<UplinkStatus['kind'], string>> = { ipfix: 'IPFIX', netflow: 'NetFlow', mqtt: 'MQTT' };

export function Uplinks({ uplinks, nowMs }: { uplinks: readonly UplinkStatus[]; nowMs: number }) {
  const up = uplinks.filter(({ state }) => state === 'up').length;
  return (
    <Card title="Uplinks" note={uplinks.length === 0 ? undefined : `${up} of ${uplinks.length} up`} class="uplinks">
      {uplinks.length === 0 ? (
        <Empty title="No uplink is set">
          Flow records and summaries stay in this box. Add a collector under <code>export.destinations</code> or a broker under{' '}
          <code>mqtt.brokers</code>.
        </Empty>
      ) : (
        <ul class="uplink-list">
          {uplinks.map((uplink) => (
            <Uplink key={`${uplink.kind} ${uplink.name}`} uplink={uplink} nowMs={nowMs} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Uplink({ uplink, nowMs }: { uplink: UplinkStatus; nowMs: number }) {
  const { name, kind, address, state, sinceMs, reason, proof, retryAtMs } = uplink;
  const {
    backlogRecords,
    backlogOctets,
    backlogAgeMs,
    catchUp,
    acknowledgedRecords,
    droppedRecords,
    latencyP50Ms,
    latencyP99Ms,
  } = uplink;
  const health = uplinkHealth(uplink);
  const unit = kind === 'mqtt' ? 'messages' : 'records';
  return (
    <li class={`uplink ${health}`}>
      <div class="uplink-who">
        <h3>
          {name} <span class="tag">{kindNames[kind]}</span>
        </h3>
        <p class="faint small mono wrap">{address}</p>
      </div>
      <div class="uplink-state">
        <Badge tone={health}>{stateNames[state]}</Badge>
        <span class="small quiet" title={exactTime(sinceMs)}>
          for {duration(nowMs - sinceMs)}
        </span>
      </div>
      <dl class="uplink-figures">
        <div>
          <dt>Waiting</dt>
          <dd>
            {backlogRecords === 0 ? 'nothing' : `${shortCount(backlogRecords)} ${unit}`}
            {backlogRecords > 0 && (
              <span class="faint small">
                {' '}
                {bytes(backlogOctets)}, oldest {duration(backlogAgeMs)}
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>Acknowledged</dt>
          <dd title={`${count(acknowledgedRecords)} ${unit}`}>
            {shortCount(acknowledgedRecords)} <span class="faint small">{proof}</span>
          </dd>
        </div>
        <div>
          <dt>Dropped</dt>
          <dd class={droppedRecords > 0 ? 'bad-text' : ''}>{count(droppedRecords)}</dd>
        </div>
        {latencyP50Ms !== null && latencyP99Ms !== null && (
          <div>
            <dt title="From a flow’s end until its record was sent, of live records lately">Flow’s end to sent</dt>
            <dd>
              {duration(latencyP50Ms)} <span class="faint small">99 of 100 within {duration(latencyP99Ms)}</span>
            </dd>
          </div>
        )}
      </dl>
      {catchUp !== null && <CatchUp catchUp={catchUp} nowMs={nowMs} />}
      {(reason !== '' || retryAtMs > 0) && (
        <p class="uplink-reason">
          {reason}
          {retryAtMs > 0 && (
            <span class="faint">
              {' '}
              Next attempt {retryAtMs > nowMs ? `in ${duration(retryAtMs - nowMs)}` : 'now'}
              <span class="said"> at {moment(retryAtMs, nowMs)}</span>.
            </span>
          )}
        </p>
      )}
    </li>
  );
}

/** Records of an outage, on their way behind the live ones: how far, how fast, until when. */
function CatchUp({ catchUp, nowMs }: { catchUp: CatchUpStatus; nowMs: number }) {
  const { state, recordsLeft, recordsDone, recordsPerSecond, remainingMs, bitsPerSecondMax, observationDomainId } = catchUp;
  const all = recordsLeft + recordsDone;
  return (
    <div class="uplink-catch-up">
      <p>
        {state === 'sending' ? 'Catching up' : 'To be caught up'}:{' '}
        <strong title={count(recordsLeft)}>{shortCount(recordsLeft)}</strong> records left
        {recordsDone > 0 && ` of ${shortCount(all)}`}
        {remainingMs !== null && (
          <span title={exactTime(nowMs + remainingMs)}>
            , about {duration(remainingMs)} at {shortCount(recordsPerSecond)} a second
          </span>
        )}
        .
      </p>
      {state === 'sending' && <progress max={all} value={recordsDone} aria-label="Caught up" />}
      <p class="faint small">
        Behind the live records, in observation domain {observationDomainId}, at most {bitRate(bitsPerSecondMax)}.
      </p>
    </div>
  );
}

/** Slots of a box of the image, what is done about new versions, what became of the last; for admins, a bundle to upload and confirm. */
import { useState } from 'preact/hooks';
import {
  bundleOctetsMax,
  outcomeWords,
  type SlotStatus,
  type UpdateRecord,
  type UpdateState,
  type UpdateStatus,
} from '../../../flow/update_shapes.ts';
import { bytes, exactTime, moment, percent } from '../format.ts';
import { uploadBundle } from '../upload.ts';
import { useDeed, useSession } from '../use_session.ts';
import { Badge, Card, Gauge, type Tone } from './controls.tsx';

const stateWords: Readonly<Record<UpdateState, string>> = {
  unavailable: 'Not here',
  idle: 'Nothing to do',
  checking: 'Looking',
  waiting: 'Waiting',
  downloading: 'Fetching',
  uploading: 'Uploading',
  examining: 'Checking the signature',
  toConfirm: 'To be confirmed',
  installing: 'Installing',
  restarting: 'Restarting',
};
const slotTones: Readonly<Record<SlotStatus['state'], Tone>> = { good: 'good', onTrial: 'warn', next: 'warn', left: 'info' };
const slotWords: Readonly<Record<SlotStatus['state'], string>> = {
  good: 'Good',
  onTrial: 'On trial',
  next: 'Tried next',
  left: 'Not startable',
};
const pastShown = 5;

export function Updates({ updates, nowMs }: { updates: UpdateStatus; nowMs: number }) {
  const { state, reason, slots, offered, isFetching, checkedMs, checkFault, past } = updates;
  const { answer } = useSession();
  const note = isFetching ? `folder asked ${checkedMs === 0 ? 'never yet' : moment(checkedMs, nowMs)}` : undefined;
  return (
    <Card title="Updates" note={note} class="updates">
      <ul class="plain-list">
        {slots.map(({ name, version, isRunning, state: slotState }) => (
          <li key={name} class="line-between">
            <span>
              Slot {name} <strong>{version || 'empty'}</strong> {isRunning && <span class="tag">runs</span>}
            </span>
            <Badge tone={slotTones[slotState]}>{slotWords[slotState]}</Badge>
          </li>
        ))}
      </ul>
      <p>
        <strong>{stateWords[state]}</strong>
        {offered !== null && offered.version !== '' && ` version ${offered.version} (${bytes(offered.octets)})`}
        {reason !== '' && <span class="quiet">: {reason}</span>}
      </p>
      {state === 'downloading' && offered !== null && (
        <Gauge part={offered.doneOctets / offered.octets} label={`Fetched ${percent(offered.doneOctets, offered.octets)}`} />
      )}
      {checkFault !== '' && <p class="trouble">{checkFault}</p>}
      {answer.role === 'admin' && <Upload updates={updates} />}
      <Past past={past} nowMs={nowMs} />
    </Card>
  );
}

function Past({ past, nowMs }: { past: readonly UpdateRecord[]; nowMs: number }) {
  if (past.length === 0) return null;
  return (
    <>
      <h3>What became of the last</h3>
      <ul class="plain-list">
        {past.slice(0, pastShown).map(({ atMs, version, source, outcome, reason }) => (
          <li key={`${atMs} ${outcome}`} class="small">
            <strong>{version}</strong> <span class="faint">from the {source}</span> {outcomeWords[outcome]}
            <span class="faint" title={exactTime(atMs)}>
              , {moment(atMs, nowMs)}
            </span>
            {reason !== '' && <span class="quiet">: {reason}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

const takes: readonly UpdateState[] = ['idle', 'waiting', 'checking', 'downloading'];

/** What an admin may do now; the box has the last word. */
function Upload({ updates: { state, offered, isFetching } }: { updates: UpdateStatus }) {
  const session = useSession();
  const deed = useDeed();
  const [file, setFile] = useState<File>();
  const [doneOctets, setDoneOctets] = useState<number>();
  const send = async (bundle: File): Promise<void> => {
    await deed.run(() => uploadBundle(session, bundle, setDoneOctets));
    setDoneOctets(undefined);
    setFile(undefined);
  };
  const change = (method: 'POST' | 'DELETE', path: string, body?: object) =>
    void deed.run(() => session.change(method, `/api/v1/updates/${path}`, body));
  return (
    <div class="form">
      <div role="alert">{deed.trouble !== '' && <p class="trouble">{deed.trouble}</p>}</div>
      {doneOctets !== undefined && file !== undefined && (
        <Gauge part={doneOctets / file.size} label={`Uploaded ${percent(doneOctets, file.size)}`} />
      )}
      {state === 'toConfirm' && offered !== null && (
        <p class="form-end">
          <button
            type="button"
            class="button"
            disabled={deed.busy}
            onClick={() => change('POST', 'install', { version: offered.version })}
          >
            Install {offered.version} and restart
          </button>
          <button type="button" class="button" disabled={deed.busy} onClick={() => change('DELETE', 'upload')}>
            Discard
          </button>
        </p>
      )}
      {state === 'uploading' && !deed.busy && (
        <p class="form-end">
          <span class="quiet">An upload has begun and is not going on here. </span>
          <button type="button" class="button" onClick={() => change('DELETE', 'upload')}>
            Discard
          </button>
        </p>
      )}
      {takes.includes(state) && (
        <form
          class="line-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (file !== undefined) void send(file);
          }}
        >
          <div class="field">
            <label for="bundle">Bundle (.raucb, at most {bytes(bundleOctetsMax)})</label>
            <input id="bundle" type="file" accept=".raucb" onChange={(event) => setFile(event.currentTarget.files?.[0])} />
          </div>
          <p class="form-end">
            <button type="submit" class="button" disabled={deed.busy || file === undefined}>
              Upload
            </button>
            {isFetching && (
              <button type="button" class="button" disabled={deed.busy} onClick={() => change('POST', 'check')}>
                Look into the folder now
              </button>
            )}
          </p>
        </form>
      )}
    </div>
  );
}

/** Access: one's own session and password; for admins users, tokens and what was done. Loaded when first looked at. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type AuditEntry, type Role, roles, roleWords, type TokenEntry, type UserEntry } from '../../../flow/access_shapes.ts';
import { ask } from '../api.ts';
import { wallMs } from '../browser_clock.ts';
import { duration, exactTime, moment } from '../format.ts';
import { Card, Empty } from '../parts/controls.tsx';
import { Snippet } from '../parts/copyable.tsx';
import { Choice, Field } from '../parts/field.tsx';
import { Fact } from '../parts/places.tsx';
import { useAnswer } from '../use_answer.ts';
import { type Deed, useDeed, useSession } from '../use_session.ts';

const listPeriodMs = 15_000;
const roleOptions = roles.map((value) => ({ value, name: value }));

export function AccessView() {
  const { answer } = useSession();
  return (
    <>
      <h1 class="said">Access</h1>
      {answer.state === 'open' ? (
        <Card title="Access">
          <Empty title="Nobody signs in here">
            This page is open to whoever reaches it. A first user, made on the box with <code>flowspan user add NAME</code>,
            closes it.
          </Empty>
        </Card>
      ) : (
        <div class="grid pair-grid">
          <div class="stack">
            <Own />
            {answer.role === 'admin' && <Settings />}
            {answer.role === 'admin' && <Tokens />}
          </div>
          <div class="stack">
            {answer.role === 'admin' && <Users />}
            {answer.role === 'admin' && <Audit />}
          </div>
        </div>
      )}
    </>
  );
}

function Settings() {
  return (
    <Card title="Settings of this box">
      <p class="quiet">Site, ports, address, collector, broker, time servers and updates: checked, shown, applied.</p>
      <p class="form-end">
        <a class="button" href="#set-up">
          Change settings
        </a>
      </p>
    </Card>
  );
}

function Trouble({ deed }: { deed: Deed }) {
  return <div role="alert">{deed.trouble !== '' && <p class="trouble">{deed.trouble}</p>}</div>;
}

/** Fields in a line, and the button that does what the title says. */
function LineForm(props: {
  title: string;
  verb: string;
  deed: Deed;
  onSubmit: () => Promise<void>;
  /** Said beside the button once it is done. */
  done?: string | false;
  children: ComponentChildren;
}) {
  return (
    <form
      class="form line-form"
      onSubmit={(event) => {
        event.preventDefault();
        void props.onSubmit();
      }}
    >
      <h3>{props.title}</h3>
      {props.children}
      <p class="form-end">
        <button type="submit" class="button" disabled={props.deed.busy}>
          {props.verb}
        </button>
        {props.done !== undefined && (
          <span class="quiet small" role="status">
            {props.done}
          </span>
        )}
      </p>
    </form>
  );
}

function Own() {
  const session = useSession();
  const deed = useDeed();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [done, setDone] = useState(false);
  const { name, role, idleMs } = session.answer;
  const change = async (): Promise<void> => {
    setDone(await deed.run(() => session.change('POST', '/api/v1/password', { current, next })));
    setCurrent('');
    setNext('');
  };
  const signOut = (
    <button type="button" class="button" disabled={deed.busy} onClick={() => void deed.run(() => session.signOut())}>
      Sign out
    </button>
  );
  return (
    <Card title="You" actions={signOut}>
      <dl class="facts">
        <Fact name="Name" value={name ?? ''} />
        <Fact name="Role" value={role === undefined ? '' : `${role}: ${roleWords[role]}`} />
        <Fact name="Signed out after" value={`${duration(idleMs ?? 0)} without a move`} />
      </dl>
      <LineForm
        title="Change your password"
        verb="Change"
        deed={deed}
        onSubmit={change}
        done={done && 'Changed. Your other sessions have ended.'}
      >
        <Trouble deed={deed} />
        <input type="text" class="said" autocomplete="username" value={name} readOnly tabIndex={-1} aria-label="Your name" />
        <Field label="Password now" type="password" value={current} onInput={setCurrent} autocomplete="current-password" />
        <Field label="New password" type="password" value={next} onInput={setNext} autocomplete="new-password" />
      </LineForm>
    </Card>
  );
}

/** A list that the box keeps, asked for again after each change. */
function useList<T>(path: string): { readonly list: T | undefined; readonly trouble: string; readonly again: () => void } {
  const [turn, setTurn] = useState(0);
  const { value, trouble } = useAnswer<T>(`${path} ${turn}`, (signal) => ask<T>(path, signal), listPeriodMs);
  return { list: value, trouble, again: () => setTurn((n) => n + 1) };
}

function Users() {
  const session = useSession();
  const deed = useDeed();
  const { list, trouble, again } = useList<{ users: UserEntry[] }>('/api/v1/users');
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [password, setPassword] = useState('');
  const change = async (method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<boolean> => {
    const done = await deed.run(() => session.change(method, path, body));
    again();
    return done;
  };
  const add = async (): Promise<void> => {
    if (!(await change('POST', '/api/v1/users', { name, role, password }))) return;
    setName('');
    setPassword('');
  };
  return (
    <Card title="Users" note={list === undefined ? undefined : `${list.users.length}`}>
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      <Trouble deed={deed} />
      <ul class="plain-list">
        {(list?.users ?? []).map((user) => (
          <li key={user.name} class="line-between">
            <span>
              <strong>{user.name}</strong> <span class="faint small">since {moment(user.createdMs, wallMs())}</span>
            </span>
            <span class="line-actions">
              <select
                aria-label={`Role of ${user.name}`}
                value={user.role}
                disabled={deed.busy}
                onChange={(event) => void change('PATCH', `/api/v1/users/${user.name}`, { role: event.currentTarget.value })}
              >
                {roles.map((one) => (
                  <option key={one} value={one}>
                    {one}
                  </option>
                ))}
              </select>
              <Sure label="Remove" what={user.name} onSure={() => void change('DELETE', `/api/v1/users/${user.name}`)} />
            </span>
          </li>
        ))}
      </ul>
      <LineForm title="Add a user" verb="Add" deed={deed} onSubmit={add}>
        <Field label="Name" value={name} onInput={setName} />
        <Choice label="Role" value={role} options={roleOptions} onChange={setRole} />
        <p class="small quiet">
          A {role} {roleWords[role]}.
        </p>
        <Field label="First password" type="password" value={password} onInput={setPassword} autocomplete="new-password" />
      </LineForm>
    </Card>
  );
}

function Tokens() {
  const session = useSession();
  const deed = useDeed();
  const { list, trouble, again } = useList<{ tokens: TokenEntry[] }>('/api/v1/tokens');
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [days, setDays] = useState('365');
  const [made, setMade] = useState('');
  const make = async (): Promise<void> => {
    await deed.run(async () => {
      const { token } = await session.change<{ token: string }>('POST', '/api/v1/tokens', { name, role, days: Number(days) });
      setMade(token);
      setName('');
    });
    again();
  };
  const revoke = async (id: string): Promise<void> => {
    await deed.run(() => session.change('DELETE', `/api/v1/tokens/${id}`));
    again();
  };
  return (
    <Card title="Tokens" note="for programs that use the API or /metrics">
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      <Trouble deed={deed} />
      {made !== '' && (
        <div class="made" role="status">
          <p>The token, shown only this once:</p>
          <Snippet text={made} label="the token" />
        </div>
      )}
      {list?.tokens.length === 0 && <p class="quiet">There are none yet.</p>}
      <ul class="plain-list">
        {(list?.tokens ?? []).map((token) => (
          <li key={token.id} class="line-between">
            <span>
              <strong>{token.name}</strong> <span class="tag">{token.role}</span>
              <span class="faint small">
                {' '}
                by {token.createdBy}, {token.expiresMs === 0 ? 'until revoked' : `until ${exactTime(token.expiresMs)}`}
              </span>
            </span>
            <Sure label="Revoke" what={token.name} onSure={() => void revoke(token.id)} />
          </li>
        ))}
      </ul>
      <LineForm title="Make a token" verb="Make" deed={deed} onSubmit={make}>
        <Field label="What it is for" value={name} onInput={setName} />
        <Choice label="Role" value={role} options={roleOptions} onChange={setRole} />
        <Field label="Good for, days" type="number" value={days} onInput={setDays} hint="0: until it is revoked" />
      </LineForm>
    </Card>
  );
}

const auditRows = 12;
const outcomeWords: Readonly<Record<Exclude<AuditEntry['outcome'], 'done'>, string>> = {
  failed: 'refused',
  limited: 'too many tries',
  unanswered: 'not answered in time: it may have been done',
};

function Audit() {
  const { list, trouble } = useList<{ entries: AuditEntry[] }>('/api/v1/audit');
  const [all, setAll] = useState(false);
  const entries = list?.entries ?? [];
  return (
    <Card title="What was done">
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      <ol class="plain-list">
        {(all ? entries : entries.slice(0, auditRows)).map((entry, at) => (
          <li key={`${entry.atMs} ${at}`} class="line-between small">
            <span>
              <strong>{entry.who === '' ? 'somebody' : entry.who}</strong> {words(entry.action)} {entry.what}
              {entry.outcome !== 'done' && <span class="bad-text"> {outcomeWords[entry.outcome]}</span>}
            </span>
            <span class="faint" title={exactTime(entry.atMs)}>
              {entry.from === '' ? '' : `${entry.from}, `}
              {moment(entry.atMs, wallMs())}
            </span>
          </li>
        ))}
      </ol>
      {entries.length > auditRows && (
        <p class="rest">
          <span />
          <button type="button" class="link" onClick={() => setAll(!all)}>
            {all ? 'Show fewer' : `Show all ${entries.length}`}
          </button>
        </p>
      )}
    </Card>
  );
}

/** `userAdded` → `user added`. */
const words = (action: string): string => action.replaceAll(/([A-Z])/g, ' $1').toLowerCase();

/** Asks once more before something is gone; a click elsewhere, or leaving it, takes it back. */
function Sure({ label, what, onSure }: { label: string; what: string; onSure: () => void }) {
  const [asked, setAsked] = useState(false);
  useEffect(() => setAsked(false), [what]);
  return (
    <button
      type="button"
      class={`button ${asked ? 'danger' : ''}`}
      aria-label={asked ? `${label} ${what}: really` : `${label} ${what}`}
      onBlur={() => setAsked(false)}
      onClick={() => {
        if (asked) onSure();
        setAsked(!asked);
      }}
    >
      {asked ? 'Really?' : label}
    </button>
  );
}

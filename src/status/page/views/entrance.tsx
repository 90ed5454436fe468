/** Before anything is shown: sign in, or, on a new box, make the first admin with the code from its console. */
import { useState } from 'preact/hooks';
import { passwordLengthMin } from '../../../flow/access_shapes.ts';
import type { BoxStatus } from '../../../flow/status_shapes.ts';
import { ask, BoxRefused, BoxUnreachable } from '../api.ts';
import { Field } from '../parts/field.tsx';
import { Mark } from '../parts/icons.tsx';
import { useDeed, useSession } from '../use_session.ts';

export function Entrance() {
  const session = useSession();
  return (
    <main id="main" class="entrance">
      <div class="entrance-in">
        <p class="entrance-brand">
          <Mark />
          <strong>flowspan</strong>
        </p>
        {session.answer.state === 'setUp' ? <SetUp /> : <SignIn />}
      </div>
    </main>
  );
}

function SignIn() {
  const session = useSession();
  const deed = useDeed();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault();
        void deed.run(() => session.signIn(name, password)).then((done) => done || setPassword(''));
      }}
    >
      <h1>Sign in</h1>
      {session.notice !== '' && deed.trouble === '' && (
        <p class="quiet" role="status">
          {session.notice}
        </p>
      )}
      <Trouble text={deed.trouble} />
      <Field label="Name" value={name} onInput={setName} autocomplete="username" autofocus />
      <Field label="Password" type="password" value={password} onInput={setPassword} autocomplete="current-password" />
      <button type="submit" class="button primary" disabled={deed.busy}>
        {deed.busy ? 'Signing in' : 'Sign in'}
      </button>
      <details class="small quiet">
        <summary>Nobody remembers a password?</summary>
        <p>
          On the box: <code>flowspan user password NAME</code>
        </p>
      </details>
    </form>
  );
}

function SetUp() {
  const session = useSession();
  const deed = useDeed();
  const [code, setCode] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const differs = again !== '' && again !== password;
  return (
    <form
      class="card form"
      onSubmit={(event) => {
        event.preventDefault();
        if (again !== password) return;
        void deed.run(async () => {
          await session.setUp(code, name, password);
          await goSetUp();
        });
      }}
    >
      <h1>Set up this box</h1>
      <p class="quiet">Nobody has a user here yet. The set-up code stands on the box’s console and in its log.</p>
      <Trouble text={deed.trouble} />
      <Field label="Set-up code" value={code} onInput={setCode} autocomplete="off" placeholder="XXXX-XXXX-XXXX" mono autofocus />
      <Field
        label="Your name"
        value={name}
        onInput={setName}
        autocomplete="username"
        hint="Small letters and digits, as you will sign in"
      />
      <Field
        label="New password"
        type="password"
        value={password}
        onInput={setPassword}
        autocomplete="new-password"
        hint={`At least ${passwordLengthMin} characters; a few words are easiest`}
      />
      <Field
        label="Password again"
        type="password"
        value={again}
        onInput={setAgain}
        autocomplete="new-password"
        fault={differs ? 'Not the same yet' : ''}
      />
      <button type="submit" class="button primary" disabled={deed.busy}>
        {deed.busy ? 'Setting up' : 'Make the first admin'}
      </button>
    </form>
  );
}

/** A box without settings is walked through them; one that was provisioned shows what it sees. */
async function goSetUp(): Promise<void> {
  try {
    const { notConfigured } = await ask<BoxStatus>('/api/v1/status');
    const lacks = (topic: string): boolean => notConfigured.some((line) => line.startsWith(`${topic}:`));
    if (['Site', 'Flow records', 'Summaries'].every(lacks)) location.hash = '#set-up';
  } catch (error) {
    // The box is busy: On call says what is missing.
    if (!(error instanceof BoxRefused || error instanceof BoxUnreachable)) throw error;
  }
}

function Trouble({ text }: { text: string }) {
  return <div role="alert">{text !== '' && <p class="trouble">{text}</p>}</div>;
}

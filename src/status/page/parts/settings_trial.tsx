/**
 * Settings on trial: an admin who sees this has reached the page, which is what the trial is about. So the box is told to keep them, and
 * whoever looks is told. Nothing for others.
 */
import { useEffect, useState } from 'preact/hooks';
import type { SetUpState } from '../../../flow/set_up_shapes.ts';
import { ask, BoxRefused, BoxUnreachable } from '../api.ts';
import { useAnswer } from '../use_answer.ts';
import { useSession } from '../use_session.ts';

const path = '/api/v1/settings';
const askEveryMs = 5_000;

export function SettingsTrial() {
  const session = useSession();
  const isAdmin = session.answer.state === 'signedIn' && session.answer.role === 'admin';
  const { value } = useAnswer<SetUpState>(isAdmin ? `${path}/state` : '', (signal) => ask(`${path}/state`, signal), askEveryMs);
  const [kept, setKept] = useState('');
  const who = value?.trial?.who;
  useEffect(() => {
    if (who === undefined) return;
    session.change('POST', `${path}/keep`).then(
      () => setKept(who),
      (error: unknown) => {
        // Somebody else was faster, or it is asked for again with the next answer.
        if (!(error instanceof BoxRefused || error instanceof BoxUnreachable)) throw error;
      },
    );
  }, [value?.trial]);
  if (kept === '' || who !== undefined) return null;
  return (
    <p class="banner good" role="status">
      <span>
        <strong>The settings of {kept} are kept:</strong> you have reached the box with them.{' '}
        <a href="#set-up">Settings of this box</a>
      </span>
    </p>
  );
}

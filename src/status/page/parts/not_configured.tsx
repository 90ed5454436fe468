/** What the box still needs: each with why, and the lines to add to its settings; for a new box of the image the way from here to a box that is set up. */
import { saveText } from '../save_text.ts';
import { firstSettings, unconfiguredOf } from '../settings_snippets.ts';
import { useSession } from '../use_session.ts';
import { Card, ToneIcon } from './controls.tsx';
import { Snippet } from './copyable.tsx';

/** @param isBox of the image: nobody can open its settings file */
export function NotConfigured({ lines, isBox }: { lines: readonly string[]; isBox: boolean }) {
  const { role } = useSession().answer;
  const maySetUp = isBox && role === 'admin';
  const mayFillIn = !isBox && role !== 'viewer';
  const first = isBox ? firstSettings(lines) : undefined;
  return (
    <Card title="Not configured yet" note="lines to add to the settings file, with your own names" class="todo">
      {maySetUp && (
        <p class="form-end">
          <a class="button primary" href="#set-up">
            Set up this box
          </a>
          <span class="quiet">name, ports, address, collector: checked and applied here</span>
        </p>
      )}
      {mayFillIn && (
        <p class="form-end">
          <a class="button" href="#set-up">
            Fill in a form instead
          </a>
          <span class="quiet">it is checked, and shows the lines for the settings file</span>
        </p>
      )}
      {first !== undefined && <FirstSettings text={first} isOtherWay={maySetUp} />}
      <ul>
        {lines.map((line) => {
          const { topic, text, snippet } = unconfiguredOf(line);
          return (
            <li key={line} class="attention-item">
              <span class="tone info">
                <ToneIcon tone="info" />
              </span>
              <div>
                {topic !== '' && <h3>{topic}</h3>}
                <p class="quiet">{text.charAt(0).toUpperCase() + text.slice(1)}</p>
                {snippet !== undefined && <Snippet text={snippet} label={`the settings for ${topic.toLowerCase()}`} />}
              </div>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function FirstSettings({ text, isOtherWay }: { text: string; isOtherWay: boolean }) {
  return (
    <section aria-labelledby="first-settings">
      <h3 id="first-settings">{isOtherWay ? 'Or with a USB stick' : 'Set up this box with a USB stick'}</h3>
      <ol class="steps">
        <li>
          <button type="button" class="button" onClick={() => saveText('flowspan.yaml', text)}>
            Save flowspan.yaml
          </button>{' '}
          and put your own names into it, with any editor of plain text.
        </li>
        <li>
          Copy it onto a USB stick, as <code>flowspan.yaml</code>; certificates that it names into a folder{' '}
          <code>certificates</code> beside it.
        </li>
        <li>
          Plug the stick into the box. It takes the settings and restarts; <code>OK.txt</code> on the stick says what is in force,{' '}
          <code>ERROR.txt</code> which line is wrong.
        </li>
      </ol>
    </section>
  );
}

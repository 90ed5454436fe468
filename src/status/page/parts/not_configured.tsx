/** What the box still needs: each with why, and the lines to add to its settings. */
import { unconfiguredOf } from '../settings_snippets.ts';
import { Card, ToneIcon } from './controls.tsx';
import { Snippet } from './copyable.tsx';

export function NotConfigured({ lines }: { lines: readonly string[] }) {
  return (
    <Card title="Not configured yet" note="lines to add to the settings file, with your own names" class="todo">
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

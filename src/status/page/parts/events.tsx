/** What happened to the box, newest first. */
import { useState } from 'preact/hooks';
import type { BoxEvent } from '../../../flow/status_shapes.ts';
import { exactTime, moment } from '../format.ts';
import { Card, Empty, type Tone, ToneIcon } from './controls.tsx';

const tones: Readonly<Record<BoxEvent['level'], Tone>> = { info: 'info', warn: 'warn', error: 'bad' };
const words: Readonly<Record<BoxEvent['level'], string>> = { info: '', warn: 'Warning: ', error: 'Trouble: ' };
const rows = 8;

export function Events({ events, nowMs }: { events: readonly BoxEvent[]; nowMs: number }) {
  const [all, setAll] = useState(false);
  const newest = [...events].reverse();
  const shown = all ? newest : newest.slice(0, rows);
  return (
    <Card title="Events">
      {events.length === 0 ? (
        <Empty title="Nothing has happened since the start" />
      ) : (
        <ol class="events">
          {shown.map((event) => (
            <li key={`${event.atMs} ${event.event} ${event.text}`} class="event">
              <span class={`tone ${tones[event.level]}`}>
                <ToneIcon tone={tones[event.level]} />
              </span>
              <p>
                <span class="said">{words[event.level]}</span>
                {event.text}
              </p>
              <span class="faint small event-time" title={exactTime(event.atMs)}>
                {moment(event.atMs, nowMs)}
              </span>
            </li>
          ))}
        </ol>
      )}
      {newest.length > rows && (
        <p class="rest">
          <span />
          <button type="button" class="link" onClick={() => setAll(!all)}>
            {all ? 'Show fewer' : `Show all ${newest.length}`}
          </button>
        </p>
      )}
    </Card>
  );
}

/** Small controls that every view uses: a choice of few, a card, a state in mark and words, an empty place that says why. */
import type { ComponentChildren } from 'preact';
import { BadIcon, GoodIcon, InfoIcon, WarnIcon } from './icons.tsx';

export function Segmented<T extends string>(props: {
  label: string;
  options: readonly { value: T; name: string; title?: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <fieldset class="segmented">
      <legend class="said">{props.label}</legend>
      {props.options.map(({ value, name, title }) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          title={title}
          onClick={() => props.onChange(value)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}

export function Card(props: {
  title: string;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const id = `card-${props.title.toLowerCase().replaceAll(/\W+/g, '-')}`;
  return (
    <section class={`card ${props.class ?? ''}`} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{props.title}</h2>
        {props.note !== undefined && <span class="card-note">{props.note}</span>}
        {props.actions !== undefined && <div class="card-actions">{props.actions}</div>}
      </header>
      {props.children}
    </section>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'info';

export function ToneIcon({ tone }: { tone: Tone }) {
  if (tone === 'good') return <GoodIcon />;
  if (tone === 'warn') return <WarnIcon />;
  return tone === 'bad' ? <BadIcon /> : <InfoIcon />;
}

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <ToneIcon tone={tone} />
      {children}
    </span>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}

/** A bar that says how full something is. */
export function Gauge({ part, tone = 'info', label }: { part: number; tone?: Tone; label: string }) {
  const percent = Math.max(0, Math.min(100, part * 100));
  return (
    <div class={`gauge ${tone}`} role="img" aria-label={label}>
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

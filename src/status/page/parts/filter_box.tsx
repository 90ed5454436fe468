/** A line for a flow filter. Enter applies it; a mistake is marked where it is, with what is allowed there. */
import { useEffect, useId, useState } from 'preact/hooks';

export interface FilterBoxProps {
  readonly value: string;
  readonly onApply: (filter: string) => void;
  /** Of the applied filter: what is wrong with it; empty when nothing is. */
  readonly trouble: string;
  readonly place: { readonly at: number; readonly length: number } | undefined;
}

const examples = ['tcp and dst port 443', 'host 10.20.1.14', 'flags S and not flags A', 'bytes > 10M'];

export function FilterBox({ value, onApply, trouble, place }: FilterBoxProps) {
  const [text, setText] = useState(value);
  const id = useId();
  useEffect(() => setText(value), [value]);
  const isAsApplied = text.trim() === value;
  return (
    <form
      class="filter-box"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(text.trim());
      }}
    >
      <label for={`${id}-text`} class="said">
        Flow filter
      </label>
      <input
        id={`${id}-text`}
        class="mono"
        type="search"
        maxLength={1_500}
        value={text}
        placeholder="tcp and dst port 443 and src net 10.20.0.0/16"
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        aria-invalid={trouble !== '' && isAsApplied}
        aria-describedby={`${id}-help`}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={isAsApplied}>
        Filter
      </button>
      {value !== '' && (
        <button type="button" class="button" onClick={() => onApply('')}>
          Clear
        </button>
      )}
      <div id={`${id}-help`} class="filter-help" role="status">
        {trouble !== '' && isAsApplied ? (
          <Mistake text={value} trouble={trouble} place={place} />
        ) : (
          value === '' && (
            <span class="faint small">
              Such as{' '}
              {examples.map((example, i) => (
                <span key={example}>
                  {i > 0 && ', '}
                  <button type="button" class="link mono" onClick={() => onApply(example)}>
                    {example}
                  </button>
                </span>
              ))}
            </span>
          )
        )}
      </div>
    </form>
  );
}

function Mistake({ text, trouble, place }: { text: string; trouble: string; place: FilterBoxProps['place'] }) {
  return (
    <div class="mistake">
      {place !== undefined && (
        <p class="mono mistake-text" aria-hidden="true">
          {text.slice(0, place.at)}
          <mark>{text.slice(place.at, place.at + place.length) || '\u00a0'}</mark>
          {text.slice(place.at + place.length)}
        </p>
      )}
      <p>{trouble}</p>
    </div>
  );
}

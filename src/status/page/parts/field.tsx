/** A labelled text field, with a hint or what is wrong beneath it, tied to it for screen readers. */
import { useId } from 'preact/hooks';

export function Field(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  type?: 'text' | 'password' | 'number';
  autocomplete?: string;
  placeholder?: string;
  hint?: string;
  fault?: string;
  mono?: boolean;
  autofocus?: boolean;
  optional?: boolean;
}) {
  const id = useId();
  const { fault = '', hint = '' } = props;
  const words = fault === '' ? hint : fault;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        class={props.mono === true ? 'mono' : ''}
        // The types of Preact tell roles apart by type; all three of ours take the same attributes.
        type={(props.type ?? 'text') as 'text'}
        value={props.value}
        required={props.optional !== true}
        autocomplete={props.autocomplete ?? 'off'}
        autocapitalize="none"
        spellcheck={false}
        placeholder={props.placeholder}
        aria-invalid={fault === '' ? undefined : true}
        aria-describedby={words === '' ? undefined : `${id}-words`}
        ref={(element) => {
          if (props.autofocus === true && element !== null && document.activeElement === document.body) element.focus();
        }}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {words !== '' && <Words id={id} words={words} isFault={fault !== ''} />}
    </div>
  );
}

export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { readonly value: T; readonly name: string }[];
  onChange: (value: T) => void;
  hint?: string;
  fault?: string;
}) {
  const id = useId();
  const { fault = '', hint = '' } = props;
  const words = fault === '' ? hint : fault;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        aria-invalid={fault === '' ? undefined : true}
        aria-describedby={words === '' ? undefined : `${id}-words`}
        onChange={(event) => props.onChange(event.currentTarget.value as T)}
      >
        {props.options.map(({ value, name }) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      {words !== '' && <Words id={id} words={words} isFault={fault !== ''} />}
    </div>
  );
}

function Words({ id, words, isFault }: { id: string; words: string; isFault: boolean }) {
  return (
    <p id={`${id}-words`} class={`small ${isFault ? 'bad-text' : 'faint'}`}>
      {words}
    </p>
  );
}

export function Check(props: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
  const id = useId();
  return (
    <div class="field check">
      <input id={id} type="checkbox" checked={props.checked} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <label for={id}>{props.label}</label>
    </div>
  );
}

/** A file of text, read by the browser. */
export function TextFile(props: {
  label: string;
  accept: string;
  onText: (text: string) => void;
  hint?: string;
  fault?: string;
}) {
  const id = useId();
  const { fault = '', hint = '' } = props;
  const words = fault === '' ? hint : fault;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="file"
        accept={props.accept}
        aria-invalid={fault === '' ? undefined : true}
        aria-describedby={words === '' ? undefined : `${id}-words`}
        onChange={async (event) => props.onText((await event.currentTarget.files?.[0]?.text()) ?? '')}
      />
      {words !== '' && <Words id={id} words={words} isFault={fault !== ''} />}
    </div>
  );
}

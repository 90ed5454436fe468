/** Text that a click copies: addresses in lists, snippets of settings. Says so for a moment, also to a screen reader. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { after } from '../browser_clock.ts';
import { copyText } from '../clipboard.ts';
import { CopyIcon } from './icons.tsx';

const saidForMs = 1_600;

type Outcome = 'none' | 'copied' | 'refused';
const words: Readonly<Record<Outcome, string>> = { none: '', copied: 'Copied', refused: 'Select and copy by hand' };

function useCopy(text: string): { outcome: Outcome; copy: () => void } {
  const [outcome, setOutcome] = useState<Outcome>('none');
  const forget = useRef<() => void>(() => {});
  useEffect(() => () => forget.current(), []);
  const copy = async (): Promise<void> => {
    const done = await copyText(text);
    forget.current();
    setOutcome(done ? 'copied' : 'refused');
    forget.current = after(saidForMs, () => setOutcome('none'));
  };
  return { outcome, copy: () => void copy() };
}

/** An address that looks like text until it is pointed at. `children` when it is shown otherwise than it is copied. */
export function Copyable({ text, children }: { text: string; children?: ComponentChildren }) {
  const { outcome, copy } = useCopy(text);
  return (
    <button type="button" class="copyable" title={`${text} (click to copy)`} onClick={copy}>
      <span class="clip">{children ?? text}</span>
      <span class="copyable-word" role="status">
        {words[outcome]}
      </span>
    </button>
  );
}

/** A block of settings with a button that copies it. */
export function Snippet({ text, label }: { text: string; label: string }) {
  const { outcome, copy } = useCopy(text);
  return (
    <div class="snippet">
      <pre>{text.trimEnd()}</pre>
      <button type="button" class="button" onClick={copy} aria-label={`Copy ${label}`}>
        <CopyIcon />
        <span role="status">{words[outcome] === '' ? 'Copy' : words[outcome]}</span>
      </button>
    </div>
  );
}

/**
 * An answer of the box that is asked for again by itself: kept while the next one is under way, replaced when the question
 * changes. Trouble is shown beside the last answer, not instead of it.
 */
import { useEffect, useState } from 'preact/hooks';
import { BoxRefused, BoxUnreachable } from './api.ts';
import { every } from './browser_clock.ts';

export interface Answer<T> {
  readonly value: T | undefined;
  /** Words for a technician; empty when the last question was answered. */
  readonly trouble: string;
  /** Which question `value` answers. */
  readonly of: string;
  /** Where in the question's text the trouble is, when it is there. */
  readonly place?: BoxRefused['place'];
}

/**
 * @param question its text, which is also its identity; the empty text asks nothing
 * @param periodMs how often it is asked again; infinite for once
 */
export function useAnswer<T>(question: string, ask: (signal: AbortSignal) => Promise<T>, periodMs: number): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ value: undefined, trouble: '', of: '' });

  // The question's text says what `ask` asks.
  useEffect(() => {
    const ended = new AbortController();
    const askOnce = async (): Promise<void> => {
      try {
        const value = await ask(ended.signal);
        if (!ended.signal.aborted) setAnswer({ value, trouble: '', of: question });
      } catch (error) {
        if (ended.signal.aborted) return;
        if (!(error instanceof BoxRefused || error instanceof BoxUnreachable)) throw error;
        setAnswer((last) => ({ ...last, trouble: error.message, place: error instanceof BoxRefused ? error.place : undefined }));
      }
    };
    if (question === '') return;
    void askOnce();
    if (!Number.isFinite(periodMs)) return () => ended.abort();
    // A tab nobody looks at asks nothing; it catches up when it is looked at again.
    const stop = every(periodMs, () => {
      if (!document.hidden) void askOnce();
    });
    const onShown = (): void => {
      if (!document.hidden) void askOnce();
    };
    document.addEventListener('visibilitychange', onShown);
    return () => {
      ended.abort();
      stop();
      document.removeEventListener('visibilitychange', onShown);
    };
  }, [question, periodMs]);

  return answer;
}

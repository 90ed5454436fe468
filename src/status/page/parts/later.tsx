/** A part of the page that is loaded when it is first looked at: few need it, and the first view stays light. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { after } from '../browser_clock.ts';

const againMs = 2_000;
const loaded = new Map<() => Promise<ComponentType>, ComponentType>();

/** Fetches a part ahead; trouble is no matter, it is fetched again when it is wanted. */
export function fetchLater(load: () => Promise<ComponentType>): void {
  load().then(
    (part) => loaded.set(load, part),
    () => {},
  );
}

/** @param load the same function each time: it is what the part is known by */
export function Later({ load }: { load: () => Promise<ComponentType> }) {
  const [, draw] = useState(0);
  const Part = loaded.get(load);
  useEffect(() => {
    if (Part !== undefined) return;
    let ended = false;
    const fetchIt = async (): Promise<void> => {
      try {
        loaded.set(load, await load());
        if (!ended) draw((n) => n + 1);
      } catch {
        // The box is away for a moment; the header says so.
        if (!ended) after(againMs, () => void fetchIt());
      }
    };
    void fetchIt();
    return () => {
      ended = true;
    };
  }, [load, Part]);
  return Part === undefined ? <div class="skeleton tall" aria-busy="true" /> : <Part />;
}

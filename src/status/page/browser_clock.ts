/** The browser's clock and timers: the only file of the page that touches them. */

export const wallMs = (): number => Date.now();
export const monotonicMs = (): number => performance.now();

/** Runs again and again until the returned function is called. */
export function every(periodMs: number, run: () => void): () => void {
  const handle = setInterval(run, periodMs);
  return () => clearInterval(handle);
}

export function after(delayMs: number, run: () => void): () => void {
  const handle = setTimeout(run, delayMs);
  return () => clearTimeout(handle);
}

/** Between 0 and 1: spreads reconnects of many browsers. */
export const chance = (): number => Math.random();

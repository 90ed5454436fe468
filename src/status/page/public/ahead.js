// Before the first paint: the theme somebody has chosen here, or the system's, so that the page does not flash.
let theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
try {
  const chosen = localStorage.getItem('flowspan.theme');
  if (chosen === 'light' || chosen === 'dark') theme = chosen;
} catch {
  // Storage may be forbidden; then the system's theme it is.
}
document.documentElement.dataset.theme = theme;

// What the first view asks for is on its way while the scripts still are. Who has to sign in first is asked nothing more; what fails
// here is asked again in the usual way.
const timeoutMs = 15_000;
const ask = async (path) => {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(timeoutMs) });
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
};
const session = ask('/api/v1/session');
const heardMax = 60;
const events = {
  source: undefined,
  heard: [],
  hear: (event) => {
    // Nobody has taken it over: the scripts did not come.
    if (events.heard.push(event) === heardMax) events.source.close();
  },
};
const isIn = session.then((answer) => answer?.state === 'open' || answer?.state === 'signedIn');
const seconds = isIn.then((isIn) => {
  if (!isIn) return undefined;
  events.source = new EventSource('/api/v1/events');
  for (const kind of ['open', 'status', 'second', 'skipped', 'error']) events.source.addEventListener(kind, events.hear);
  return ask('/api/v1/traffic/seconds');
});
globalThis.ahead = { session, seconds, events };

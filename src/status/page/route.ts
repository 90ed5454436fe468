/** Which view is shown, from the address: `#on-call`, `#overview?last=6h`. So every view can be sent as a link. */
import { useEffect, useState } from 'preact/hooks';

export const views = ['overview', 'on-call', 'explore', 'debug', 'access', 'set-up'] as const;
export type View = (typeof views)[number];
export const ranges = ['1h', '6h', '24h', '7d'] as const;
export type Range = (typeof ranges)[number];

export interface Route {
  readonly view: View;
  readonly range: Range;
  /** True when the ledger is to be shown unfolded. */
  readonly ledger: boolean;
}

export function routeOf(hash: string): Route {
  const [name, query] = hash.replace(/^#/, '').split('?');
  const asked = new URLSearchParams(query ?? '');
  return {
    view: views.find((view) => view === name) ?? 'overview',
    range: ranges.find((range) => range === asked.get('last')) ?? '1h',
    ledger: asked.has('ledger'),
  };
}

export function hashOf({ view, range, ledger }: Route): string {
  const asked = [range === '1h' ? '' : `last=${range}`, ledger ? 'ledger' : ''].filter((part) => part !== '');
  return `#${view}${asked.length === 0 ? '' : `?${asked.join('&')}`}`;
}

/** Shows another route; `replace` leaves no step to go back to. */
export function go(route: Route, replace = false): void {
  if (replace) history.replaceState(null, '', hashOf(route));
  else history.pushState(null, '', hashOf(route));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const onChange = (): void => setRoute(routeOf(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return route;
}

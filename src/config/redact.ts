/**
 * Settings that may be shown: on the page, in logs, in a support bundle. Secrets are replaced, not cut, so their presence
 * shows; of addresses of the web the origin is left, since what follows (and a user before it) is often the key to it.
 */
import { secretKeys } from './schema_at.ts';

const REDACTED = '(set, not shown)';
const secrets: ReadonlySet<string> = new Set(secretKeys());

/** A deep copy with what nobody may see replaced. What is redacted already stays as it is. */
export function redact<T>(settings: T): T {
  return JSON.parse(
    JSON.stringify(settings, (key: string, value: unknown) => {
      if (typeof value !== 'string' || value === '') return value;
      return secrets.has(key) ? REDACTED : withoutAddresses(value);
    }),
  ) as T;
}

/** Any text with addresses such as `https://user:key@host/path?query` cut to `https://host/…`. */
export function withoutAddresses(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>\\]*)/gi, (_, scheme: string, rest: string) => {
    const [authority = ''] = rest.split(/[/?#]/, 1);
    if (authority.endsWith('…')) return `${scheme}…`; // cut before, perhaps within a password
    const host = authority.slice(authority.lastIndexOf('@') + 1);
    return scheme + host + (host === rest ? '' : '/…');
  });
}

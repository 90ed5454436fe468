/** Settings that may be shown: on the page, in logs, in a support bundle. Secrets are replaced, not cut, so their presence shows. */

const REDACTED = '(set, not shown)';

/** A deep copy with the value of every `password` replaced when it is not empty. */
export function redact<T>(settings: T): T {
  return JSON.parse(
    JSON.stringify(settings, (key: string, value: unknown) => (key === 'password' && value !== '' ? REDACTED : value)),
  ) as T;
}

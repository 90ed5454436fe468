/**
 * Takes out of texts what nobody else may see: values of secrets of this box wherever they stand, set-up codes, private keys, tokens, and what
 * follows the host in addresses of the web. Pure. It works on what is known; `redact` does the settings by their schema.
 */
import { withoutAddresses } from '../../config/redact.ts';

const SECRET = '(secret)';
/** Shorter ones would take out half of every text. */
const secretLengthMin = 4;

/** @param secrets values that must not show */
export function scrubber(secrets: Iterable<string>): (text: string) => string {
  const known = [...new Set(secrets)].filter((secret) => secret.length >= secretLengthMin).sort((a, b) => b.length - a.length);
  const forms = known.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  return (text) => {
    const withoutKnown = forms.reduce((left, secret) => left.replaceAll(secret, SECRET), text);
    return withoutAddresses(withoutKnown)
      .replaceAll(/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|$)/g, `-----BEGIN $1----- ${SECRET}`)
      .replaceAll(/\bfst_[A-Za-z0-9_-]{8,}/g, SECRET)
      .replaceAll(/(set-up\s+code\s+|\bsetUpCode\s+code=)\S+/gi, `$1${SECRET}`)
      .replaceAll(/("(?:code|password|setUpCode)"\s*:\s*")(?=[0-9A-Z]{4}-)[^"]*/g, `$1${SECRET}`);
  };
}

/** Values of secret settings: those in the file itself. Files with secrets are read by whoever gathers. */
export function secretValues(settings: unknown, isSecret: (key: string) => boolean): string[] {
  if (typeof settings !== 'object' || settings === null) return [];
  return Object.entries(settings).flatMap(([key, value]) =>
    typeof value === 'string' ? (isSecret(key) && value !== '' ? [value] : []) : secretValues(value, isSecret),
  );
}

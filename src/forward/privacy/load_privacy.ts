/** Reads what a destination's privacy needs from files. Throws `settingsUnreadable` and `settingsInvalid`, never shows the key. */
import { readFile } from 'node:fs/promises';
import type { PrivacySettings } from '../../config/schema.ts';
import { ApplianceError, messageOf } from '../../core/errors.ts';
import { DestinationPrivacy } from './destination_privacy.ts';
import { PSEUDONYM_KEY_OCTETS, Pseudonyms } from './pseudonyms.ts';

export async function loadPrivacy(settings: PrivacySettings): Promise<DestinationPrivacy> {
  const pseudonyms = settings.addresses === 'pseudonymise' ? new Pseudonyms(await readKey(settings.keyFile)) : undefined;
  return new DestinationPrivacy(settings, pseudonyms);
}

async function readKey(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ApplianceError('settingsUnreadable', `${path}: cannot be read: ${messageOf(error)}; nothing is sent without it`, {
      cause: error,
    });
  }
  const digits = text.trim();
  if (/^[0-9a-f]+$/i.test(digits) && digits.length === 2 * PSEUDONYM_KEY_OCTETS)
    return Uint8Array.from(Buffer.from(digits, 'hex'));
  throw new ApplianceError(
    'settingsInvalid',
    `${path}: allowed: ${2 * PSEUDONYM_KEY_OCTETS} hexadecimal digits, such as openssl rand -hex ${PSEUDONYM_KEY_OCTETS} gives`,
  );
}

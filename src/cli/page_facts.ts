/** What `doctor` says about the page rests on this: settings, users and the user's certificate. An edge; changes nothing. */
import { readFile } from 'node:fs/promises';
import type { Settings } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import { AccountFile } from '../status/access/account_file.ts';
import { signInWanted, tlsWanted } from '../status/access/rules.ts';
import { checkPair } from '../status/certificate/page_certificate.ts';
import { isLoopback } from '../status/request_rules.ts';
import type { PageFacts } from '../system/page_checks.ts';

export async function gatherPageFacts({ status, dataFolder }: Settings, clock: Clock): Promise<PageFacts> {
  const file = new AccountFile(dataFolder, clock);
  let users: number | null;
  let accountsFault = '';
  try {
    await file.refresh();
    users = file.accounts.users.length;
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    users = null;
    accountsFault = error.message;
  }
  return {
    place: `${status.address}:${status.port}`,
    isLoopback: isLoopback(status.address),
    asksForSignIn: signInWanted(status, users !== 0),
    speaksTls: tlsWanted(status),
    users,
    accountsFault,
    certificate: status.certificateFile === '' ? null : await certificateOf(status.certificateFile, status.keyFile),
  };
}

async function certificateOf(certificateFile: string, keyFile: string): Promise<NonNullable<PageFacts['certificate']>> {
  try {
    const [certificate, key] = await Promise.all([certificateFile, keyFile].map((path) => readFile(path, 'utf8')));
    const { validTo } = checkPair({ certificate: certificate!, key: key! }, certificateFile, keyFile);
    return { file: certificateFile, fault: '', expiresMs: Date.parse(validTo) };
  } catch (error) {
    return { file: certificateFile, fault: messageOf(error), expiresMs: 0 }; // the check says what is wrong with which file
  }
}

/**
 * What `flowspan user` and `flowspan token` share: the file of users in the data folder, of a running box or a stopped one.
 * Whoever may write there owns the box; what is done is in the audit log as done by `console`.
 */
import { SystemClock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { SystemRandom } from '../core/random.ts';
import { AccountFile } from '../status/access/account_file.ts';
import { AuditLog } from '../status/access/audit_log.ts';
import { becomeOwnerOf, boxSettings } from './box_folder.ts';
import type { OptionValues, Terminal } from './command.ts';

export interface Desk {
  readonly clock: SystemClock;
  readonly random: SystemRandom;
  readonly file: AccountFile;
  readonly audit: AuditLog;
}

/** Reads what is kept. @throws ApplianceError `accountsDamaged`, `storeUnwritable` */
export async function openDesk(values: OptionValues, { err }: Terminal): Promise<Desk> {
  const { dataFolder: folder } = boxSettings(values);
  await becomeOwnerOf(folder);
  const clock = new SystemClock();
  const log = createLog(clock, (level, _part, event, { reason }) => {
    if (level === 'error') err.write(`flowspan: ${event}: ${String(reason)}\n`);
  });
  const file = new AccountFile(folder, clock);
  await file.refresh();
  return { clock, random: new SystemRandom(), file, audit: new AuditLog(folder, { clock, log }) };
}

/** From a terminal unseen, or the first line of what is piped in: never from an argument, which other users could read. */
export async function askSecret(question: string, { err }: Terminal): Promise<string> {
  const { stdin } = process;
  if (stdin.isTTY !== true) {
    let text = '';
    for await (const part of stdin.setEncoding('utf8')) {
      text += String(part);
      if (text.includes('\n') || text.length > 4_096) break;
    }
    return text.split(/\r?\n/)[0]!;
  }
  err.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    return await typedLine();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    err.write('\n');
  }
}

function typedLine(): Promise<string> {
  const { stdin } = process;
  return new Promise((resolve, reject) => {
    let typed = '';
    const take = (part: string): void => {
      for (const letter of part) {
        if (letter === '\r' || letter === '\n') done(() => resolve(typed));
        else if (letter === '\u0003' || letter === '\u0004')
          done(() => reject(new ApplianceError('usage', 'nothing was changed')));
        else typed = letter === '\u007f' || letter === '\b' ? typed.slice(0, -1) : typed + letter;
      }
    };
    const done = (end: () => void): void => {
      stdin.removeListener('data', take);
      end();
    };
    stdin.on('data', take);
  });
}

/** Twice at a terminal, so that nobody locks themselves out by a slip. */
export async function askNewPassword(terminal: Terminal): Promise<string> {
  const first = await askSecret('New password: ', terminal);
  if (process.stdin.isTTY !== true) return first;
  if (first !== (await askSecret('Again: ', terminal)))
    throw new ApplianceError('usage', 'the two are not the same; nothing was changed');
  return first;
}

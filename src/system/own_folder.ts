/** The folder in which everything is kept. An edge. */
import { messageOf } from '../core/errors.ts';
import type { EventJournal } from './event_journal.ts';

/** One that cannot be made is said. The stores will say the same and try again; metering and export do not need it. */
export function makeOwnFolder(path: string, make: (path: string) => void, journal: Pick<EventJournal, 'add'>): void {
  try {
    make(path);
  } catch (error) {
    journal.add('error', 'dataFolderUnwritable', `${path} cannot be made: ${messageOf(error)}`);
  }
}

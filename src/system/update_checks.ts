/** Whether a box gets its updates, in words for a technician. Pure; `cli/update_facts.ts` gathers. */
import { outcomeWords, type UpdateStatus } from '../flow/update_shapes.ts';
import { type DoctorCheck, fail, ok, warn } from './doctor_check.ts';

export interface UpdateFacts {
  /** Of the running service; undefined when it could not be asked. */
  readonly updates: UpdateStatus | undefined;
  /** Undefined where no folder is set up. */
  readonly folder:
    | {
        readonly host: string;
        /** Why its index cannot be had, in words; empty when it can. */
        readonly fault: string;
        /** Versions in it, the newest first. */
        readonly versions: readonly string[];
      }
    | undefined;
}

export function updateChecks({ updates, folder }: UpdateFacts): DoctorCheck[] {
  return [...slotChecks(updates), ...folderChecks(folder, updates)];
}

function slotChecks(updates: UpdateStatus | undefined): DoctorCheck[] {
  if (updates === undefined || updates.state === 'unavailable') return [];
  const slots = updates.slots.map(
    ({ name, version, state, isRunning }) => `${name} ${version || 'empty'}, ${state}${isRunning ? ', runs' : ''}`,
  );
  const found = slots.join('; ');
  const last = updates.past.find(({ outcome }) => outcome !== 'found');
  if (last !== undefined && /^(wentBack|notJudged|refused|failed)$/.test(last.outcome))
    return [
      warn(
        'slots',
        `${found}; version ${last.version || 'unknown'}: ${outcomeWords[last.outcome]}${last.reason === '' ? '' : `: ${last.reason}`}`,
        'The box works with the version from before. What refused or failed that one has to be mended in a new build',
      ),
    ];
  return [ok('slots', found)];
}

function folderChecks(folder: UpdateFacts['folder'], updates: UpdateStatus | undefined): DoctorCheck[] {
  if (folder === undefined) return [];
  if (updates?.state === 'unavailable')
    return [
      warn(
        'updates',
        'updates.folder.url is set, and this is no box of the image',
        'Nothing is fetched here: leave it out, and update the package',
      ),
    ];
  const { host, fault, versions } = folder;
  if (fault !== '')
    return [
      fail(
        'updates',
        fault,
        'Is updates.folder.url right, and device.proxy where one is needed? Is the server’s certificate signed by updates.folder.caFile?',
      ),
    ];
  return [ok('updates', `${host} has ${versions.length === 0 ? 'no versions' : versions.join(', ')}`)];
}

/** Gathers what `update_checks.ts` judges: asks the folder of updates for its index, as the service does. An edge. */
import type { Settings } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';
import { VERSION } from '../flow/version.ts';
import type { UpdateFacts } from '../system/update_checks.ts';
import { HttpsFolder } from '../system/updates/folder_client.ts';
import { parseIndex } from '../system/updates/update_index.ts';
import { compareVersions } from '../system/updates/version_rule.ts';

export async function gatherUpdateFacts(
  settings: Settings,
  status: Partial<BoxStatus> | undefined,
  clock: Clock,
): Promise<UpdateFacts> {
  const updates = status?.updates;
  const { folder } = settings.updates;
  if (folder.url === '' || updates?.state === 'unavailable')
    return { updates, folder: folder.url === '' ? undefined : { host: '', fault: '', versions: [] } };
  const { host } = new URL(folder.url);
  const now = (): string => new Date(clock.wallMs()).toISOString();
  const client = new HttpsFolder({ folder, proxy: settings.device.proxy, version: VERSION, now });
  try {
    const { bundles } = parseIndex(await client.index(new AbortController().signal));
    const versions = [...new Set(bundles.map(({ version }) => version))].sort((a, b) => compareVersions(b, a) ?? 0);
    return { updates, folder: { host, fault: '', versions } };
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error;
    return { updates, folder: { host, fault: error.message, versions: [] } };
  }
}

/** The update service of this box, from its settings. */
import type { Settings } from '../../config/schema.ts';
import { VERSION } from '../../flow/version.ts';
import { HttpsFolder } from './folder_client.ts';
import { UpdateService, type UpdateServiceParts } from './update_service.ts';

export interface BoxUpdatesParts extends Pick<UpdateServiceParts, 'world' | 'identity' | 'folders' | 'onEvent'> {
  readonly settings: Settings;
  readonly clock: { trusted(): boolean; awaited(): boolean };
}

export function boxUpdates({ settings, clock, ...parts }: BoxUpdatesParts): UpdateService {
  const { updates, device } = settings;
  const now = (): string => new Date(parts.world.clock.wallMs()).toISOString();
  return new UpdateService({
    ...parts,
    settings: updates,
    version: VERSION,
    client: new HttpsFolder({ folder: updates.folder, proxy: device.proxy, version: VERSION, now }),
    time: () => (clock.trusted() ? 'known' : clock.awaited() ? 'awaited' : 'unknown'),
  });
}

/** Whether a broker's word on updates means anything here. */
export function hearsAnnouncements({ updates }: Settings, { updateFolders }: { readonly updateFolders?: unknown }): boolean {
  return updateFolders !== undefined && updates.folder.url !== '' && updates.announcements;
}

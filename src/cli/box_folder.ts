/**
 * Which box a command is about, and under whose rights it touches what that box keeps. What root leaves in a folder of the
 * service's user the service could not read afterwards, and names in a folder that is another's may lead anywhere: so root
 * becomes that user, for the rest of the process.
 */
import { lchown, lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultSettings, loadSettings } from '../config/load.ts';
import type { Settings } from '../config/schema.ts';
import { ApplianceError, messageOf } from '../core/errors.ts';
import type { OptionValues } from './command.ts';

/** An installed box names its settings here, so that commands need not be told. */
export const configVariable = 'FLOWSPAN_CONFIG';

export const configUsage = `  --config FILE    settings of the box (default: what ${configVariable} names, which an installed box sets)`;

/** The settings file of the box that is meant; empty for none. */
export function settingsPath({ config, data, url }: OptionValues): string {
  if (config !== undefined) return String(config);
  // Who names a folder or an address means another box than the installed one.
  return data !== undefined || url !== undefined ? '' : (process.env[configVariable] ?? '');
}

/** With the data folder that `--data` names. @throws ApplianceError `settingsUnreadable`, `settingsInvalid` */
export function boxSettings(values: OptionValues): Settings {
  const path = settingsPath(values);
  const settings = path === '' ? defaultSettings() : loadSettings(path);
  return values.data === undefined ? settings : { ...settings, dataFolder: String(values.data) };
}

/**
 * Gives up root for the owner of the data folder; does nothing for anybody else, or where there is no folder yet.
 * @throws ApplianceError `storeUnwritable`
 */
export async function becomeOwnerOf(dataFolder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const owner = await stat(dataFolder).catch(() => undefined);
  if (owner === undefined || owner.uid === 0) return;
  try {
    await giveBack(join(dataFolder, 'access'), owner);
    process.setgroups!([]);
    process.setgid!(owner.gid);
    process.setuid!(owner.uid);
  } catch (error) {
    const who = `the user ${owner.uid}, who owns it`;
    throw new ApplianceError('storeUnwritable', `${dataFolder}: this cannot be done as ${who}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What root made there before, links left alone. */
async function giveBack(access: string, { uid, gid }: { readonly uid: number; readonly gid: number }): Promise<void> {
  const folder = await lstat(access).catch(() => undefined);
  if (folder?.isDirectory() !== true) return;
  if (folder.uid === 0) await lchown(access, uid, gid);
  for (const name of ['accounts.json', 'accounts.json.new', 'audit.jsonl', 'audit.jsonl.1']) {
    const found = await lstat(join(access, name)).catch(() => undefined);
    if (found?.isFile() === true && found.uid === 0 && found.nlink === 1) await lchown(join(access, name), uid, gid);
  }
}

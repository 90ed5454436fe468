/**
 * Which box a command is about, and under whose rights it touches what that box keeps. What root leaves in a folder of the
 * service's user the service could not read afterwards, and names in a folder that is another's may lead anywhere: so root
 * becomes that user, for the rest of the process or for an act.
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

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined for whoever need not become anybody: no root, root's own folder, or no folder yet. */
async function otherOwnerOf(dataFolder: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(dataFolder).catch(() => undefined);
  return owner === undefined || owner.uid === 0 ? undefined : owner;
}

/**
 * Gives up root for the owner of the data folder; does nothing for anybody else, or where there is no folder yet.
 * @throws ApplianceError `storeUnwritable`
 */
export async function becomeOwnerOf(dataFolder: string): Promise<void> {
  const owner = await otherOwnerOf(dataFolder);
  if (owner === undefined) return;
  try {
    await giveBack(join(dataFolder, 'access'), owner);
    process.setgroups!([]);
    process.setgid!(owner.gid);
    process.setuid!(owner.uid);
  } catch (error) {
    throw asAnother(dataFolder, owner, error);
  }
}

/**
 * The same for one act only, where root goes on with files of its own: LevelDB writes where it only reads.
 * @throws ApplianceError `storeUnwritable`, and whatever the act throws
 */
export async function asOwnerOf<T>(dataFolder: string, act: () => Promise<T>): Promise<T> {
  const owner = await otherOwnerOf(dataFolder);
  if (owner === undefined) return act();
  const groups = process.getgroups!();
  try {
    process.setgroups!([]);
    process.setegid!(owner.gid);
    process.seteuid!(owner.uid);
  } catch (error) {
    throw asAnother(dataFolder, owner, error);
  }
  try {
    return await act();
  } finally {
    process.seteuid!(0);
    process.setegid!(process.getgid!());
    process.setgroups!(groups);
  }
}

function asAnother(dataFolder: string, owner: Owner, error: unknown): ApplianceError {
  const who = `the user ${owner.uid}, who owns it`;
  return new ApplianceError('storeUnwritable', `${dataFolder}: this cannot be done as ${who}: ${messageOf(error)}`, {
    cause: error,
  });
}

/** What root made there before, links left alone. */
async function giveBack(access: string, { uid, gid }: Owner): Promise<void> {
  const folder = await lstat(access).catch(() => undefined);
  if (folder?.isDirectory() !== true) return;
  if (folder.uid === 0) await lchown(access, uid, gid);
  for (const name of ['accounts.json', 'accounts.json.new', 'audit.jsonl', 'audit.jsonl.1']) {
    const found = await lstat(join(access, name)).catch(() => undefined);
    if (found?.isFile() === true && found.uid === 0 && found.nlink === 1) await lchown(join(access, name), uid, gid);
  }
}

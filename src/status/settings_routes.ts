/**
 * The log of changes of settings, for whoever must explain a figure later. The main thread writes it (`system/settings_log.ts`,
 * replaced whole); it is read here when asked. Secrets are not in it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { systemCode } from '../core/errors.ts';
import type { LoggedSettingChange } from '../flow/setting_changes.ts';
import { ApiError } from './answers.ts';

const operators = { config: { role: 'operator' } } as const;

export function addSettingsRoutes(server: FastifyInstance, dataFolder: string | undefined): void {
  server.get('/api/v1/settings/changes', operators, async (request) => {
    const { noParameters, parseParameters } = await import('./questions.ts');
    parseParameters(noParameters, request.query);
    return { changes: dataFolder === undefined ? [] : await readSettingChanges(join(dataFolder, 'settings.json')) };
  });
}

/** @throws ApiError `historyUnavailable` */
export async function readSettingChanges(path: string): Promise<readonly LoggedSettingChange[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    // Not written yet: nothing has changed.
    if (systemCode(error) === 'ENOENT') return [];
    throw new ApiError('historyUnavailable', 'The log of settings cannot be read; the box’s log says why.');
  }
  try {
    const { changes } = JSON.parse(text) as { changes?: unknown };
    if (Array.isArray(changes)) return changes as LoggedSettingChange[];
  } catch {
    // said below, as for any other content that is not what the box writes
  }
  throw new ApiError('historyUnavailable', 'The log of settings is damaged; it begins anew with the next start.');
}

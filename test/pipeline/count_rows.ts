/** Counting by key as it ships: the addon's. */
import { loadAddon } from '../../src/meter/addon.ts';

export const { countRows } = loadAddon();

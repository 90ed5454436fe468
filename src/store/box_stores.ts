/** The stores of a box: where each lives, how much it may take, how LevelDB is to open it. */
import { join } from 'node:path';
import type { Settings } from '../config/schema.ts';
import type { World } from '../core/world.ts';
import { keptStatus, type StoreStatus } from '../flow/status_shapes.ts';
import { GuardedKv, type GuardedKvOptions, type StoreOpener } from './guarded_kv.ts';
import { historyLevel, logLevel } from './level_kv.ts';

export type StoreName = GuardedKvOptions['name'];
export type BoxStores = Readonly<Record<StoreName, GuardedKv>>;

export interface BoxStoresParts {
  readonly world: World;
  readonly settings: Pick<Settings, 'dataFolder' | 'history' | 'spool' | 'mqtt'>;
  readonly opener: (options: GuardedKvOptions) => StoreOpener;
}

/** Opens nothing yet. */
export function boxStores({ world, settings, opener }: BoxStoresParts): BoxStores {
  const { dataFolder, history, spool, mqtt } = settings;
  const store = (name: StoreName, octetsMax: number): GuardedKv => {
    const level = name === 'history' ? historyLevel : logLevel;
    const options = { name, path: join(dataFolder, name), octetsMax, level };
    return new GuardedKv(options, world, opener(options));
  };
  return {
    history: store('history', history.bytesMax),
    spool: store('spool', spool.diskBytesMax),
    outbox: store('outbox', mqtt.outboxBytesMax),
  };
}

/** Of those that are in use, with what is kept in them. */
export function storeStatuses(
  { export: exporting, mqtt, history }: Pick<Settings, 'export' | 'mqtt' | 'history'>,
  stores: BoxStores,
  kept: Readonly<Record<'spool' | 'outbox', { status(): StoreStatus }>>,
): StoreStatus[] {
  return [
    ...(history.enabled ? [stores.history.status()] : []),
    ...(exporting.destinations.length > 0 ? [keptStatus(stores.spool.status(), kept.spool.status())] : []),
    ...(mqtt.brokers.length > 0 ? [keptStatus(stores.outbox.status(), kept.outbox.status())] : []),
  ];
}

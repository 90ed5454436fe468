/** The export side of a box for tests: spool and exporters composed as in production, over a store and a world of choice. */
import { settingsSchema } from '../../src/config/schema.ts';
import { SystemClock } from '../../src/core/clock.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SystemRandom } from '../../src/core/random.ts';
import type { World } from '../../src/core/world.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { type Projector, referenceProjector } from '../../src/flow/projector.ts';
import type { RowClock } from '../../src/flow/row_block.ts';
import { deliveriesOf, sharesOf } from '../../src/forward/delivery.ts';
import { Exporters } from '../../src/forward/exporters.ts';
import type { OpenTransport } from '../../src/forward/ipfix/open_transport.ts';
import type { MeteringFacts } from '../../src/forward/ipfix/options_tables.ts';
import type { Probe } from '../../src/forward/ipfix/probe.ts';
import { noMeasures, type SocketMeasures } from '../../src/forward/link.ts';
import { Spool, type SpoolOptions } from '../../src/forward/spool.ts';
import { rowClock } from './rows.ts';

export function systemTestWorld(): World {
  return { clock: new SystemClock(), random: new SystemRandom(), log: silentLog, metrics: createMetrics() };
}

export const meteringFacts: MeteringFacts = {
  domainName: 'site/node',
  startedMs: 1_700_000_000_000,
  selectors: [{ selectorId: 1, kind: 'none', interval: 1 }],
  interfaces: [{ index: 3, name: 'eth1', description: 'mirror port' }],
  ignoredPackets: 0,
  ignoredOctets: 0,
};

export const quickRetry = { retryFirstMs: 20, retryCapMs: 100, connectTimeoutMs: 2_000 };

export interface BoxOptions {
  readonly destinations: readonly Record<string, unknown>[];
  readonly kv?: Kv;
  readonly wasDamaged?: () => boolean;
  readonly catchUp?: Record<string, unknown>;
  readonly world?: World;
  readonly spool?: Partial<SpoolOptions>;
  readonly measures?: SocketMeasures;
  readonly projector?: Projector;
  readonly pen?: number;
  readonly clock?: RowClock;
  readonly facts?: () => MeteringFacts;
  readonly probe?: Probe;
  readonly openTransport?: OpenTransport;
}

export interface ExportBox {
  readonly spool: Spool;
  readonly exporters: Exporters;
  readonly heard: { level: string; event: string; text: string }[];
  /** Everything a destination was handed has arrived. */
  arrived(name?: string): boolean;
  /** Throws when some destination's account does not balance. */
  balanced(): void;
  stop(deadlineMs?: number): Promise<void>;
}

export async function startBox(options: BoxOptions): Promise<ExportBox> {
  const world = options.world ?? systemTestWorld();
  const settings = settingsSchema.parse({
    export: {
      privateEnterpriseNumber: options.pen ?? 0,
      failoverReturnS: 1,
      ...(options.catchUp === undefined ? {} : { catchUp: options.catchUp }),
      destinations: options.destinations.map((one) => ({ host: '127.0.0.1', ...quickRetry, ...one })),
    },
  });
  const heard: { level: string; event: string; text: string }[] = [];
  const onEvent = (level: string, event: string, text: string): void => void heard.push({ level, event, text });
  const deliveries = deliveriesOf(settings.export.destinations);
  const spool = new Spool({
    world,
    kv: options.kv ?? new MemoryKv(),
    ...(options.wasDamaged === undefined ? {} : { wasDamaged: options.wasDamaged }),
    settings: { ...settings.spool, ...options.spool },
    destinations: deliveries.map(({ name }) => name),
    sharedBy: sharesOf(deliveries),
    rowClock: options.clock ?? rowClock(),
    onEvent,
  });
  const exporters = new Exporters({
    world,
    settings: settings.export,
    lane: (name) => spool.lane(name),
    rowClock: options.clock ?? rowClock(),
    projector: options.projector ?? referenceProjector,
    measures: options.measures ?? noMeasures,
    ...(options.probe === undefined ? {} : { probe: options.probe }),
    ...(options.openTransport === undefined ? {} : { openTransport: options.openTransport }),
    facts: options.facts ?? (() => meteringFacts),
    onEvent,
  });
  await spool.start();
  await exporters.start(new AbortController().signal);
  const balanced = (): void => {
    for (const { name, account } of exporters.accounts()) {
      if (destinationFault(account) !== 0) throw new Error(`${name} does not balance: ${JSON.stringify(account)}`);
    }
  };
  return {
    spool,
    exporters,
    heard,
    arrived: (name) => {
      balanced();
      return exporters.accounts().every((one) => (name !== undefined && one.name !== name) || one.account.pending === 0);
    },
    balanced,
    stop: async (deadlineMs = 5_000) => {
      await exporters.stop(deadlineMs);
      await spool.stop(deadlineMs);
      balanced();
    },
  };
}

/** All destinations as one service: made from the settings, started and stopped together, with their figures. */
import type { DestinationSettings, Settings } from '../config/schema.ts';
import type { ApplianceError } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { MetricSample } from '../core/metrics.ts';
import type { World } from '../core/world.ts';
import type { DestinationAccount } from '../flow/ledger.ts';
import type { Projector } from '../flow/projector.ts';
import type { RowClock } from '../flow/row_block.ts';
import type { BoxEvent, CatchUpStatus, UplinkStatus } from '../flow/status_shapes.ts';
import { deliveriesOf } from './delivery.ts';
import { type CatchUpOptions, Exporter } from './exporter.ts';
import { FileTransport } from './ipfix/files/file_transport.ts';
import { type OpenTransport, openTransport } from './ipfix/open_transport.ts';
import type { MeteringFacts } from './ipfix/options_tables.ts';
import type { Probe } from './ipfix/probe.ts';
import { latencyOf } from './latency.ts';
import type { SocketMeasures, Transport } from './link.ts';
import type { SpoolLane } from './spool_lane.ts';

export interface ExportersParts {
  readonly world: World;
  readonly settings: {
    readonly observationDomainId: number;
    readonly privateEnterpriseNumber: number;
    readonly failoverReturnS: number;
    readonly catchUp: Settings['export']['catchUp'];
    readonly destinations: readonly DestinationSettings[];
  };
  /** The spool's view of a destination or failover group. */
  readonly lane: (name: string) => SpoolLane;
  readonly rowClock: RowClock;
  /** The addon's, or `referenceProjector`. */
  readonly projector: Projector;
  /** The addon, or `noMeasures`. */
  readonly measures: SocketMeasures;
  readonly facts: () => MeteringFacts;
  readonly onEvent?: (level: BoxEvent['level'], event: string, text: string) => void;
  /** Asks whether a collector's host is there; replaced in tests. */
  readonly probe?: Probe;
  /** Another network, for the simulation. */
  readonly openTransport?: OpenTransport;
}

export class Exporters implements Service {
  readonly name = 'exporters';
  readonly #parts: ExportersParts;
  readonly #exporters: readonly Exporter[];
  /** By destination. */
  readonly #fileTransports = new Map<string, FileTransport>();

  constructor(parts: ExportersParts) {
    this.#parts = parts;
    const { world, settings, rowClock, projector, facts, onEvent } = parts;
    this.#exporters = deliveriesOf(settings.destinations).map(({ name, members }) => {
      const lane = parts.lane(name);
      return new Exporter({
        world: { ...world, log: world.log.child(`exporter.${name}`) },
        name,
        members: members.map((destination) => {
          const transport = this.#transport(destination, lane);
          // A file takes rows in their order, as fast as the disk does.
          if (destination.transport === 'file') return { settings: destination, transport };
          return { settings: destination, transport, catchUpTransport: this.#transport(destination, lane) };
        }),
        failoverReturnMs: settings.failoverReturnS * 1_000,
        observationDomainId: settings.observationDomainId,
        catchUp: catchUpOptions(settings),
        privatePen: settings.privateEnterpriseNumber,
        lane,
        rowClock,
        projector,
        facts,
        ...(onEvent === undefined ? {} : { onEvent }),
      });
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#declareMetrics();
    for (const exporter of this.#exporters) await exporter.start(signal);
  }

  /** Together: one that is slow to end takes no time from the others. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.#exporters.map((exporter) => exporter.stop(deadlineMs)));
  }

  statuses(): UplinkStatus[] {
    return this.#exporters.map((exporter) => exporter.status());
  }

  /** By destination. */
  accounts(): { readonly name: string; readonly account: DestinationAccount }[] {
    return this.#exporters.map((exporter) => ({ name: exporter.status().name, account: exporter.account() }));
  }

  /** From a flow's end to sent, over all destinations, lately; null while nothing was sent. */
  latencyMs(): { readonly p50: number | null; readonly p99: number | null } {
    const [p50, p99] = latencyOf(this.#exporters.map((exporter) => exporter.latencyCounts()));
    return { p50, p99 };
  }

  #transport(settings: DestinationSettings, lane: SpoolLane): Transport {
    const { world, measures, probe, onEvent } = this.#parts;
    const open = this.#parts.openTransport ?? openTransport;
    const onTrouble = ({ message }: ApplianceError): void =>
      onEvent?.('warn', 'fileUpkeepFailed', `${settings.name}: files could not be compressed or deleted: ${message}`);
    const transport = open({ settings, clock: world.clock, measures, probe, memory: lane, onTrouble });
    if (transport instanceof FileTransport) this.#fileTransports.set(settings.name, transport);
    return transport;
  }

  #declareMetrics(): void {
    const { metrics } = this.#parts.world;
    const each = (read: (exporter: Exporter) => number) => () =>
      this.#exporters.map((exporter) => ({ labels: { destination: exporter.status().name }, value: read(exporter) }));
    const declare = (name: string, help: string, read: (exporter: Exporter) => number): void =>
      metrics.gauge(name, help, each(read), ['destination']);
    declare('export_up', '1 while the destination takes records', (one) => (one.figures().up ? 1 : 0));
    declare('export_sent_messages', 'IPFIX messages sent since start', (one) => one.figures().messages);
    declare('export_sent_octets', 'Octets of IPFIX messages sent since start', (one) => one.figures().octets);
    declare('export_sent_records', 'Data records of flows sent since start', (one) => one.figures().records);
    declare('export_acknowledged_records', 'Rows proven to have arrived since start', (one) => one.account().acknowledged);
    metrics.gauge(
      'export_latency_seconds',
      'From a flow’s end to sent, of live records lately; of a destination that was sent nothing there is none',
      () => this.#exporters.flatMap((exporter) => latencySamples(exporter.status())),
      ['destination', 'quantile'],
    );
    declare('export_catch_up_records', 'Rows that wait behind the live ones', (one) => one.status().catchUp?.recordsLeft ?? 0);
    declare(
      'export_catch_up_arrived_records',
      'Rows that arrived behind the live ones since start',
      (one) => one.figures().behind,
    );
    declare(
      'export_catch_up_remaining_seconds',
      'Expected time until nothing is behind; 0 when nothing is, -1 while nobody knows',
      (one) => remainingS(one.status().catchUp),
    );
    declare('export_catch_up_allowed_bits', 'Bits a second that the backlog may take now', (one) => one.figures().allowedBits);
    const ofFiles = (name: string, help: string, read: (files: FileTransport) => number): void =>
      metrics.gauge(
        name,
        help,
        () => [...this.#fileTransports].map(([destination, files]) => ({ labels: { destination }, value: read(files) })),
        ['destination'],
      );
    ofFiles('export_files_finished', 'IPFIX files finished since start', (files) => files.finishedFiles);
    ofFiles(
      'export_files_deleted',
      'Finished IPFIX files deleted since start, to keep the bounds of the settings',
      (files) => files.deletedFiles,
    );
    ofFiles(
      'export_files_repaired',
      'IPFIX files cut behind their last whole message, after a crash',
      (files) => files.repairedFiles,
    );
    declare('export_resent_records', 'Rows sent again although they had arrived', (one) => one.figures().resentRecords);
  }
}

/** The highest bit of a domain: the default tells a backlog from live rows, whatever the box's own number is. */
const backlogBit = 0x8000_0000;

function catchUpOptions({ observationDomainId, catchUp }: ExportersParts['settings']): CatchUpOptions {
  return {
    afterMs: catchUp.afterS * 1_000,
    observationDomainId:
      catchUp.observationDomainId === 0 ? (observationDomainId ^ backlogBit) >>> 0 : catchUp.observationDomainId,
    rowsPerSecondMax: catchUp.recordsPerSecondMax,
    octetsPerSecondMax: (catchUp.kbitsPerSecondMax * 1_000) / 8,
    uplinkShare: catchUp.uplinkPercentMax / 100,
  };
}

function latencySamples({ name, latencyP50Ms, latencyP99Ms }: UplinkStatus): MetricSample[] {
  const of = (quantile: string, ms: number | null): MetricSample[] =>
    ms === null ? [] : [{ labels: { destination: name, quantile }, value: ms / 1_000 }];
  return [...of('0.5', latencyP50Ms), ...of('0.99', latencyP99Ms)];
}

function remainingS(catchUp: CatchUpStatus | null): number {
  if (catchUp === null) return 0;
  return catchUp.remainingMs === null ? -1 : catchUp.remainingMs / 1_000;
}

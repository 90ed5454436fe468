/**
 * Sessions with the collectors of one destination or group, in one observation domain: what they speak, what they are told
 * beside rows, and what was sent. Live rows and the backlog have such sessions of their own.
 */
import type { DestinationSettings } from '../config/schema.ts';
import { SlidingQuantiles } from '../core/sliding_quantiles.ts';
import type { World } from '../core/world.ts';
import { type ProfileSpec, profileSpec } from '../flow/profiles.ts';
import type { Projector } from '../flow/projector.ts';
import type { RowClock } from '../flow/row_block.ts';
import type { UplinkStatus } from '../flow/status_shapes.ts';
import type { Throttle } from './catch_up_pace.ts';
import type { ExportSession } from './export_session.ts';
import { ExporterSession } from './exporter_session.ts';
import type { Gap } from './gaps.ts';
import type { ExportFacts, MeteringFacts } from './ipfix/options_tables.ts';
import { IpfixSession } from './ipfix/session.ts';
import { latencyOf } from './latency.ts';
import type { Link, Transport } from './link.ts';
import { Netflow5Session } from './netflow/netflow5.ts';
import { Netflow9Session } from './netflow/netflow9.ts';
import type { DestinationPrivacy } from './privacy/destination_privacy.ts';
import type { SpoolCursor } from './spool_cursor.ts';
import type { SpoolLane } from './spool_lane.ts';

export interface ExporterMember {
  readonly settings: DestinationSettings;
  readonly transport: Transport;
  /** For the session that the backlog has of its own; absent where there is one stream of rows only. */
  readonly catchUpTransport?: Transport;
}

export interface MemberSessionsParts {
  readonly world: World;
  readonly lane: SpoolLane;
  /** Of the lane: the rows that these sessions send. */
  readonly cursor: SpoolCursor;
  readonly rowClock: RowClock;
  readonly projector: Projector;
  /** 0 for none. */
  readonly privatePen: number;
  readonly observationDomainId: number;
  readonly facts: () => MeteringFacts;
  /** Called before rows are read for a member. */
  readonly beforeReading?: (member: ExporterMember) => void;
  readonly throttle?: Throttle;
  /** Of a balance group: whose share of the rows this is, whoever gets it. */
  readonly ownName?: string;
  /** The session ends once nothing has waited for so long. Absent: it lasts. */
  readonly lingerMs?: number;
}

/** Latency is told of the last ten to twenty minutes. */
const latencyOverMs = 1_200_000;

export class MemberSessions {
  /** From a flow's end to sent, lately. */
  readonly latency = new SlidingQuantiles(latencyOverMs);
  readonly #parts: MemberSessionsParts;
  /** Of members whose transport lets a session go on. */
  readonly #sessions = new Map<ExporterMember, ExportSession>();
  #messages = 0;
  #octets = 0;
  #records = 0;

  constructor(parts: MemberSessionsParts) {
    this.#parts = parts;
  }

  /** Handed to transports since start. */
  get sent(): { readonly messages: number; readonly octets: number; readonly records: number } {
    return { messages: this.#messages, octets: this.#octets, records: this.#records };
  }

  latencyStatus(): Pick<UplinkStatus, 'latencyP50Ms' | 'latencyP99Ms'> {
    const [latencyP50Ms, latencyP99Ms] = latencyOf([this.latency.counts(this.#parts.world.clock.monotonicMs())]);
    return { latencyP50Ms, latencyP99Ms };
  }

  /**
   * A session over an open link; `run` starts it.
   * @param onProven something is proven to have arrived
   */
  converse(member: ExporterMember, link: Link, privacy: DestinationPrivacy, onProven: () => void): ExporterSession {
    const { world, lane, cursor, rowClock, beforeReading, throttle, lingerMs, ownName } = this.#parts;
    const { settings } = member;
    const session = this.#sessionFor(member, link, privacy);
    return new ExporterSession({
      ...{ world, link, session, cursor, privacy, rowClock, onProven },
      // What is missing is told once, where the newest rows go.
      ...(cursor === lane ? { gapsOf: lane } : {}),
      ...(beforeReading === undefined ? {} : { beforeReading: () => beforeReading(member) }),
      // What has waited on purpose says nothing about how fresh records are.
      ...(throttle === undefined ? { onLatency: (ms) => this.latency.add(ms, world.clock.monotonicMs()) } : { throttle }),
      ...(ownName === undefined ? {} : { ownName }),
      ...(lingerMs === undefined ? {} : { lingerMs }),
      facts: (gaps) => ({ ...this.#facts(settings, session, privacy, gaps), exporterAddress: link.localAddress }),
      templateResendMs: settings.templateResendS * 1_000,
      // What is synced to our own disk is not lost by anybody else.
      resendMarginOctets: settings.transport === 'file' ? 0 : settings.resendMarginBytes,
      onSent: (octets, records) => {
        this.#messages++;
        this.#octets += octets;
        this.#records += records;
      },
    });
  }

  /** A session that was only interrupted goes on with its templates and sequence numbers. */
  #sessionFor(member: ExporterMember, link: Link, privacy: DestinationPrivacy): ExportSession {
    const before = link.fresh ? undefined : this.#sessions.get(member);
    if (before !== undefined) {
      before.resize(link.messageOctetsMax);
      return before;
    }
    this.#sessions.delete(member);
    const session = this.#newSession(member.settings, link.messageOctetsMax, privacy);
    this.#sessions.set(member, session);
    return session;
  }

  #newSession(settings: DestinationSettings, messageOctetsMax: number, privacy: DestinationPrivacy): ExportSession {
    const { projector, privatePen, observationDomainId } = this.#parts;
    if (settings.protocol === 'ipfix') {
      const profile = privacy.profile(profileOf(settings));
      return new IpfixSession({ projector, profile, privatePen, observationDomainId, messageOctetsMax });
    }
    const leaveOut = { ports: privacy.leavesOut('ports'), macs: privacy.leavesOut('macs') };
    const Session = settings.protocol === 'netflow9' ? Netflow9Session : Netflow5Session;
    return new Session({ observationDomainId, messageOctetsMax, leaveOut });
  }

  #facts(settings: DestinationSettings, session: ExportSession, privacy: DestinationPrivacy, gaps: readonly Gap[]): ExportFacts {
    const { lane, cursor, facts, observationDomainId, world } = this.#parts;
    const dropped = Object.values(lane.account().dropped).reduce((sum, rows) => sum + rows, 0);
    const metering = facts();
    return {
      ...metering,
      domainName: cursor === lane ? metering.domainName : `${metering.domainName} backlog`,
      observationDomainId,
      nowMs: world.clock.wallMs(),
      exportedMessages: this.#messages,
      exportedOctets: this.#octets,
      exportedRecords: this.#records,
      notSentRecords: dropped,
      notSentPackets: lane.notSent.packets,
      notSentOctets: lane.notSent.octets,
      gaps,
      plans: session.plans,
      anonymizations: privacy.anonymizations,
      legacySampling: settings.legacySampling,
    };
  }
}

function profileOf({ elements, uniflow, profile }: DestinationSettings): ProfileSpec {
  return elements.length > 0 ? { uniflow, elements } : profileSpec(profile);
}

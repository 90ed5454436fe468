/**
 * Whether the mirror tells the truth, recognised from the traffic: gathers evidence from rows and from the meter's counters,
 * and keeps the findings. Evidence covers the last five minutes in buckets of ten seconds; a judgement is made with each.
 *
 * Hysteresis: raised at one threshold, cleared below a lower one, after a minute at least, and neither without enough
 * evidence (`mirror_rules.ts`). While nothing arrives the other findings stay as they are. Memory is fixed, 1 MB at most;
 * work is constant a row. Runs on the event loop that polls the meter.
 */
import type { Timer } from '../core/clock.ts';
import type { Service } from '../core/lifecycle.ts';
import type { World } from '../core/world.ts';
import { type MeterCounts, portVolumeBetween } from '../flow/ledger.ts';
import { type MirrorFinding, type MirrorStatus, type MirrorTrouble, mirrorTroubles } from '../flow/mirror_findings.ts';
import type { RowBlock } from '../flow/row_block.ts';
import type { ReadEvidence } from '../flow/row_evidence.ts';
import type { BoxEvent } from '../flow/status_shapes.ts';
import { MirrorEvidence } from './mirror_evidence.ts';
import { type Reading, readMirror, thresholds, unseenOctetsMax, unseenShare } from './mirror_rules.ts';

/** What the meter and the ports say now. */
export interface MirrorFigures {
  readonly metering: boolean;
  readonly counts: MeterCounts;
  /** Packets with an IP length of 0, which segmentation offload leaves. */
  readonly unsizedPackets: number;
  /** Rate of the mirror ports together; null when one does not tell. */
  readonly capacityMbps: number | null;
}

export interface MirrorTruthParts {
  readonly world: World;
  readonly readEvidence: ReadEvidence;
  readonly duplicates: 'off' | 'report' | 'remove';
  /** Only packets that match an expression are metered: some findings may be its doing. */
  readonly filtered: boolean;
  readonly figures: () => MirrorFigures;
  readonly onEvent: (level: BoxEvent['level'], event: string, text: string) => void;
}

const lookMs = 1_000;
const bucketMs = 10_000;
const buckets = 30;
const heldMinMs = 60_000;
/** Preamble, start delimiter, check sequence and gap, which take the line as well (IEEE 802.3). */
const frameOverheadOctets = 24;

interface Held {
  readonly reading: Reading;
  readonly sinceMs: number;
  readonly raisedAtMs: number;
}

interface Look {
  readonly atMs: number;
  readonly figures: MirrorFigures;
}

export class MirrorTruth implements Service {
  readonly name = 'mirror truth';
  readonly #parts: MirrorTruthParts;
  readonly #evidence: MirrorEvidence;
  readonly #held = new Map<MirrorTrouble, Held>();
  #timer: Timer | undefined;
  #before: Look | undefined;
  #startedAtMs = 0;
  #packetAtMs = 0;
  #bucketAtMs = 0;
  #raised = 0;

  constructor(parts: MirrorTruthParts) {
    this.#parts = parts;
    this.#evidence = new MirrorEvidence(bucketMs, buckets, parts.readEvidence, parts.world.random);
  }

  async start(_signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts.world;
    this.#startedAtMs = this.#packetAtMs = this.#bucketAtMs = clock.monotonicMs();
    this.#registerMetrics();
    this.#timer = clock.every(
      lookMs,
      () => this.look(),
      (error) => {
        throw error; // a rule that fails is a bug
      },
    );
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.#timer?.cancel();
  }

  /** Takes in rows as the pipeline has enriched them; done with their memory when it returns. */
  add({ bytes, firstRow, count }: RowBlock): void {
    this.#evidence.addRows(bytes, firstRow, count, this.#parts.world.clock.monotonicMs());
  }

  /** Once a second: counters; once a bucket: judgement. */
  look(): void {
    const atMs = this.#parts.world.clock.monotonicMs();
    const figures = this.#parts.figures();
    this.#count(this.#before, { atMs, figures });
    this.#before = { atMs, figures };
    if (atMs - this.#bucketAtMs < bucketMs) return;
    this.#bucketAtMs = atMs;
    this.#judge(atMs);
    this.#evidence.roll();
  }

  status(): MirrorStatus {
    const e = this.#evidence.sums();
    return {
      windowS: Math.round(e.meteredMs / 1_000),
      packets: e.packets,
      tcpConversations: e.tcpOneWay + e.tcpTwoWay,
      tcpOneWay: e.tcpOneWay,
      tcpSeenOctets: e.tcpSeenOctets,
      tcpUnseenOctets: e.tcpUnseenOctets,
      tcpUnseenOctetsMax: unseenOctetsMax(e),
      findings: mirrorTroubles.flatMap((code) => {
        const held = this.#held.get(code);
        return held === undefined ? [] : [findingOf(held)];
      }),
    };
  }

  #count(before: Look | undefined, { atMs, figures }: Look): void {
    const { counts, metering, capacityMbps } = figures;
    if (!metering) this.#packetAtMs = atMs;
    if (before === undefined) return;
    // Counters begin again when the meter was opened anew.
    const grown = (name: keyof MeterCounts): number => Math.max(0, counts[name] - before.figures.counts[name]);
    const evidence = this.#evidence;
    const [packets, octets] = [grown('receivedPackets'), grown('receivedOctets')];
    if (packets > 0) this.#packetAtMs = atMs;
    const passedMs = atMs - before.atMs;
    if (metering) evidence.add('meteredMs', passedMs);
    evidence.add('packets', packets);
    evidence.add('octets', octets);
    evidence.add('decodedPackets', grown('decodedPackets'));
    evidence.add('duplicatePackets', grown('duplicatesSeenPackets'));
    evidence.add('lostInBoxPackets', grown('droppedByKernelPackets') + grown('droppedByNicPackets'));
    evidence.add('unsizedPackets', Math.max(0, figures.unsizedPackets - before.figures.unsizedPackets));
    const onPort = portVolumeBetween(before.figures.counts, counts);
    const lineMbps = ((onPort.octets + onPort.packets * frameOverheadOctets) * 8) / (passedMs * 1_000);
    if (capacityMbps !== null && lineMbps >= capacityMbps * thresholds.mirrorOversubscribed.lineShare) {
      evidence.add('busyMs', passedMs);
    }
  }

  #judge(nowMs: number): void {
    const { duplicates, filtered } = this.#parts;
    const { metering, capacityMbps } = this.#before!.figures;
    const e = this.#evidence.sums();
    const answeredAtMs = this.#evidence.answeredAtMs;
    const readings = readMirror(e, {
      windowS: Math.round(e.meteredMs / 1_000),
      metering,
      silentMs: nowMs - this.#packetAtMs,
      unansweredMs: nowMs - Math.max(answeredAtMs, this.#startedAtMs),
      everAnswered: answeredAtMs > Number.NEGATIVE_INFINITY,
      subnetsUntagged: this.#evidence.subnets(nowMs),
      capacityMbps,
      duplicates,
      filtered,
    });
    for (const reading of readings) this.#follow(reading, nowMs);
  }

  #follow(reading: Reading, nowMs: number): void {
    const { world, onEvent } = this.#parts;
    const held = this.#held.get(reading.code);
    if (held === undefined) {
      if (!reading.raised) return;
      const begun = { reading, sinceMs: Math.round(world.clock.wallMs()), raisedAtMs: nowMs };
      this.#held.set(reading.code, begun);
      this.#raised++;
      onEvent(reading.level, reading.code, `${reading.title}: ${reading.evidence}. ${reading.todo}`);
    } else if (reading.cleared && nowMs - held.raisedAtMs >= heldMinMs) {
      this.#held.delete(reading.code);
      onEvent('info', `${reading.code}Cleared`, `Mirror: no longer so: ${held.reading.title}`);
    } else if (reading.raised) {
      this.#held.set(reading.code, { ...held, reading });
    }
  }

  #registerMetrics(): void {
    const { metrics } = this.#parts.world;
    const evidence = this.#evidence;
    metrics.gauge(
      'mirror_finding',
      'Troubles of the mirror that were recognised: 1 while one stands',
      () => mirrorTroubles.map((code) => ({ labels: { code }, value: this.#held.has(code) ? 1 : 0 })),
      ['code'],
    );
    metrics.gauge('mirror_findings_raised', 'Times a trouble of the mirror was raised', () => this.#raised);
    metrics.gauge(
      'mirror_tcp_conversations',
      'Records of TCP conversations that could be judged, by the directions shown',
      () => [
        { labels: { shown: 'both' }, value: evidence.total('tcpTwoWay') },
        { labels: { shown: 'one' }, value: evidence.total('tcpOneWay') },
      ],
      ['shown'],
    );
    metrics.gauge(
      'mirror_tcp_octets',
      'Of TCP shown both ways: IP octets seen, and octets acknowledged but never seen',
      () => [
        { labels: { shown: 'seen' }, value: evidence.total('tcpSeenOctets') },
        { labels: { shown: 'unseen' }, value: evidence.total('tcpUnseenOctets') },
      ],
      ['shown'],
    );
    metrics.gauge('mirror_unseen_ratio', 'Estimated share of TCP octets lost before this box, at least; last five minutes', () =>
      unseenShare(evidence.sums()),
    );
  }
}

function findingOf({ reading: { code, level, title, evidence, figures, todo }, sinceMs }: Held): MirrorFinding {
  return { code, level, title, evidence, figures, sinceMs, todo };
}

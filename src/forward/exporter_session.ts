/**
 * One session with a collector, from the opened link to its loss: templates, options, rows, acknowledgements. Rows stay in
 * the spool until the link proves that their message arrived. Owned by one exporter.
 */
import { unlessAborted } from '../core/abort.ts';
import type { Timer } from '../core/clock.ts';
import { ApplianceError } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { type RowClock, WALL_BOOT_ID } from '../flow/row_block.ts';
import { ROW_BYTES, rowField } from '../flow/row_layout.ts';
import type { Throttle } from './catch_up_pace.ts';
import type { ExportSession } from './export_session.ts';
import { flowEndWallMs } from './flow_end.ts';
import { FlowShare } from './flow_share.ts';
import type { Gap } from './gaps.ts';
import type { ExportFacts } from './ipfix/options_tables.ts';
import { ResendSchedule } from './ipfix/resend_schedule.ts';
import { selectorMeaning } from './ipfix/selector_tables.ts';
import type { Link } from './link.ts';
import type { DestinationPrivacy } from './privacy/destination_privacy.ts';
import { SentLog, type SentMessage } from './sent_log.ts';
import { isStoreTrouble, type SpoolCursor, type SpooledRows } from './spool_cursor.ts';

/** What a destination was not told yet of rows it will never get; the lane. */
export interface GapsToTell {
  readonly hasGapsToTell: boolean;
  takeGaps(): readonly Gap[];
  gapsTold(gaps: readonly Gap[]): void;
}

export interface ExporterSessionParts {
  readonly world: World;
  readonly link: Link;
  readonly session: ExportSession;
  readonly cursor: SpoolCursor;
  /** Absent: another session tells them. */
  readonly gapsOf?: GapsToTell;
  readonly privacy: DestinationPrivacy;
  readonly rowClock: RowClock;
  /** Asked once a second, with the gaps to tell. */
  readonly facts: (gaps: readonly Gap[]) => ExportFacts;
  readonly templateResendMs: number;
  readonly resendMarginOctets: number;
  /** Counts what was handed to the transport. */
  readonly onSent: (octets: number, records: number) => void;
  /** From a flow's end to its record being handed to the transport, ms; once a message. */
  readonly onLatency?: (ms: number) => void;
  /** Something is proven to have arrived. */
  readonly onProven: () => void;
  /** Called before rows are read. */
  readonly beforeReading?: () => void;
  readonly throttle?: Throttle;
  /** Of a balance group: whose share these rows are to be. */
  readonly ownName?: string;
  /** The session ends once nothing has waited for so long, and everything has arrived. Absent: it lasts. */
  readonly lingerMs?: number;
}

/** How often the link is asked what it can prove while something waits for it. */
const acknowledgePeriodMs = 100;
/** How often it is looked whether something new must be explained. */
const factsPeriodMs = 1_000;
/** It is also asked after so many octets, so that a fast destination does not hold rows in memory for long. */
const acknowledgeEveryOctets = 512 * 1_024;
/** Statistics and what may have changed (interfaces, selectors) are told this often over a transport that loses nothing. */
const optionsPeriodMs = 60_000;
/** While the store that holds the rows does not answer. */
const storeRetryMs = 1_000;
/** A sender that must hold back looks at least this often, so that a planned stop does not wait for it. */
const throttleWaitMaxMs = 50;
/** While rows wait for the time. */
const timeRetryMs = 250;
interface ShownRows {
  readonly bytes: Uint8Array;
  readonly firstRow: number;
  readonly count: number;
  /** Where each was among those read; absent: at its own index. */
  readonly places?: readonly number[];
}
const selectorOffset = rowField('selectorId').offset;

export class ExporterSession {
  readonly #parts: ExporterSessionParts;
  readonly #sent = new SentLog();
  readonly #templates: ResendSchedule;
  #nextOptionsMs = 0;
  #nextFactsMs = 0;
  #acknowledgedAtOctets = 0;
  /** Octets of the link up to the last message with rows that was proven. */
  #rowsProvenAt = 0;
  #timer: Timer | undefined;
  /** The next tick is set for what waits to be proven. */
  #looksOften = false;
  #selectors = '';
  #awaitsTime = false;
  #takesNoMore = false;
  #share: { readonly of: readonly string[]; readonly share: FlowShare } | undefined;
  /** Selectors that rows of this session may name: told, or looked for in vain. 0 is every packet and needs no telling. */
  readonly #named = new Set([0]);
  #lastNamed = 0;

  constructor(parts: ExporterSessionParts) {
    this.#parts = parts;
    const periodMs = parts.link.lossy ? parts.templateResendMs : Number.POSITIVE_INFINITY;
    this.#templates = new ResendSchedule(periodMs, parts.world.clock.monotonicMs());
  }

  /** Rows sent and not proven. */
  get inFlight(): number {
    return this.#sent.length;
  }

  /** Rows wait until the box knows the time, and nothing else is to be sent before them. */
  get awaitsTime(): boolean {
    return this.#awaitsTime;
  }

  /** What was sent may still be acknowledged; nothing more is. */
  takeNoMore(): void {
    this.#takesNoMore = true;
  }

  /**
   * Sends until the signal aborts, the link is lost, or nothing has waited for long enough (`lingerMs`); resolves to the
   * reason of the loss, else undefined. Never rejects for the link.
   */
  async run(signal: AbortSignal): Promise<ApplianceError | undefined> {
    const { link } = this.#parts;
    let lost: ApplianceError | undefined;
    const ended = new AbortController();
    const stop = AbortSignal.any([signal, ended.signal]);
    void link.lost.then((error) => {
      lost = error;
      ended.abort(error);
    });
    this.#armTick();
    try {
      this.#introduce();
      await unlessAborted(stop, link.settled());
      await this.#send(stop);
    } catch (error) {
      // Waiting ends by the signal or by the loss of the link, both with an operating error; anything else is a bug.
      if (!(error instanceof ApplianceError)) throw error;
      if (!signal.aborted) lost ??= error;
    } finally {
      this.#timer?.cancel();
      this.acknowledge();
    }
    return lost;
  }

  /** Takes in what the link can prove by now. */
  acknowledge(): void {
    const { link, cursor, gapsOf, resendMarginOctets } = this.#parts;
    if (this.#sent.length === 0) return;
    const settled = this.#sent.settle(link.provenOctets());
    this.#acknowledgedAtOctets = link.sentOctets;
    for (const { position, rows, endOctet, leftOut, gaps } of settled) {
      if (gaps !== undefined) gapsOf?.gapsTold(gaps);
      if (rows === 0) continue;
      // The margin is octets of the link: templates and options before the message are among them.
      cursor.acknowledge(position, rows, endOctet - this.#rowsProvenAt, link.lossy ? 0 : resendMarginOctets, leftOut);
      this.#rowsProvenAt = endOctet;
    }
    if (settled.length > 0) this.#parts.onProven();
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { cursor, world, beforeReading } = this.#parts;
    for (;;) {
      beforeReading?.();
      let rows: SpooledRows | undefined;
      try {
        rows = await cursor.next();
      } catch (error) {
        if (!isStoreTrouble(error)) throw error;
        await world.clock.sleep(storeRetryMs, signal);
        continue;
      }
      if (rows === undefined) {
        signal.throwIfAborted();
        if (await this.#hasEnded(signal)) return;
        continue;
      }
      await this.#untilStampable(rows, signal);
      await this.#sendRows(rows, signal);
    }
  }

  /** Waits for rows. True when none came for so long that the session is over. */
  async #hasEnded(signal: AbortSignal): Promise<boolean> {
    const { cursor, world, lingerMs } = this.#parts;
    if (lingerMs === undefined) {
      await cursor.wait(signal);
      return false;
    }
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const late = world.clock.after(lingerMs, () => over.abort(new ApplianceError('connectionLost', 'nothing waits any more')));
    try {
      await cursor.wait(either);
      return false;
    } catch (error) {
      if (signal.aborted || error !== over.signal.reason) throw error;
      return this.#sent.length === 0; // else what is on its way may yet have to be sent again
    } finally {
      late.cancel();
    }
  }

  /** A stamp cannot be taken back once it is sent: while the time is expected to be told, rows that need it wait. */
  async #untilStampable({ bootId }: SpooledRows, signal: AbortSignal): Promise<void> {
    const { rowClock, world } = this.#parts;
    try {
      while (this.#isUncertain(bootId) && rowClock.awaited?.() === true) {
        this.#awaitsTime = true;
        await world.clock.sleep(timeRetryMs, signal);
      }
    } finally {
      this.#awaitsTime = false;
    }
  }

  #isUncertain(bootId: string): boolean {
    return bootId !== WALL_BOOT_ID && this.#parts.rowClock.certain?.(bootId) === false;
  }

  /** Says before the first row with such stamps that they may be wrong, and afterwards that they are right again. */
  #tellStamps(bootId: string): void {
    const { session } = this.#parts;
    const uncertain = this.#isUncertain(bootId);
    if (uncertain === (session.stamps === 'uncertain')) return;
    session.stamps = uncertain ? 'uncertain' : 'certain';
    this.#sendOptions(false);
  }

  async #sendRows(rows: SpooledRows, signal: AbortSignal): Promise<void> {
    const { session, cursor, link, privacy, onSent, world } = this.#parts;
    this.#tellStamps(rows.bootId);
    // Rows of a backlog may name a selector that nobody knows any more: it is looked for once.
    if (rows.isSampled && this.#namesNewSelector(rows)) this.#sendOptions(false);
    const own = this.#ownRows(rows);
    const shown = privacy.rows(own.bytes, own.firstRow, own.count);
    // Positions are told as ranges: each goes up to the next row of ours, so that those of others are done with it.
    let [done, covered, dropped] = [0, 0, 0];
    const cover = (upTo: number): { position: number; count: number } => {
      const next = upTo < own.count ? (own.places?.[upTo] ?? upTo) : rows.count;
      const range = { position: rows.position + covered, count: next - covered };
      covered = next;
      return range;
    };
    while (done < own.count) {
      signal.throwIfAborted();
      await this.#untilAllowed(signal);
      const firstRow = shown.firstRow + done * ROW_BYTES;
      // For each message: the clock may be set while a slow collector is waited for.
      const wallOffsetNs = this.#wallOffset(rows);
      const exportTimeS = Math.floor(world.clock.wallMs() / 1_000);
      const encoded = session.dataMessage(shown.bytes, firstRow, own.count - done, wallOffsetNs, exportTimeS);
      if (encoded.rows === 0) {
        // Checked when the session was made, so only a row of a kind that came later can be too large.
        cursor.drop(rows.position + (own.places?.[done] ?? done), 1, 'unencodable');
        done++;
        dropped++;
        continue;
      }
      done += encoded.rows;
      const { position, count } = cover(done);
      const notRepresentable = (encoded.notRepresentable ?? []).reduce((sum, range) => sum + range.count, 0);
      const notSelected = count - dropped - encoded.rows + (encoded.records === 0 ? encoded.rows - notRepresentable : 0);
      dropped = 0;
      const leftOut = { notSelected, notRepresentable };
      if (encoded.records === 0) {
        cursor.acknowledge(position, count, 0, 0, leftOut);
        continue;
      }
      const more = link.send(encoded.message);
      const [octets, { records }] = [encoded.message.length, encoded];
      this.#awaitProof({ position, rows: count, records, endOctet: link.sentOctets, leftOut });
      onSent(octets, records);
      this.#parts.onLatency?.(world.clock.wallMs() - flowEndWallMs(shown.bytes, firstRow, wallOffsetNs));
      this.#parts.throttle?.sent(encoded.rows, octets);
      if (link.sentOctets - this.#acknowledgedAtOctets >= acknowledgeEveryOctets) this.acknowledge();
      // A collector that stopped reading must not hold up a planned stop.
      if (!more) await unlessAborted(signal, link.drained());
    }
    const { position, count } = cover(done);
    if (count > 0) cursor.acknowledge(position, count, 0, 0, { notSelected: count });
  }

  /** Of a balance group this one's rows; else all of them, where they are. */
  #ownRows({ bytes, firstRow, count, sharedBy }: SpooledRows): ShownRows {
    const { ownName } = this.#parts;
    if (sharedBy === undefined || ownName === undefined) return { bytes, firstRow, count };
    if (this.#share?.of !== sharedBy) this.#share = { of: sharedBy, share: new FlowShare(ownName, sharedBy) };
    const own = this.#share.share.select(bytes, firstRow, count);
    return { bytes: own.bytes, firstRow: 0, count: own.places.length, places: own.places };
  }

  async #untilAllowed(signal: AbortSignal): Promise<void> {
    const { throttle, link, world } = this.#parts;
    const waitMs = (): number => throttle?.waitMs(world.clock.monotonicMs(), link.sentOctets, link.provenOctets()) ?? 0;
    for (let ms = waitMs(); ms > 0 || this.#takesNoMore; ms = waitMs())
      await world.clock.sleep(Math.min(Math.max(ms, 1), throttleWaitMaxMs), signal);
  }

  /** RFC 5477 has no other place for the rate than the options, so they come before rows that need them. */
  #namesNewSelector({ bytes, firstRow, count }: SpooledRows): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let isNew = false;
    for (let i = 0; i < count; i++) {
      const id = view.getUint16(firstRow + i * ROW_BYTES + selectorOffset);
      if (id === this.#lastNamed) continue;
      this.#lastNamed = id;
      isNew ||= !this.#named.has(id);
      this.#named.add(id);
    }
    return isNew;
  }

  /** Wall time of the rows: as known now, else as known when they came. */
  #wallOffset({ bootId, wallOffsetNs }: SpooledRows): bigint {
    if (bootId === WALL_BOOT_ID) return 0n;
    return this.#parts.rowClock.wallOffsetNs(bootId) ?? wallOffsetNs ?? 0n;
  }

  #introduce(): void {
    const { world, session } = this.#parts;
    for (const message of session.templateMessages(this.#exportTimeS)) this.#sendOther(message);
    // Over UDP an earlier link of this session may have told their templates to a collector that has fallen since.
    this.#sendOptions(this.#parts.link.lossy);
    this.#templates.sent(world.clock.monotonicMs());
  }

  /** While nothing is on its way nobody is woken ten times a second. */
  #armTick(): void {
    const { clock } = this.#parts.world;
    this.#timer?.cancel();
    this.#looksOften = this.#sent.length > 0;
    const untilDueMs = Math.max(1, Math.min(factsPeriodMs, this.#templates.dueMs - clock.monotonicMs()));
    this.#timer = clock.after(this.#looksOften ? acknowledgePeriodMs : untilDueMs, () => {
      this.#tick();
      this.#armTick();
    });
  }

  #awaitProof(message: SentMessage): void {
    this.#sent.add(message);
    if (!this.#looksOften) this.#armTick();
  }

  #tick(): void {
    this.acknowledge();
    const { world, session, gapsOf } = this.#parts;
    const nowMs = world.clock.monotonicMs();
    if (nowMs >= this.#templates.dueMs) {
      for (const message of session.templateMessages(this.#exportTimeS)) this.#sendOther(message);
      this.#sendOptions(true);
      this.#templates.sent(nowMs);
    } else if (nowMs >= this.#nextFactsMs) {
      // A timer may be a little early.
      this.#nextFactsMs = nowMs + factsPeriodMs - acknowledgePeriodMs;
      // A new selector must be explained before many rows name it: RFC 5477 has no other place for the rate.
      const isNew = selectorsOf(this.#facts([])) !== this.#selectors;
      if (isNew || nowMs >= this.#nextOptionsMs || gapsOf?.hasGapsToTell === true) this.#sendOptions(false);
    }
  }

  #sendOptions(again: boolean): void {
    const { session, gapsOf, world, link } = this.#parts;
    const gaps = gapsOf?.takeGaps() ?? [];
    const now = { ...this.#facts(gaps), stamps: session.stamps };
    for (const message of session.optionsMessages(now, this.#exportTimeS, again)) this.#sendOther(message);
    // Counts as said once everything up to here has arrived.
    if (gaps.length > 0) this.#awaitProof({ position: 0, rows: 0, records: 0, endOctet: link.sentOctets, gaps });
    this.#selectors = selectorsOf(now);
    for (const { selectorId } of now.selectors) this.#named.add(selectorId);
    this.#nextOptionsMs = world.clock.monotonicMs() + optionsPeriodMs;
  }

  /** Of selectors those in force, and those that rows of this session name: others are nothing to this collector. */
  #facts(gaps: readonly Gap[]): ExportFacts {
    const facts = this.#parts.facts(gaps);
    const selectors = facts.selectors.filter(({ selectorId, inForce }) => inForce !== false || this.#named.has(selectorId));
    return { ...facts, selectors };
  }

  #sendOther(message: Uint8Array): void {
    this.#parts.link.send(message);
    this.#parts.onSent(message.length, 0);
  }

  get #exportTimeS(): number {
    return Math.floor(this.#parts.world.clock.wallMs() / 1_000);
  }
}

const selectorsOf = ({ selectors }: ExportFacts): string => selectors.map(selectorMeaning).join();

/**
 * NetFlow version 5, for collectors that speak nothing newer: a fixed record of IPv4, one per direction, 32-bit counters, at
 * most 30 in a message; the sampling rate stands in the header, so a message holds records of one selector. The sequence
 * counts records.
 *
 * What is lost beside version 9: IPv6 and rows by EtherType (counted as not representable), VLANs, MACs, selectors, rates
 * above 1 in 16383 (not representable either, since the totals would be wrong), interface numbers above 65535 (sent as 0).
 */
import { ApplianceError } from '../../core/errors.ts';
import type { RowKind } from '../../flow/row_kinds.ts';
import { samplingOfBoth } from '../../flow/selectors.ts';
import type { EncodedRows, ExportSession, RowRange } from '../export_session.ts';
import type { ExportFacts } from '../ipfix/options_tables.ts';
import { FlowHalf } from './half.ts';
import { addRow, type NetflowOptions, rowsPerMessageMax } from './netflow9.ts';
import { VirtualUptime } from './uptime.ts';

const headerOctets = 24;
const recordOctets = 48;
const recordsMax = 30;
/** Fourteen bits of the header. */
const intervalMax = 0x3fff;
const counterMax = 0xffff_ffff;
const icmp = 1;
/** What many flows do not share is 0 in its fixed record: their addresses, ports and protocol. */
const representable: ReadonlySet<RowKind | undefined> = new Set<RowKind>([
  ...(['ipv4', 'aggregate', 'aggregateOfProtocol', 'aggregateOfService', 'aggregateOfIpv4Pair'] as const),
]);

/** Two bits above the interval: 1 packet of N deterministically, or at random (also whole flows: see version 9). */
const samplingModes = { none: 0, count: 1, random: 2, flowHash: 2 } as const;
interface Selector {
  readonly mode: number;
  readonly interval: number;
}
const everyPacket: Selector = { mode: samplingModes.none, interval: 0 };

export class Netflow5Session implements ExportSession {
  readonly plans = [];
  stamps: ExportFacts['stamps'];
  readonly #options: NetflowOptions;
  readonly #uptime = new VirtualUptime();
  readonly #selectors = new Map<number, Selector>();
  #recordsMax = 0;
  #sequence = 0;

  constructor(options: NetflowOptions) {
    this.#options = options;
    this.resize(options.messageOctetsMax);
  }

  resize(messageOctetsMax: number): void {
    this.#recordsMax = Math.min(recordsMax, Math.floor((messageOctetsMax - headerOctets) / recordOctets));
    const needed = headerOctets + 2 * recordOctets;
    if (this.#recordsMax < 2)
      throw new ApplianceError(
        'messageTooLong',
        `messages of ${messageOctetsMax} octets are too small for NetFlow 5, which needs ${needed}: set messageBytesMax`,
      );
  }

  templateMessages(): Uint8Array[] {
    return [];
  }

  /** Nothing is sent; the rates go into the headers of the messages whose records name them. */
  optionsMessages({ selectors }: ExportFacts): Uint8Array[] {
    this.#selectors.clear();
    for (const selector of selectors) {
      const { kind, interval } = samplingOfBoth(selector);
      const its = kind === 'none' || interval === 1 ? everyPacket : { mode: samplingModes[kind], interval };
      this.#selectors.set(selector.selectorId, its);
    }
    return [];
  }

  dataMessage(rows: Uint8Array, firstRow: number, count: number, wallOffsetNs: bigint, exportTimeS: number): EncodedRows {
    const message = new Uint8Array(headerOctets + this.#recordsMax * recordOctets);
    const view = new DataView(message.buffer);
    const half = new FlowHalf(rows);
    half.offsetMs = Number(wallOffsetNs) / 1e6;
    const most = Math.min(count, rowsPerMessageMax);
    this.#coverTimes(half, firstRow, most, exportTimeS);
    const notRepresentable: { from: number; count: number }[] = [];
    let selector: Selector | undefined;
    let records = 0;
    let taken = 0;
    for (; taken < most; taken++) {
      half.row.at(taken, firstRow);
      const its = this.#selectors.get(half.row.selectorId) ?? everyPacket;
      if (!representable.has(half.kind) || its.interval > intervalMax) {
        addRow(notRepresentable, taken);
        continue;
      }
      if (selector !== undefined && selector !== its) break;
      const needed = half.halves.reduce((sum, reversed) => sum + partsOf(half, reversed), 0);
      // More octets than fit one message of records do not pass in one flow's time-out.
      if (records + needed > this.#recordsMax) break;
      selector = its;
      for (const reversed of half.halves) {
        const parts = partsOf(half, reversed);
        for (let part = 0; part < parts; part++) this.#write(view, headerOctets + records++ * recordOctets, half, part, parts);
      }
    }
    const skipped: { notRepresentable?: readonly RowRange[] } = notRepresentable.length > 0 ? { notRepresentable } : {};
    if (records === 0) return { message: new Uint8Array(0), rows: taken, records, ...skipped };
    this.#stamp(view, exportTimeS, records, selector ?? everyPacket);
    return { message: message.slice(0, headerOctets + records * recordOctets), rows: taken, records, ...skipped };
  }

  #coverTimes(half: FlowHalf, firstRow: number, count: number, exportTimeS: number): void {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (let index = 0; index < count; index++)
      oldestMs = Math.min(oldestMs, half.offsetMs + half.row.at(index, firstRow).flowStartMs);
    this.#uptime.cover(oldestMs, exportTimeS * 1_000);
  }

  #write(view: DataView, at: number, half: FlowHalf, part: number, parts: number): void {
    const { leaveOut } = this.#options;
    const octets = new Uint8Array(view.buffer, at, recordOctets);
    octets.set(half.source.subarray(0, 4), 0);
    octets.set(half.destination.subarray(0, 4), 4);
    const { ingressInterface } = half.row;
    view.setUint16(at + 12, ingressInterface > 0xffff ? 0 : ingressInterface);
    view.setUint32(at + 16, shareOf(half.packets, part, parts));
    view.setUint32(at + 20, shareOf(half.octets, part, parts));
    view.setUint32(at + 24, this.#uptime.flow(half.startMs));
    view.setUint32(at + 28, this.#uptime.flow(half.endMs));
    const { protocolIdentifier } = half.row;
    if (!leaveOut.ports) {
      view.setUint16(at + 32, half.sourcePort);
      // Collectors look for ICMP type and code in the destination port.
      view.setUint16(at + 34, protocolIdentifier === icmp ? half.icmpTypeCode : half.destinationPort);
    }
    view.setUint8(at + 37, half.tcpFlags);
    view.setUint8(at + 38, protocolIdentifier);
    view.setUint8(at + 39, half.classOfService);
  }

  #stamp(view: DataView, exportTimeS: number, records: number, { mode, interval }: Selector): void {
    view.setUint16(0, 5);
    view.setUint16(2, records);
    view.setUint32(4, this.#uptime.header(exportTimeS * 1_000));
    view.setUint32(8, exportTimeS);
    view.setUint32(12, 0);
    view.setUint32(16, this.#sequence);
    view.setUint8(20, 0);
    view.setUint8(21, this.#options.observationDomainId & 0xff);
    view.setUint16(22, (mode << 14) | interval);
    this.#sequence = (this.#sequence + records) >>> 0;
  }
}

/** Records that a direction needs, so that no counter overflows. */
function partsOf(half: FlowHalf, reversed: boolean): number {
  half.reversed = reversed;
  return Math.max(1, Math.ceil(Math.max(half.octets, half.packets) / counterMax));
}

/** The parts add up to the whole. */
function shareOf(value: number, part: number, parts: number): number {
  const share = Math.floor(value / parts);
  return part === 0 ? value - share * (parts - 1) : share;
}

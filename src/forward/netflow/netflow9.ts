/**
 * NetFlow version 9 (RFC 3954), for collectors that speak no IPFIX: one record per direction, from templates for IPv4 and IPv6.
 * Selectors are told by an options template over the whole system. The sequence counts messages, not records (section 5.1).
 *
 * What is lost beside IPFIX: biflows, round trips and every other measure, frame octets, customer VLANs, tunnels, gaps and
 * statistics, milliseconds of the header; rows by EtherType have no form and are counted as not representable.
 */
import { ApplianceError } from '../../core/errors.ts';
import { samplingOfBoth } from '../../flow/selectors.ts';
import type { EncodedRows, ExportSession, RowRange } from '../export_session.ts';
import type { ExportFacts } from '../ipfix/options_tables.ts';
import { FlowHalf } from './half.ts';
import { type LeftOut, Netflow9Templates, selectorsTemplateId, type Template } from './netflow9_templates.ts';
import { VirtualUptime } from './uptime.ts';

export interface NetflowOptions {
  /** Source ID in version 9, engine ID (its lowest octet) in version 5. */
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
  readonly leaveOut: LeftOut;
}

/** Rows looked at for one message: more than a path's datagram holds, and few enough to look through twice. */
export const rowsPerMessageMax = 256;
const headerOctets = 20;
const setHeaderOctets = 4;

/**
 * FLOW_SAMPLER_ID, _MODE (1 deterministic, 2 random) and _RANDOM_INTERVAL, over scope type 1, the system. Selection of whole flows
 * has no mode of its own: by a keyed hash each flow is in with one probability, so sums are scaled as for random sampling.
 */
const selectorFields = [
  { type: 48, octets: 2 },
  { type: 49, octets: 1 },
  { type: 50, octets: 4 },
] as const;
const samplerModes = { none: 1, count: 1, random: 2, flowHash: 2 } as const;
const systemScope = { type: 1, octets: 4 } as const;

export class Netflow9Session implements ExportSession {
  readonly plans = [];
  stamps: ExportFacts['stamps'];
  readonly #options: NetflowOptions;
  readonly #templates: Netflow9Templates;
  readonly #uptime = new VirtualUptime();
  #octetsMax = 0;
  #sequence = 0;

  constructor(options: NetflowOptions) {
    this.#options = options;
    this.#templates = new Netflow9Templates(options.leaveOut);
    this.resize(options.messageOctetsMax);
  }

  resize(messageOctetsMax: number): void {
    // Both directions of a row go into one message.
    const needed = headerOctets + setHeaderOctets + 2 * this.#templates.octetsMax + 3;
    if (messageOctetsMax < needed)
      throw new ApplianceError(
        'messageTooLong',
        `messages of ${messageOctetsMax} octets are too small for NetFlow 9, which needs ${needed}: set messageBytesMax`,
      );
    this.#octetsMax = messageOctetsMax;
  }

  templateMessages(exportTimeS: number): Uint8Array[] {
    const room = this.#octetsMax - headerOctets - setHeaderOctets;
    const messages: Uint8Array[][] = [[]];
    for (const { id, fields } of this.#templates.all) {
      const record = words([id, fields.length, ...fields.flatMap(({ type, octets }) => [type, octets])]);
      const held = messages.at(-1)!.reduce((sum, { length }) => sum + length, 0);
      if (padded(held + record.length) > room) messages.push([record]);
      else messages.at(-1)!.push(record);
    }
    return messages.map((records) => this.#message(exportTimeS, records.length, [set(0, Buffer.concat(records))]));
  }

  optionsMessages({ selectors, observationDomainId }: ExportFacts, exportTimeS: number): Uint8Array[] {
    if (selectors.length === 0) return [];
    const record = new DataView(new ArrayBuffer(systemScope.octets + 7));
    const data = selectors.map((selector) => {
      const { kind, interval } = samplingOfBoth(selector);
      record.setUint32(0, observationDomainId);
      record.setUint16(4, selector.selectorId);
      record.setUint8(6, samplerModes[kind]);
      record.setUint32(7, kind === 'none' ? 1 : Math.min(interval, 0xffff_ffff));
      // nfcapd 1.7 takes the first record of such a set and no other: each has its own.
      return set(selectorsTemplateId, new Uint8Array(record.buffer));
    });
    // RFC 3954 section 6.1: lengths of scope and options are octets of their specifiers.
    const template = words([
      ...[selectorsTemplateId, 4, 4 * selectorFields.length, systemScope.type, systemScope.octets],
      ...selectorFields.flatMap(({ type, octets }) => [type, octets]),
    ]);
    const room = this.#octetsMax - headerOctets - setHeaderOctets - padded(template.length);
    const newest = data.slice(-Math.max(1, Math.floor(room / data[0]!.length)));
    // The template goes with its data each time: over UDP nobody knows what arrived.
    return [this.#message(exportTimeS, 1 + newest.length, [set(1, template), ...newest])];
  }

  dataMessage(rows: Uint8Array, firstRow: number, count: number, wallOffsetNs: bigint, exportTimeS: number): EncodedRows {
    const buffer = new Uint8Array(this.#octetsMax);
    const view = new DataView(buffer.buffer);
    const half = new FlowHalf(rows);
    half.offsetMs = Number(wallOffsetNs) / 1e6;
    const most = Math.min(count, rowsPerMessageMax);
    this.#coverTimes(half, firstRow, most, exportTimeS);
    const notRepresentable: { from: number; count: number }[] = [];
    let at = headerOctets;
    let setStart = 0;
    let current: Template | undefined;
    let records = 0;
    let taken = 0;
    for (; taken < most; taken++) {
      half.row.at(taken, firstRow);
      const { kind, halves } = half;
      const templates = halves.map((reversed) => this.#templates.of(kind, reversed));
      if (templates[0] === undefined) {
        addRow(notRepresentable, taken);
        continue;
      }
      let [end, last] = [at, current];
      for (const template of templates as Template[]) {
        end = (template === last ? end : padded(end) + setHeaderOctets) + template.octets;
        last = template;
      }
      if (padded(end) > this.#octetsMax) break;
      for (const reversed of halves) {
        const template = templates[reversed ? 1 : 0]!;
        if (template !== current) {
          const start = padded(at);
          closeSet(view, setStart, start);
          setStart = start;
          view.setUint16(start, template.id);
          at = start + setHeaderOctets;
          current = template;
        }
        half.reversed = reversed;
        for (const field of template.fields) {
          field.write(view, at, half, this.#uptime);
          at += field.octets;
        }
        records++;
      }
    }
    const skipped: { notRepresentable?: readonly RowRange[] } = notRepresentable.length > 0 ? { notRepresentable } : {};
    if (records === 0) return { message: new Uint8Array(0), rows: taken, records, ...skipped };
    const octets = padded(at);
    closeSet(view, setStart, octets);
    this.#stamp(view, exportTimeS, records);
    return { message: buffer.slice(0, octets), rows: taken, records, ...skipped };
  }

  #coverTimes(half: FlowHalf, firstRow: number, count: number, exportTimeS: number): void {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (let index = 0; index < count; index++)
      oldestMs = Math.min(oldestMs, half.offsetMs + half.row.at(index, firstRow).flowStartMs);
    this.#uptime.cover(oldestMs, exportTimeS * 1_000);
  }

  #message(exportTimeS: number, records: number, sets: readonly Uint8Array[]): Uint8Array {
    this.#uptime.cover(exportTimeS * 1_000, exportTimeS * 1_000);
    const message = new Uint8Array(sets.reduce((octets, one) => octets + one.length, headerOctets));
    let at = headerOctets;
    for (const one of sets) {
      message.set(one, at);
      at += one.length;
    }
    this.#stamp(new DataView(message.buffer), exportTimeS, records);
    return message;
  }

  /** RFC 3954 section 5.1. The count is of records, templates included. */
  #stamp(view: DataView, exportTimeS: number, records: number): void {
    view.setUint16(0, 9);
    view.setUint16(2, records);
    view.setUint32(4, this.#uptime.header(exportTimeS * 1_000));
    view.setUint32(8, exportTimeS);
    view.setUint32(12, this.#sequence);
    view.setUint32(16, this.#options.observationDomainId);
    this.#sequence = (this.#sequence + 1) >>> 0;
  }
}

/** Adds a row to ranges that are ascending. */
export function addRow(ranges: { from: number; count: number }[], row: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.from + last.count === row) last.count++;
  else ranges.push({ from: row, count: 1 });
}

// RFC 3954 section 5.3: sets end on a multiple of four octets.
const padded = (octets: number): number => (octets + 3) & ~3;

function closeSet(view: DataView, start: number, end: number): void {
  if (start > 0) view.setUint16(start + 2, padded(end) - start);
}

function words(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

function set(id: number, content: Uint8Array): Uint8Array {
  const octets = new Uint8Array(padded(setHeaderOctets + content.length));
  const view = new DataView(octets.buffer);
  view.setUint16(0, id);
  view.setUint16(2, octets.length);
  octets.set(content, setHeaderOctets);
  return octets;
}

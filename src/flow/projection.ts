/**
 * A template as a projection of the row: a plan of byte ranges, merged where adjacent. The addon runs plans over whole
 * blocks; `projectRows` here is the same in TypeScript, the reference that the addon is tested against and that the
 * simulation uses. Pure.
 */
import { type Element, elementNamed, VARIABLE_LENGTH } from './elements.ts';
import { type RowKind, rowKindPlace, rowKinds } from './row_kinds.ts';
import { ROW_BYTES, rowField, rowFieldOfElement } from './row_layout.ts';

/** What a step does with the row's octets; the number is the addon's. */
export const stepKinds = {
  copy: 0,
  timeSeconds: 1,
  timeMilliseconds: 2,
  timeNtpMicroseconds: 3,
  timeNtpNanoseconds: 4,
  zero: 5,
} as const;
type StepKind = (typeof stepKinds)[keyof typeof stepKinds];

/** `source` and `target` are offsets in the row and in the record; `octets` is what is written. */
export interface ProjectionStep {
  readonly kind: StepKind;
  readonly source: number;
  readonly target: number;
  readonly octets: number;
}

export interface TemplateField {
  readonly element: Element;
  /** Octets on the wire: the row's width (reduced-size encoding, RFC 7011 section 6.2) or the element's own. */
  readonly octets: number;
}

/** One template with how to fill its records. `reversed` plans read the other direction's fields (uniflow export). */
export interface ProjectionPlan {
  readonly templateId: number;
  readonly fields: readonly TemplateField[];
  readonly recordOctets: number;
  readonly steps: readonly ProjectionStep[];
}

/** Row classes: kind, and whether the reverse direction is present. */
export const rowClassCount = rowKinds.length * 2;
export function rowClass(kind: RowKind, twoWay: boolean): number {
  return rowKinds.indexOf(kind) * 2 + (twoWay ? 1 : 0);
}

/** For each row class the plans to run, in order: none (not selected), one, or two (uniflow of a two-way row). */
export type ProjectionTable = readonly (readonly ProjectionPlan[])[];

// What the other direction of a row calls each field: source and destination change places, counters are the reverse's.
const swapped = new Map<string, string>(
  (
    [
      ['sourceAddress', 'destinationAddress'],
      ['outerSourceAddress', 'outerDestinationAddress'],
      ['sourceTransportPort', 'destinationTransportPort'],
      ['sourceMacAddress', 'destinationMacAddress'],
      ['bgpSourceAsNumber', 'bgpDestinationAsNumber'],
      ['sourceCountryCode', 'destinationCountryCode'],
      ['forwardFlowStart', 'reverseFlowStart'],
      ['forwardFlowEnd', 'reverseFlowEnd'],
      ...[
        'octetDeltaCount',
        'packetDeltaCount',
        'layer2OctetDeltaCount',
        'diffServCodePointSet',
        'tcpControlBits',
        'ipClassOfService',
        'minimumTTL',
        'maximumTTL',
        'tcpSequenceNumber',
        'minimumIpTotalLength',
        'maximumIpTotalLength',
        'roundTripTimeMicroseconds',
        'retransmittedPacketDeltaCount',
        'outOfOrderPacketDeltaCount',
        'unseenAcknowledgedOctetDeltaCount',
        'fragmentDeltaCount',
        'zeroWindowPacketDeltaCount',
        'icmpUnreachableDeltaCount',
      ].map((name) => [name, `reverse${name[0]!.toUpperCase()}${name.slice(1)}`] as [string, string]),
    ] as [string, string][]
  ).flatMap(([a, b]) => [
    [a, b],
    [b, a],
  ]),
);

const timeKinds: Record<string, StepKind> = {
  dateTimeSeconds: stepKinds.timeSeconds,
  dateTimeMilliseconds: stepKinds.timeMilliseconds,
  dateTimeMicroseconds: stepKinds.timeNtpMicroseconds,
  dateTimeNanoseconds: stepKinds.timeNtpNanoseconds,
};

export interface PlanOptions {
  /** Uniflow records describe one direction: times are that direction's, not the biflow's. */
  readonly uniflow: boolean;
  /** Reads the reverse direction's fields instead. */
  readonly reversed: boolean;
  /** Row fields to blank (a destination's privacy settings). */
  readonly blank?: ReadonlySet<string>;
}

/** Compiles a list of element names into a plan. Elements the row does not carry throw (profiles are checked before). */
export function compilePlan(templateId: number, names: readonly string[], options: PlanOptions): ProjectionPlan {
  const fields: TemplateField[] = [];
  const steps: ProjectionStep[] = [];
  let target = 0;
  for (const name of names) {
    const element = elementNamed(name);
    const held = rowFieldOfElement(name);
    if (held === undefined) throw new Error(`rows do not carry ${name}`);
    const field = rowField(sourceFieldName(held.name, options));
    const isTime = held.kind === 'time';
    const octets = isTime
      ? element.octets
      : element.octets === VARIABLE_LENGTH
        ? field.octets
        : Math.min(element.octets, field.octets);
    // A narrower element takes the low octets of a wider field: network order puts them last; addresses stand first.
    const source = field.offset + (isTime || field.kind === 'address' || field.kind === 'octets' ? 0 : field.octets - octets);
    const kind = options.blank?.has(held.name) ? stepKinds.zero : isTime ? timeKinds[element.type]! : stepKinds.copy;
    const last = steps.at(-1);
    if (kind === stepKinds.copy && last?.kind === stepKinds.copy && last.source + last.octets === source) {
      steps[steps.length - 1] = { ...last, octets: last.octets + octets };
    } else {
      steps.push({ kind, source, target, octets });
    }
    fields.push({ element, octets });
    target += octets;
  }
  return { templateId, fields, recordOctets: target, steps };
}

function sourceFieldName(name: string, options: PlanOptions): string {
  const directional =
    options.uniflow && (name === 'flowStart' || name === 'flowEnd') ? `forward${name[0]!.toUpperCase()}${name.slice(1)}` : name;
  return options.reversed ? (swapped.get(directional) ?? directional) : directional;
}

/**
 * The table as the addon takes it: for each row class the number of plans and their indexes, then the plans. All int32.
 * `[rowClassCount × (count, planA, planB)], planCount, [templateId, recordOctets, stepCount, (kind, source, target, octets)…]…`
 */
export function packTable(table: ProjectionTable): Int32Array {
  const plans = [...new Set(table.flat())];
  const words: number[] = [];
  for (let c = 0; c < rowClassCount; c++) {
    const of = table[c] ?? [];
    words.push(of.length, of[0] ? plans.indexOf(of[0]) : -1, of[1] ? plans.indexOf(of[1]) : -1);
  }
  words.push(plans.length);
  for (const plan of plans) {
    words.push(plan.templateId, plan.recordOctets, plan.steps.length);
    for (const step of plan.steps) words.push(step.kind, step.source, step.target, step.octets);
  }
  return Int32Array.from(words);
}

export interface ProjectionResult {
  /** Octets written, whole sets with their headers (RFC 7011 section 3.3.2). */
  octets: number;
  /** Rows taken from the input, those without a plan included. */
  rows: number;
  /** Data records written: what sequence numbers count (RFC 7011 section 3.1). */
  records: number;
}

const SET_HEADER_OCTETS = 4;
const NTP_EPOCH_OFFSET_S = 2_208_988_800n;

/**
 * Writes rows `first..first+count` as data sets until `limit` octets would be exceeded. A row's records stay together.
 * @param wallOffsetNs added to the row's clock to get wall time (0 where the row's clock is the wall's)
 */
export function projectRows(
  table: ProjectionTable,
  rows: Uint8Array,
  firstRowOffset: number,
  count: number,
  out: Uint8Array,
  outOffset: number,
  limit: number,
  wallOffsetNs: bigint,
): ProjectionResult {
  const input = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const output = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const [familyOffset, versionOffset] = [rowField('family').offset, rowField('ipVersion').offset];
  let at = outOffset;
  let setStart = -1;
  let setTemplate = -1;
  const result = { octets: 0, rows: 0, records: 0 };
  for (; result.rows < count; result.rows++) {
    const row = firstRowOffset + result.rows * ROW_BYTES;
    const present = input.getUint32(row + 4);
    const kind = rowKindPlace(input.getUint8(row + familyOffset), present, input.getUint8(row + versionOffset));
    const plans = table[kind * 2 + (present & 1)] ?? [];
    let needed = 0;
    let template = setTemplate;
    for (const plan of plans) {
      needed += plan.recordOctets + (plan.templateId === template ? 0 : SET_HEADER_OCTETS);
      template = plan.templateId;
    }
    if (at + needed > outOffset + limit) break;
    for (const plan of plans) {
      if (plan.templateId !== setTemplate) {
        if (setStart >= 0) output.setUint16(setStart + 2, at - setStart);
        setStart = at;
        setTemplate = plan.templateId;
        output.setUint16(at, plan.templateId);
        at += SET_HEADER_OCTETS;
      }
      for (const step of plan.steps) runStep(step, input, row, output, at, wallOffsetNs);
      at += plan.recordOctets;
      result.records++;
    }
  }
  if (setStart >= 0) output.setUint16(setStart + 2, at - setStart);
  result.octets = at - outOffset;
  return result;
}

function runStep(
  step: ProjectionStep,
  input: DataView,
  row: number,
  output: DataView,
  record: number,
  wallOffsetNs: bigint,
): void {
  const to = record + step.target;
  if (step.kind === stepKinds.copy) {
    for (let i = 0; i < step.octets; i++) output.setUint8(to + i, input.getUint8(row + step.source + i));
    return;
  }
  if (step.kind === stepKinds.zero) {
    for (let i = 0; i < step.octets; i++) output.setUint8(to + i, 0);
    return;
  }
  const ns = input.getBigUint64(row + step.source) + wallOffsetNs;
  if (step.kind === stepKinds.timeSeconds) output.setUint32(to, Number(ns / 1_000_000_000n));
  else if (step.kind === stepKinds.timeMilliseconds) output.setBigUint64(to, ns / 1_000_000n);
  else {
    // RFC 7011 section 6.1.9/6.1.10: NTP format, seconds since 1900 and a binary fraction; the microsecond form must
    // have its lowest 11 bits zero.
    const fraction = ((ns % 1_000_000_000n) << 32n) / 1_000_000_000n;
    const kept = step.kind === stepKinds.timeNtpMicroseconds ? fraction & ~0x7ffn : fraction;
    output.setUint32(to, Number((ns / 1_000_000_000n + NTP_EPOCH_OFFSET_S) & 0xffff_ffffn));
    output.setUint32(to + 4, Number(kept));
  }
}

/**
 * IPFIX messages (RFC 7011 section 3): header, set headers, sequence numbers. Pure: octets in a buffer that the caller owns.
 * Limits: a message is at most 65,535 octets; one without a set is never made.
 */

export const IPFIX_VERSION = 10;
export const MESSAGE_HEADER_OCTETS = 16;
export const SET_HEADER_OCTETS = 4;
export const MESSAGE_OCTETS_MAX = 65_535;

/** RFC 7011 section 3.3.2: set ids below 256 are not data. */
export const setIds = { template: 2, optionsTemplate: 3 } as const;

export interface MessageHeader {
  readonly exportTimeS: number;
  /** Data records sent before this message in the session and domain, modulo 2^32 (RFC 7011 section 3.1). */
  readonly sequence: number;
  readonly observationDomainId: number;
}

/** Writes the header of a message whose sets end at `octets`. */
export function writeMessageHeader(buffer: Uint8Array, offset: number, octets: number, header: MessageHeader): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset + offset, MESSAGE_HEADER_OCTETS);
  view.setUint16(0, IPFIX_VERSION);
  view.setUint16(2, octets);
  view.setUint32(4, header.exportTimeS);
  view.setUint32(8, header.sequence);
  view.setUint32(12, header.observationDomainId);
}

/** One set: its header and records that are already octets. Padding is not needed: records are at least 4 octets long. */
export function makeSet(setId: number, records: readonly Uint8Array[]): Uint8Array {
  const octets = SET_HEADER_OCTETS + records.reduce((sum, record) => sum + record.length, 0);
  const set = new Uint8Array(octets);
  const view = new DataView(set.buffer);
  view.setUint16(0, setId);
  view.setUint16(2, octets);
  let at = SET_HEADER_OCTETS;
  for (const record of records) {
    set.set(record, at);
    at += record.length;
  }
  return set;
}

/** Splits records into sets that fit `octetsMax` each. A record that does not fit alone is a bug of the caller. */
export function makeSets(setId: number, records: readonly Uint8Array[], octetsMax: number): Uint8Array[] {
  const sets: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let octets = SET_HEADER_OCTETS;
  for (const record of records) {
    if (group.length > 0 && octets + record.length > octetsMax) {
      sets.push(makeSet(setId, group));
      group = [];
      octets = SET_HEADER_OCTETS;
    }
    group.push(record);
    octets += record.length;
  }
  if (group.length > 0) sets.push(makeSet(setId, group));
  return sets;
}

/** Adds data records to a sequence number. */
export function advanceSequence(sequence: number, records: number): number {
  return (sequence + records) >>> 0;
}

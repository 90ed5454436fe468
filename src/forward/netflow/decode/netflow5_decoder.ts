/**
 * NetFlow version 5, as strictly as the form allows: fixed records of 48 octets, at most 30, of which the header says how
 * many; times count from the start of the exporter. Values bear the names of IANA's elements. Pure and without memory;
 * throws `messageMalformed` with the offset, nothing else.
 */
import { formatIpv4 } from '../../../flow/addresses.ts';
import { ByteReader, malformed } from '../../ipfix/decode/byte_reader.ts';
import type { DecodedMessage, DecodedRecord } from '../../ipfix/decode/decoded.ts';
import { wallOfUptime } from './uptime.ts';

export const NETFLOW5_HEADER_OCTETS = 24;
export const NETFLOW5_RECORD_OCTETS = 48;
export const NETFLOW5_RECORDS_MAX = 30;
/** IANA samplingAlgorithm (35), by the header's two bits. */
const samplingAlgorithms = [undefined, 1, 2, undefined] as const;

export function decodeNetflow5(bytes: Uint8Array): DecodedMessage {
  const reader = new ByteReader(bytes);
  const version = reader.u16();
  if (version !== 5) throw malformed(`version ${version} is not NetFlow 5’s`, 0);
  const count = reader.u16();
  if (count === 0 || count > NETFLOW5_RECORDS_MAX)
    throw malformed(`${count} records; 1 to ${NETFLOW5_RECORDS_MAX} are allowed`, 2);
  const wanted = NETFLOW5_HEADER_OCTETS + count * NETFLOW5_RECORD_OCTETS;
  if (bytes.length !== wanted)
    throw malformed(
      `${count} records take a message of ${wanted} octets, not of ${bytes.length}`,
      Math.min(wanted, bytes.length),
    );
  const uptimeMs = reader.u32();
  const exportTimeMs = reader.u32() * 1_000 + Math.floor(reader.u32() / 1e6);
  const sequence = reader.u32();
  // Engine type and id: what tells several exporters of one address apart.
  const observationDomainId = reader.u16();
  const sampling = reader.u16();
  const shared = {
    ...(samplingAlgorithms[sampling >> 14] === undefined
      ? {}
      : { samplingAlgorithm: samplingAlgorithms[sampling >> 14] as number }),
    ...((sampling & 0x3fff) === 0 ? {} : { samplingInterval: sampling & 0x3fff }),
  };
  const records = Array.from({ length: count }, () => {
    const { at } = reader;
    const record = readRecord(reader, (ms) => wallOfUptime(ms, uptimeMs, exportTimeMs));
    const { flowStartMilliseconds: start, flowEndMilliseconds: end } = record;
    if (Number(end) < Number(start)) throw malformed('the flow ends before it begins', at + 24);
    return { templateId: 0, values: { ...record, ...shared }, scope: [], late: false } satisfies DecodedRecord;
  });
  const nothing = { templates: [], withdrawn: [], unknownSets: [] };
  return { version: 5, octets: bytes.length, exportTimeMs, sequence, observationDomainId, records, ...nothing };
}

function readRecord(reader: ByteReader, wallMs: (ms: number) => number): Record<string, number | string> {
  const record = {
    sourceIPv4Address: formatIpv4(reader.octets(4), 0),
    destinationIPv4Address: formatIpv4(reader.octets(4), 0),
    ipNextHopIPv4Address: formatIpv4(reader.octets(4), 0),
    ingressInterface: reader.u16(),
    egressInterface: reader.u16(),
    packetDeltaCount: reader.u32(),
    octetDeltaCount: reader.u32(),
    flowStartMilliseconds: wallMs(reader.u32()),
    flowEndMilliseconds: wallMs(reader.u32()),
    sourceTransportPort: reader.u16(),
    destinationTransportPort: reader.u16(),
  };
  reader.u8();
  const rest = {
    tcpControlBits: reader.u8(),
    protocolIdentifier: reader.u8(),
    ipClassOfService: reader.u8(),
    bgpSourceAsNumber: reader.u16(),
    bgpDestinationAsNumber: reader.u16(),
    sourceIPv4PrefixLength: reader.u8(),
    destinationIPv4PrefixLength: reader.u8(),
  };
  reader.u16();
  return { ...record, ...rest };
}

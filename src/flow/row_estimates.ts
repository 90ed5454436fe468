/** What the counts of a sampled row vary by when they stand for all packets: both directions together. Pure. */
import { type DrawnPackets, octetsVariance, packetsVariance, type StandardError } from './estimates.ts';
import type { RowCursor } from './row_cursor.ts';
import { presenceBit } from './row_layout.ts';
import type { Sampling } from './selectors.ts';

const ipBit = presenceBit('ip');

/** Variances, in octets² and packets², of the row's counts times the interval. */
export function rowVariance(row: RowCursor, isTwoWay: boolean, { kind, interval }: Sampling): StandardError {
  const isIp = row.has(ipBit);
  const forward: DrawnPackets = {
    packets: row.packetDeltaCount,
    octets: row.layer2OctetDeltaCount,
    ipOctets: row.octetDeltaCount,
    shortest: isIp ? row.minimumIpTotalLength : 0,
    longest: isIp ? row.maximumIpTotalLength : 0,
  };
  const octets = octetsVariance(forward, kind, interval);
  const packets = packetsVariance(forward, kind, interval);
  if (!isTwoWay) return { octets, packets };
  const reverse: DrawnPackets = {
    packets: row.reversePacketDeltaCount,
    octets: row.reverseLayer2OctetDeltaCount,
    ipOctets: row.reverseOctetDeltaCount,
    shortest: isIp ? row.reverseMinimumIpTotalLength : 0,
    longest: isIp ? row.reverseMaximumIpTotalLength : 0,
  };
  return {
    octets: octets + octetsVariance(reverse, kind, interval),
    packets: packets + packetsVariance(reverse, kind, interval),
  };
}

/**
 * What is summed of a segment's records, spread out for loops: numbers by row, estimates already where packets were sampled.
 * One place for all of it, overwritten by the next segment. Owned by one event loop.
 */
import { numberColumn, startColumn } from '../flow/flow_columns.ts';
import { spreadColumn } from './flow_matcher.ts';
import { type Segment, segmentRows } from './flow_segment.ts';

export interface Figures {
  /** From source to destination and back. */
  readonly octets: Float64Array;
  readonly octetsBack: Float64Array;
  /** Both directions. */
  readonly packets: Float64Array;
  readonly flows: Float64Array;
  readonly startUs: Float64Array;
  readonly lastingUs: Float64Array;
  readonly intervals: Float64Array;
}

const array = (): Float64Array => new Float64Array(segmentRows);
const place: Figures = {
  octets: array(),
  octetsBack: array(),
  packets: array(),
  flows: array(),
  startUs: array(),
  lastingUs: array(),
  intervals: array(),
};
const packetsBack = array();

const columns = {
  octets: numberColumn('layer2OctetDeltaCount'),
  octetsBack: numberColumn('reverseLayer2OctetDeltaCount'),
  packets: numberColumn('packetDeltaCount'),
  packetsBack: numberColumn('reversePacketDeltaCount'),
  flows: numberColumn('deltaFlowCount'),
  lastingUs: numberColumn('flowEnd'),
};

/** Valid until it is called for another segment. */
export function figuresOf({ numbers, intervals, count }: Segment): Figures {
  spreadColumn(numbers[columns.octets]!, count, place.octets);
  spreadColumn(numbers[columns.octetsBack]!, count, place.octetsBack);
  spreadColumn(numbers[columns.packets]!, count, place.packets);
  spreadColumn(numbers[columns.packetsBack]!, count, packetsBack);
  spreadColumn(numbers[columns.flows]!, count, place.flows);
  spreadColumn(numbers[startColumn]!, count, place.startUs);
  spreadColumn(numbers[columns.lastingUs]!, count, place.lastingUs);
  spreadColumn(intervals, count, place.intervals);
  for (let row = 0; row < count; row++) place.packets[row]! += packetsBack[row]!;
  if (intervals.high > 1) scale(count);
  return place;
}

function scale(count: number): void {
  for (let row = 0; row < count; row++) {
    const interval = place.intervals[row]!;
    place.octets[row]! *= interval;
    place.octetsBack[row]! *= interval;
    place.packets[row]! *= interval;
  }
}

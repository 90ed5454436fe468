/** The settings of the section `targets`: what the figures that the box keeps about itself should be. Part of `schema.ts`. */
import { z } from 'zod';
import type { FigureName } from '../flow/figure_shapes.ts';
import { facts, MIB } from './setting_kinds.ts';

const target = (maximum: number, value: number | null, reason: string, unit?: string) =>
  z
    .number()
    .min(0)
    .max(maximum)
    .nullable()
    .default(value)
    .meta(facts({ reason: `${reason}; null: no target`, ...(unit === undefined ? {} : { unit }) }));

const billion = 1e9;
const terabytes = 1_048_576 * MIB;

const each = {
  exportSuccessPercent: target(
    100,
    99.9,
    'Least share of records that arrive, of those that arrived or were given up in the last hour',
    '%',
  ),
  decodeErrorsPpm: target(1e6, 1_000, 'Most packets cut short or malformed, of a million in the last hour', 'ppm'),
  latencyP50Ms: target(
    billion,
    20_000,
    'Longest time from a flow’s end to its record being sent, for half of the records; the idle time-out is part of it',
    'ms',
  ),
  latencyP99Ms: target(billion, 60_000, 'The same for 99 of 100', 'ms'),
  smallFlowRecallPercent: target(100, 90, 'Least share of flows of ten packets that are seen in spite of sampling', '%'),
  topTalkersPercent: target(
    100,
    20,
    'Least overlap (Jaccard) of the ten largest hosts of a day with those of the day before',
    '%',
  ),
  completenessPercent: target(100, 80, 'Least share of records that are enriched with everything that is set up', '%'),
  alertsPerEntity: target(1_000, 2, 'Most alerts a day, divided by mirror ports, uplinks, stores and the box'),
  cpuPercent: target(100, 80, 'Busiest that the processors should be', '%'),
  memoryPercent: target(100, 90, 'Most memory in use', '%'),
  temperatureC: target(120, 75, 'Hottest that the processor should be', '°C'),
  throttledPercent: target(100, 1, 'Most of an hour in which the board complains of voltage or heat', '%'),
  queueRecords: target(1e12, null, 'Most records that wait for a collector or broker'),
  queueOctets: target(terabytes, null, 'Most octets that wait', 'octets'),
  queueS: target(billion, 300, 'Longest wait', 's'),
  queuePercent: target(100, 50, 'Most of the budget of spool or outbox in use', '%'),
  storageGrowthOctets: target(terabytes, null, 'Most that the stores may grow in a day', 'octets'),
  daysToFull: target(100_000, 30, 'Fewest days until the disk is full', 'days'),
  writtenOctets: target(terabytes, 2_048 * MIB, 'Most octets written to the disk in a day', 'octets'),
} satisfies Record<FigureName, z.ZodType>;

export const targets = z.strictObject(each).prefault({});

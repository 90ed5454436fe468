/**
 * Figures that the box keeps about itself, each with a target: what they are called, and the shape in which they go to page,
 * API and MQTT. Shapes only.
 */

export const figureNames = [
  'exportSuccessPercent',
  'decodeErrorsPpm',
  'latencyP50Ms',
  'latencyP99Ms',
  'smallFlowRecallPercent',
  'topTalkersPercent',
  'completenessPercent',
  'alertsPerEntity',
  'cpuPercent',
  'memoryPercent',
  'temperatureC',
  'throttledPercent',
  'queueRecords',
  'queueOctets',
  'queueS',
  'queuePercent',
  'storageGrowthOctets',
  'daysToFull',
  'writtenOctets',
] as const;
export type FigureName = (typeof figureNames)[number];

export interface Figure {
  readonly name: FigureName;
  /** Null while nobody can tell. */
  readonly value: number | null;
  /** Null: none is set. */
  readonly target: number | null;
  /** Null without a value or a target. */
  readonly met: boolean | null;
  /** Share of the last day in which it was met, of the time it could be told; null for none. */
  readonly metPercentLastDay: number | null;
  /** Mean of each of the last 24 hours, oldest first, the hour that runs last; null where it could not be told. */
  readonly hours: readonly (number | null)[];
}

export type FigureUnit = 'percent' | 'ppm' | 'ms' | 's' | 'celsius' | 'count' | 'octets' | 'octetsPerDay' | 'days';

/** How a figure is read: its unit, and on which side of the target it is met. */
export const figureFacts: Readonly<
  Record<FigureName, { readonly unit: FigureUnit; readonly good: 'above' | 'below'; readonly title: string }>
> = {
  exportSuccessPercent: { unit: 'percent', good: 'above', title: 'Records that arrived, of the last hour' },
  decodeErrorsPpm: { unit: 'ppm', good: 'below', title: 'Damaged packets, of the last hour' },
  latencyP50Ms: { unit: 'ms', good: 'below', title: 'From a flow’s end to sent, half of them' },
  latencyP99Ms: { unit: 'ms', good: 'below', title: 'From a flow’s end to sent, 99 of 100' },
  smallFlowRecallPercent: { unit: 'percent', good: 'above', title: 'Flows of ten packets that sampling still sees' },
  topTalkersPercent: { unit: 'percent', good: 'above', title: 'Top ten hosts that are those of the day before' },
  completenessPercent: { unit: 'percent', good: 'above', title: 'Records enriched with all that is set up' },
  alertsPerEntity: { unit: 'count', good: 'below', title: 'Alerts of the last day, per port, uplink, store and box' },
  cpuPercent: { unit: 'percent', good: 'below', title: 'Processor' },
  memoryPercent: { unit: 'percent', good: 'below', title: 'Memory' },
  temperatureC: { unit: 'celsius', good: 'below', title: 'Temperature' },
  throttledPercent: { unit: 'percent', good: 'below', title: 'Time in which the board complained, of the last hour' },
  queueRecords: { unit: 'count', good: 'below', title: 'Records that wait' },
  queueOctets: { unit: 'octets', good: 'below', title: 'Size of what waits' },
  queueS: { unit: 's', good: 'below', title: 'Age of the oldest that waits' },
  queuePercent: { unit: 'percent', good: 'below', title: 'Budget that waiting takes' },
  storageGrowthOctets: { unit: 'octetsPerDay', good: 'below', title: 'Growth of what is kept' },
  daysToFull: { unit: 'days', good: 'above', title: 'Until the disk is full, at the pace of the last day' },
  writtenOctets: { unit: 'octetsPerDay', good: 'below', title: 'Written to the disk' },
};

/** Figures of the metering threads side by side, and of all of them: which one is full, drops or waits. */
import type { MeterThreadStatus, ThreadFigures } from '../../../flow/meter_threads.ts';
import type { MeterStatus } from '../../../flow/status_shapes.ts';
import { bytes, count, percent, shortCount } from '../format.ts';
import { Card } from './controls.tsx';

interface Line {
  readonly name: string;
  readonly title?: string;
  readonly of: (figures: ThreadFigures) => string;
  /** The whole number, where `of` shortens it. */
  readonly exact?: (figures: ThreadFigures) => string;
  readonly isBad?: (figures: ThreadFigures) => boolean;
}

/** A counter since the start. */
const counter = (name: string, of: keyof ThreadFigures, more: Partial<Line> = {}): Line => ({
  name,
  of: (figures) => shortCount(figures[of] ?? 0),
  exact: (figures) => count(figures[of] ?? 0),
  ...more,
});
const share = (part: number, whole: number): string => (whole === 0 ? '–' : percent(part, whole));

const groups: readonly { readonly name: string; readonly lines: readonly Line[] }[] = [
  {
    name: 'Last ten seconds',
    lines: [
      {
        name: 'Packets a second',
        of: ({ packetsPerSecond }) => (packetsPerSecond === null ? '–' : shortCount(Math.round(packetsPerSecond))),
      },
      {
        name: 'CPU',
        title: 'Of one core’s time; of all threads together it may be more than 100 %',
        of: ({ cpuPercent }) => (cpuPercent === null ? '–' : `${cpuPercent.toFixed(1)} %`),
        isBad: ({ cpuPercent }) => (cpuPercent ?? 0) >= 95,
      },
    ],
  },
  {
    name: 'Now',
    lines: [
      {
        name: 'Ring filled',
        title: 'Blocks of the fullest ring that wait to be read',
        of: ({ ringFilledPercent }) => `${ringFilledPercent} %`,
        isBad: ({ ringFilledPercent }) => ringFilledPercent >= 75,
      },
      counter('Flows in the cache', 'cachedFlows'),
      { name: 'Cache filled', of: ({ cachedFlows, cacheCapacityFlows }) => share(cachedFlows, cacheCapacityFlows) },
      {
        name: 'Blocks that wait',
        title: 'Filled with records, for the pipeline to take them',
        of: ({ blocksFilled, blocksCapacity }) => `${blocksFilled} of ${blocksCapacity}`,
      },
    ],
  },
  {
    name: 'Packets since the start',
    lines: [
      counter('Received', 'receivedPackets'),
      { name: 'Received volume', of: ({ receivedOctets }) => bytes(receivedOctets), exact: (of) => count(of.receivedOctets) },
      counter('Dropped by the kernel', 'droppedByKernelPackets', {
        title: 'For lack of room in the ring',
        isBad: (of) => of.droppedByKernelPackets > 0,
      }),
      counter('Not decodable', 'undecodablePackets'),
      counter('Duplicates seen', 'duplicatesSeenPackets'),
      counter('Sampled out', 'sampledOutPackets'),
      counter('Metered', 'meteredPackets'),
      {
        name: 'Packets a batch',
        title: 'Taken from the source at once, on average: many when it is busy',
        of: ({ receivedPackets, batches }) => (batches === 0 ? '–' : (receivedPackets / batches).toFixed(1)),
        exact: ({ batches }) => `${count(batches)} batches`,
      },
    ],
  },
  {
    name: 'Flows since the start',
    lines: [
      counter('Begun', 'flowsCreated'),
      counter('Ended, idle', 'flowsEndedIdle', { title: 'No packet for meter.idleTimeoutS' }),
      counter('Cut, active', 'flowsEndedActive', { title: 'A record for each meter.activeTimeoutS of a flow that goes on' }),
      counter('Ended by FIN or RST', 'flowsEndedByProtocol'),
      counter('Ended, forced', 'flowsEndedForced', { title: 'At a stop, or at the end of a capture' }),
      counter('Ended for room', 'flowsEndedForResources', {
        title: 'The cache was full: a larger meter.cacheFlows keeps them',
        isBad: (of) => of.flowsEndedForResources > 0,
      }),
      counter('Merged', 'flowsAggregated', { title: 'Short flows that share a record, for lack of room' }),
      counter('Records handed over', 'handedOverRecords'),
      counter('Waits for a free block', 'handOverStalls', { isBad: (of) => of.handOverStalls > 0 }),
    ],
  },
];

export function MeterThreads({ meter: { threads, allThreads } }: { meter: MeterStatus }) {
  if (threads.length === 0) return null;
  const columns: readonly { name: string; figures: ThreadFigures }[] = [
    ...(threads.length > 1 ? [{ name: 'All', figures: allThreads }] : []),
    ...threads.map((one: MeterThreadStatus) => ({ name: `Thread ${one.thread}`, figures: one })),
  ];
  return (
    <Card
      title="Metering threads"
      note={threads.length === 1 ? 'one: meter.threads' : `${threads.length}, packets are spread by address pair`}
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="threads-frame" tabIndex={0} aria-label="Figures of the metering threads">
        <table class="terms threads">
          <caption class="said">Figures of each metering thread</caption>
          <thead>
            <tr>
              <td />
              {columns.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          {groups.map((group) => (
            <tbody key={group.name}>
              <tr class="threads-group">
                <th scope="rowgroup" colSpan={columns.length + 1}>
                  {group.name}
                </th>
              </tr>
              {group.lines.map((line) => (
                <tr key={line.name}>
                  <th scope="row" title={line.title}>
                    {line.name}
                  </th>
                  {columns.map(({ name, figures }) => (
                    <td key={name} class={`number ${line.isBad?.(figures) ? 'bad-text' : ''}`} title={line.exact?.(figures)}>
                      {line.of(figures)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </section>
    </Card>
  );
}

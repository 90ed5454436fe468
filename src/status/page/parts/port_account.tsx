/** What the ports counted themselves, held against what the meter took in. */
import type { PortAccount } from '../../../flow/status_shapes.ts';
import { bytes, count, duration, percent, shortCount } from '../format.ts';
import { Badge, Card, type Tone } from './controls.tsx';
import { Fact } from './places.tsx';

/** The two are read one after the other: so much may have come between. */
const tolerance = 1e-3;

export function PortAccountCard({ account }: { account: PortAccount }) {
  const { overMs, portPackets, portOctets, receivedPackets, receivedOctets, leftOutPackets, droppedPackets } = account;
  const known = receivedPackets + leftOutPackets + droppedPackets;
  const off = portPackets - known;
  const [tone, words]: [Tone, string] =
    Math.abs(off) <= Math.max(1_000, portPackets * tolerance) ? ['good', 'They agree'] : ['warn', 'They differ'];
  return (
    <Card title="Ports against the meter" note={`over ${duration(overMs)}`} actions={<Badge tone={tone}>{words}</Badge>}>
      <dl class="facts">
        <Fact
          name="Counted by the ports"
          value={`${shortCount(portPackets)} packets, ${bytes(portOctets)}`}
          title={count(portPackets)}
        />
        <Fact
          name="Taken in by the meter"
          value={`${shortCount(receivedPackets)} packets, ${bytes(receivedOctets)}`}
          title={count(receivedPackets)}
        />
        {leftOutPackets > 0 && (
          <Fact name="Left out by filter or sampling in the kernel" value={`${count(leftOutPackets)} packets`} />
        )}
        <Fact name="Dropped by the kernel" value={`${count(droppedPackets)} packets`} />
        <Fact
          name="Difference"
          value={`${off < 0 ? '−' : ''}${count(Math.abs(off))} packets (${percent(Math.abs(off), portPackets)})`}
        />
      </dl>
      {tone === 'warn' && (
        <p class="small quiet">
          {off > 0
            ? 'The ports took in more than the meter knows of: other programs’ filters, or frames that the driver hands to nobody.'
            : 'The meter saw more than the ports counted: merged packets are counted once by some drivers (doctor looks at the offloads).'}
        </p>
      )}
    </Card>
  );
}

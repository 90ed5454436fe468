/** The box itself. What this machine does not tell is said to be unknown, never shown as zero. */
import type { HostHealth } from '../../../flow/status_shapes.ts';
import { bytes, duration } from '../format.ts';
import { Card, Gauge, type Tone } from './controls.tsx';
import { Fact } from './places.tsx';

const tone = (part: number, warn: number, bad: number): Tone => (part >= bad ? 'bad' : part >= warn ? 'warn' : 'info');

export function HostCard({ host }: { host: HostHealth }) {
  const memoryUsed = host.memoryTotalOctets - host.memoryAvailableOctets;
  const diskUsed = host.diskTotalOctets - host.diskFreeOctets;
  const part = (used: number, all: number): number => (all === 0 ? 0 : used / all);
  const clock = { true: 'synchronised', false: 'not synchronised', null: 'unknown' }[String(host.clockSynchronised)]!;
  return (
    <Card title="Box" note={<span title={`${host.os}, kernel ${host.kernel}`}>{host.model}</span>}>
      <div class="meters">
        <Meter
          name="Processor"
          value={`${Math.round(host.cpuPercent)} %`}
          more={`${host.cpuCores} ${host.cpuCores === 1 ? 'core' : 'cores'}, load ${host.load1.toFixed(2)}`}
          part={host.cpuPercent / 100}
          tone={tone(host.cpuPercent / 100, 0.85, 0.97)}
        />
        <Meter
          name="Memory"
          value={bytes(memoryUsed)}
          more={`of ${bytes(host.memoryTotalOctets)}; flowspan ${bytes(host.processOctets)}`}
          part={part(memoryUsed, host.memoryTotalOctets)}
          tone={tone(part(memoryUsed, host.memoryTotalOctets), 0.85, 0.92)}
        />
        <Meter
          name="Disk"
          value={bytes(diskUsed)}
          more={`of ${bytes(host.diskTotalOctets)}; ${bytes(host.diskFreeOctets)} free`}
          part={part(diskUsed, host.diskTotalOctets)}
          tone={tone(part(diskUsed, host.diskTotalOctets), 0.9, 0.95)}
        />
        <Meter
          name="Temperature"
          value={host.temperatureC === null ? 'unknown' : `${host.temperatureC.toFixed(0)} °C`}
          more={host.temperatureC === null ? 'this machine does not tell' : 'slows down at 80 °C'}
          part={host.temperatureC === null ? 0 : host.temperatureC / 90}
          tone={tone(host.temperatureC ?? 0, 75, 80)}
        />
      </div>
      <dl class="facts">
        <Fact name="Up for" value={duration(host.uptimeS * 1_000)} />
        <Fact name="Clock" value={clock} />
        <Fact name="Written in 24 h" value={writtenWords(host)} />
        <Fact name="System" value={host.os} title={`kernel ${host.kernel}`} />
      </dl>
    </Card>
  );
}

function Meter(props: { name: string; value: string; more: string; part: number; tone: Tone }) {
  return (
    <div class="meter">
      <p class="meter-name">{props.name}</p>
      <p class="meter-value">{props.value}</p>
      <Gauge part={props.part} tone={props.tone} label={`${props.name}: ${props.value}, ${props.more}`} />
      <p class="small faint">{props.more}</p>
    </div>
  );
}

/** By whose count wear is judged first, then the other where it is known. */
function writtenWords({ wearBy, writtenOctetsPerDay, diskWrittenOctetsPerDay }: HostHealth): string {
  const own = `${bytes(writtenOctetsPerDay)} by flowspan`;
  if (diskWrittenOctetsPerDay === null) return own;
  const disk = `${bytes(diskWrittenOctetsPerDay)} by the disk’s own count`;
  return wearBy === 'disk' ? `${disk}, ${own}` : `${own}, ${disk}`;
}

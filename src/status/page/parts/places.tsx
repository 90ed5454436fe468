/** Where packets come from and where things are kept: interfaces and stores. */
import type { MeterStatus, StoreStatus } from '../../../flow/status_shapes.ts';
import { bytes, count, percent, shortCount } from '../format.ts';
import { Badge, Card, Empty, Gauge, type Tone } from './controls.tsx';

export function Interfaces({ meter }: { meter: MeterStatus }) {
  const { interfaces, source } = meter;
  return (
    <Card title="Interfaces" note={source === 'interface' ? undefined : `source: ${source}`}>
      {interfaces.length === 0 ? (
        <Empty title={source === 'demo' ? 'This is the demo office' : 'No interface is metered'}>
          Start with <code>--interface NAME</code>, or set <code>meter.source</code> to <code>interface</code>.
        </Empty>
      ) : (
        <ul class="plain-list">
          {interfaces.map((port) => (
            <li key={port.name} class="port">
              <div class="line-between">
                <h3>
                  {port.name}
                  {port.speedMbps !== null && (
                    <span class="tag">
                      {port.speedMbps >= 1_000 ? `${port.speedMbps / 1_000} Gbit/s` : `${port.speedMbps} Mbit/s`}
                    </span>
                  )}
                </h3>
                <Badge tone={port.up ? 'good' : 'bad'}>{port.up ? 'Link up' : 'No link'}</Badge>
              </div>
              <dl class="facts">
                <Fact name="Received" value={`${shortCount(port.receivedPackets)} packets`} title={count(port.receivedPackets)} />
                <Drop name="Dropped by the kernel" packets={port.droppedByKernelPackets} received={port.receivedPackets} />
                <Drop name="Dropped by the NIC" packets={port.droppedByNicPackets} received={port.receivedPackets} />
                {port.sampledByKernelPackets > 0 && (
                  <Drop name="Sampled by the kernel" packets={port.sampledByKernelPackets} received={port.receivedPackets} />
                )}
                {port.earlyDrop !== 'off' && <Fact name="Early drop" value={port.earlyDrop} />}
              </dl>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Drop({ name, packets, received }: { name: string; packets: number; received: number }) {
  const share = packets === 0 ? '' : ` (${percent(packets, packets + received)})`;
  return <Fact name={name} value={`${count(packets)}${share}`} />;
}

export function Fact({ name, value, title }: { name: string; value: string; title?: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd title={title}>{value}</dd>
    </div>
  );
}

const storeNames = {
  history: { title: 'History', what: 'what the charts show' },
  spool: { title: 'Spool', what: 'flow records that wait' },
  outbox: { title: 'Outbox', what: 'MQTT messages that wait' },
} as const;
const storeTones: Readonly<Record<StoreStatus['state'], Tone>> = { open: 'good', stopped: 'bad', repaired: 'warn' };
const storeStates: Readonly<Record<StoreStatus['state'], string>> = { open: 'Open', stopped: 'Stopped', repaired: 'Repaired' };

export function Stores({ stores }: { stores: readonly StoreStatus[] }) {
  return (
    <Card title="Stores">
      <ul class="plain-list">
        {stores.map(({ name, state, reason, octetsOnDisk, octetsMax }) => {
          const used = `${bytes(octetsOnDisk)} of ${bytes(octetsMax)}`;
          return (
            <li key={name} class="store">
              <div class="line-between">
                <h3>
                  {storeNames[name].title} <span class="faint normal">{storeNames[name].what}</span>
                </h3>
                <Badge tone={storeTones[state]}>{storeStates[state]}</Badge>
              </div>
              <Gauge part={octetsMax === 0 ? 0 : octetsOnDisk / octetsMax} label={`${storeNames[name].title}: ${used}`} />
              <p class="small quiet">{used}</p>
              {reason !== '' && <p class="small quiet">{reason}</p>}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

/** Debug: the meter's figures, why packets were not decoded further, and everything as raw JSON. */
import { useState } from 'preact/hooks';
import type { BoxStatus } from '../../../flow/status_shapes.ts';
import { after } from '../browser_clock.ts';
import { count, duration, percent } from '../format.ts';
import { accountOf } from '../ledger_account.ts';
import type { BoxState } from '../live/box_state.ts';
import { useBox } from '../live/use_box.ts';
import { Card, Empty, Gauge, type Tone } from '../parts/controls.tsx';
import { Enrichment } from '../parts/enrichment.tsx';
import { CopyIcon } from '../parts/icons.tsx';
import { Later } from '../parts/later.tsx';
import { accountWords, LedgerDetail } from '../parts/ledger.tsx';
import { MeterThreads } from '../parts/meter_threads.tsx';
import { Fact } from '../parts/places.tsx';
import { PortAccountCard } from '../parts/port_account.tsx';
import { Sampling } from '../parts/sampling.tsx';

const liveFlows = () => import('../parts/live_flows.tsx').then(({ LiveFlows }) => LiveFlows);

const queueTone = (part: number): Tone => (part >= 0.9 ? 'bad' : part >= 0.6 ? 'warn' : 'info');

const interfacesForMachines = [
  { path: '/api/v1/status', what: 'all of this as JSON' },
  { path: '/api/v1/openapi.json', what: 'the API, described' },
  { path: '/metrics', what: 'figures for Prometheus' },
  { path: '/readyz', what: 'for whoever watches the box' },
];

export function Debug() {
  const box = useBox();
  const { status } = box;
  if (status === undefined) return <h1 class="said">Debug</h1>;
  return (
    <>
      <h1 class="said">Debug</h1>
      <div class="grid pair-grid">
        <div class="stack">
          <MeterCard status={status} />
          {status.ports !== null && <PortAccountCard account={status.ports} />}
        </div>
        <div class="stack">
          <Annotations status={status} />
          <Enrichment enrichment={status.enrichment} />
          <Card title="For machines">
            <ul class="plain-list">
              {interfacesForMachines.map(({ path, what }) => (
                <li key={path} class="line-between">
                  <a class="mono" href={path}>
                    {path}
                  </a>
                  <span class="quiet">{what}</span>
                </li>
              ))}
            </ul>
          </Card>
        </div>
      </div>
      <MeterThreads meter={status.meter} />
      <Sampling sampling={status.meter.sampling} nowMs={status.nowMs} />
      <Card title="Ledger" note={`accounted for: ${accountWords(accountOf(status.ledger))}`}>
        <LedgerDetail ledger={status.ledger} open />
      </Card>
      <Later load={liveFlows} />
      <Raw box={box} status={status} />
    </>
  );
}

function MeterCard({ status }: { status: BoxStatus }) {
  const { meter, ledger } = status;
  const flowsPart = meter.cacheCapacityFlows === 0 ? 0 : meter.cachedFlows / meter.cacheCapacityFlows;
  const blocksPart = meter.blocksCapacity === 0 ? 0 : meter.blocksFilled / meter.blocksCapacity;
  const perRecord = ledger.handedOver.records === 0 ? 0 : ledger.handedOver.packets / ledger.handedOver.records;
  return (
    <Card title="Meter" note={`${meter.source}, ${meter.state}`}>
      {meter.reason !== '' && <p class="trouble">{meter.reason}</p>}
      <div class="meters two">
        <div class="meter">
          <p class="meter-name">Flow cache</p>
          <p class="meter-value">{count(meter.cachedFlows)}</p>
          <Gauge
            part={flowsPart}
            tone={queueTone(flowsPart)}
            label={`Flow cache: ${percent(meter.cachedFlows, meter.cacheCapacityFlows)} full`}
          />
          <p class="small faint">of {count(meter.cacheCapacityFlows)} flows</p>
        </div>
        <div class="meter">
          <p class="meter-name">Block queue</p>
          <p class="meter-value">{count(meter.blocksFilled)}</p>
          <Gauge
            part={blocksPart}
            tone={queueTone(blocksPart)}
            label={`Block queue: ${percent(meter.blocksFilled, meter.blocksCapacity)} full`}
          />
          <p class="small faint">of {count(meter.blocksCapacity)} blocks wait for the pipeline</p>
        </div>
      </div>
      <dl class="facts">
        <Fact
          name="Duplicates seen"
          value={`${count(meter.duplicatesSeenPackets)} (${percent(meter.duplicatesSeenPackets, ledger.decoded.packets)})`}
        />
        <Fact name="Records handed over" value={count(ledger.handedOver.records)} />
        <Fact name="Packets per record" value={perRecord.toFixed(1)} />
        <Fact name="Running for" value={duration(status.nowMs - status.startedMs)} />
      </dl>
    </Card>
  );
}

/** `laterFragmentWithoutFirst` → `Later fragment without first`. */
function inWords(name: string): string {
  const words = name.replaceAll(/([A-Z])/g, ' $1').toLowerCase();
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`.replace(/\b(ip|vlan|mpls|pppoe)\b/gi, (word) => word.toUpperCase());
}

function Annotations({ status }: { status: BoxStatus }) {
  const { annotations, received } = status.ledger;
  const found = Object.entries(annotations).sort((a, b) => b[1] - a[1]);
  const largest = Math.max(1, ...found.map(([, packets]) => packets));
  return (
    <Card title="Not decoded further" note="packets by reason; all of them are counted in a flow">
      {found.length === 0 ? (
        <Empty title="Every packet was decoded to its end" />
      ) : (
        <ul class="rows">
          {found.map(([name, packets]) => (
            <li key={name} class="row">
              <span class="row-name" title={name}>
                {inWords(name)}
              </span>
              <span class="row-volume">{count(packets)}</span>
              <span class="row-share">{percent(packets, received.packets)}</span>
              <span class="row-bar">
                <i class="in" style={{ width: `${(packets / largest) * 100}%` }} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Raw({ box, status }: { box: BoxState; status: BoxStatus }) {
  const [frozen, setFrozen] = useState<string | undefined>(undefined);
  const [copied, setCopied] = useState(false);
  const newest = box.seconds.at(-1);
  const text = frozen ?? JSON.stringify({ second: newest, status }, null, 2);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      after(2_000, () => setCopied(false));
    } catch {
      // Without TLS a browser may refuse the clipboard; the text can still be selected by hand.
      setFrozen(text);
    }
  };
  const actions = (
    <>
      <button
        type="button"
        class="button"
        aria-pressed={frozen !== undefined}
        onClick={() => setFrozen(frozen === undefined ? text : undefined)}
      >
        {frozen === undefined ? 'Hold still' : 'Go on'}
      </button>
      <button type="button" class="button" onClick={() => void copy()}>
        <CopyIcon />
        {copied ? 'Copied' : 'Copy'}
      </button>
    </>
  );
  return (
    <Card title="Raw" actions={actions} class="raw">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
    </Card>
  );
}

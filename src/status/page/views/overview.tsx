/** Overview: what uses the line, now and in the last hours. */
import { useEffect, useState } from 'preact/hooks';
import type { SeriesAnswer } from '../../../flow/history_shapes.ts';
import { labelDimensions } from '../../../flow/labels.ts';
import { askSeries, askSeriesOf } from '../api.ts';
import { type Attention, attentionOf, silentAfterS, silentForS } from '../attention.ts';
import { after, wallMs } from '../browser_clock.ts';
import { duration } from '../format.ts';
import { type BoxState, isNewBox } from '../live/box_state.ts';
import { Segmented } from '../parts/controls.tsx';
import { HistoryChart } from '../parts/history_chart.tsx';
import { BadIcon, WarnIcon } from '../parts/icons.tsx';
import { Later } from '../parts/later.tsx';
import { LiveChart } from '../parts/live_chart.tsx';
import { StatusStrip } from '../parts/status_strip.tsx';
import { TopList } from '../parts/top_list.tsx';
import { go, type Range, type Route } from '../route.ts';
import { type Answer, useAnswer } from '../use_answer.ts';
import type { WeekBefore } from '../week_before.ts';

const anomalies = () => import('../parts/anomalies.tsx').then(({ Anomalies }) => Anomalies);
const growth = () => import('../parts/growth.tsx').then(({ Growth }) => Growth);

/** What stands at the end of the page waits until its beginning is there. */
const growthAfterMs = 2_000;

const ranges: readonly { value: Range; name: string; title: string }[] = [
  { value: '1h', name: '1 h', title: 'Last hour' },
  { value: '6h', name: '6 h', title: 'Last 6 hours' },
  { value: '24h', name: '24 h', title: 'Last 24 hours' },
  { value: '7d', name: '7 d', title: 'Last 7 days' },
];
/** So many that the curve is calm: 30 s, 2 min, 10 min, 1 h a point. */
const pointsOf: Readonly<Record<Range, number>> = { '1h': 122, '6h': 182, '24h': 146, '7d': 170 };

export function Overview({ box, route }: { box: BoxState; route: Route }) {
  const { status, seconds } = box;
  const { range } = route;
  const series = useAnswer(range, (signal) => askSeries(range, pointsOf[range], signal), range === '1h' ? 10_000 : 60_000);
  const before = useWeekBefore(range, series);
  const [isLater, setLater] = useState(false);
  useEffect(() => after(growthAfterMs, () => setLater(true)), []);
  const rangeName = ranges.find(({ value }) => value === range)!.title;
  const stale = box.connection.kind !== 'live';
  const newestMs = seconds.at(-1)?.atMs ?? 0;
  const boxNowMs = wallMs() + box.clockOffsetMs;
  // The edge follows the newest second; when seconds stay away it follows the clock, and the gap opens.
  const endMs = stale || boxNowMs - newestMs < 3_500 ? newestMs : boxNowMs;
  const silentS = silentForS(seconds);
  const isNew = isNewBox(status);

  // What the operator has named: countries and networks by a file, labels by rules.
  const named = [...(status?.places ?? []), ...(status?.labelKinds ?? []).map((kind) => labelDimensions[kind])];

  useEffect(() => {
    if (route.ledger) document.getElementById('ledger')?.scrollIntoView({ block: 'nearest' });
  }, [route.ledger]);

  return (
    <>
      <h1 class="said">Overview</h1>
      {status !== undefined && <Banner attention={attentionOf(status, seconds).filter(({ key }) => key !== 'silent')} />}
      {silentS >= silentAfterS && !stale && status !== undefined && (
        <Silent silentS={silentS} interfaces={status.meter.interfaces} />
      )}
      <LiveChart seconds={seconds} endMs={endMs} stale={stale} lineBits={(status?.line.kbitsPerSecond ?? 0) * 1_000} />
      {status !== undefined && (
        <StatusStrip
          status={status}
          seconds={stale ? [] : seconds}
          open={route.ledger}
          onToggle={(ledger) => go({ ...route, ledger }, true)}
        />
      )}
      <div class="section-head">
        <h2>{rangeName}</h2>
        <Segmented label="Time shown below" options={ranges} value={range} onChange={(last) => go({ ...route, range: last })} />
      </div>
      <HistoryChart answer={series} rangeName={rangeName} isNew={isNew} before={before} />
      <div class="grid tops">
        <TopList by="host" range={range} isNew={isNew} />
        <TopList by="conversation" range={range} isNew={isNew} />
        <TopList by="application" range={range} isNew={isNew} />
        <div class="stack">
          <TopList by="protocol" range={range} isNew={isNew} />
          <TopList by="vlan" range={range} isNew={isNew} />
        </div>
        <TopList by="service" range={range} isNew={isNew} />
        {named.length > 0 && (
          <div class="stack">
            {named.map((dimension) => (
              <TopList
                key={dimension}
                by={dimension}
                range={range}
                isNew={isNew}
                {...(status !== undefined && dimension.endsWith('Label') ? { terms: status.line } : {})}
              />
            ))}
          </div>
        )}
      </div>
      {isLater && <Later load={anomalies} />}
      {isLater && !isNew && <Later load={growth} />}
    </>
  );
}

const weekMs = 7 * 86_400_000;

/** Of days only: what is older than two days is kept by the hour, a line of one step in shorter times. */
function useWeekBefore(range: Range, { value, of }: Answer<SeriesAnswer>): WeekBefore | undefined {
  const isWanted = value !== undefined && of === range && (range === '24h' || range === '7d');
  const question = isWanted ? `${range} ${value.fromMs} ${value.toMs}` : '';
  const ask = async (signal: AbortSignal): Promise<WeekBefore> => {
    const { fromMs, toMs } = value!;
    const asked = askSeriesOf({ from: fromMs - weekMs, to: toMs - weekMs }, { points: pointsOf[range] }, signal);
    const [{ againstWeekBefore }, answer] = await Promise.all([import('../week_before.ts'), asked]);
    return againstWeekBefore(value!, answer);
  };
  const answer = useAnswer(question, ask, Number.POSITIVE_INFINITY);
  return answer.of === question ? answer.value : undefined;
}

function Banner({ attention }: { attention: readonly Attention[] }) {
  const first = attention[0];
  if (first === undefined) return null;
  const others = attention.length - 1;
  return (
    <a class={`banner ${first.level}`} href="#on-call">
      {first.level === 'bad' ? <BadIcon /> : <WarnIcon />}
      <span>
        <strong>{first.title}</strong>
        {others > 0 && ` and ${others} more`}
      </span>
      <span class="banner-more">See what to do</span>
    </a>
  );
}

function Silent({ silentS, interfaces }: { silentS: number; interfaces: readonly { name: string; up: boolean }[] }) {
  const port = interfaces[0];
  return (
    <section class="card silent" aria-labelledby="silent">
      <h2 id="silent">No traffic for {duration(silentS * 1_000)}: is the mirror session enabled?</h2>
      <ol class="steps">
        <li>
          {port === undefined
            ? 'No interface is metered: set meter.interfaces.'
            : port.up
              ? `${port.name} has its link, so the cable is in.`
              : `${port.name} has no link: check the cable and the switch port.`}
        </li>
        <li>On the switch, look whether the mirror (SPAN) session is running and has this box’s port as its destination.</li>
        <li>Check that the mirrored port carries traffic, in both directions.</li>
        <li>
          Run <code>flowspan doctor</code> on the box: it names what is wrong.
        </li>
      </ol>
    </section>
  );
}

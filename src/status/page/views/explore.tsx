/**
 * Explore: from a bump in the line to the flows that made it. A stretch of the chart, a breakdown, a filter; a click on a row goes
 * further in. Without a filter, or with one that names a single key, the history answers for any time; any other filter looks at
 * the records in memory, and says how far those reach.
 */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type LabelKind, labelDimensions } from '../../../flow/labels.ts';
import { askSeriesOf } from '../api.ts';
import { wallMs } from '../browser_clock.ts';
import {
  askedRange,
  type Breakdown,
  boundsOf,
  type ExploreState,
  exploreHash,
  exploreStateOf,
  historyKeyOf,
  lasts,
  moved,
  selected,
} from '../explore_state.ts';
import { dayAndTime } from '../format.ts';
import { keyTitle } from '../key_titles.ts';
import { isNewBox } from '../live/box_state.ts';
import { useBox } from '../live/use_box.ts';
import { Card, Segmented } from '../parts/controls.tsx';
import { ExploreBreakdown } from '../parts/explore_breakdown.tsx';
import { FilterBox } from '../parts/filter_box.tsx';
import { FlowList, useFlows } from '../parts/flow_list.tsx';
import { HistoryChart } from '../parts/history_chart.tsx';
import '../style/explore.css';
import { useAnswer } from '../use_answer.ts';

const lastOptions = lasts.map((value) => ({ value, name: value.replace(/(\d+)(\w+)/, '$1 $2') }));
const pictureOptions = [
  { value: 'list', name: 'List', title: 'Largest first' },
  { value: 'graph', name: 'Graph', title: 'Who talks to whom' },
  { value: 'matrix', name: 'Matrix', title: 'Hosts against services' },
] as const;
const breakdownNames: readonly { readonly value: Breakdown; readonly name: string }[] = [
  { value: 'host', name: 'Hosts' },
  { value: 'conversation', name: 'Conversations' },
  { value: 'application', name: 'Applications' },
  { value: 'service', name: 'Services' },
  { value: 'protocol', name: 'Protocols' },
  { value: 'vlan', name: 'VLANs' },
  { value: 'country', name: 'Countries' },
  { value: 'as', name: 'AS numbers' },
];
const labelNames: Readonly<Record<LabelKind, string>> = {
  site: 'Sites (labels)',
  tenant: 'Tenants (labels)',
  service: 'Services (labels)',
  costCentre: 'Cost centres (labels)',
};
const chartPoints = 180;
const periodMs = 30_000;

function useExplore(): [ExploreState, (state: ExploreState) => void] {
  const [state, setState] = useState(() => exploreStateOf(location.hash));
  useEffect(() => {
    const onChange = (): void => setState(exploreStateOf(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  const go = (next: ExploreState): void => {
    history.pushState(null, '', exploreHash(next));
    dispatchEvent(new HashChangeEvent('hashchange'));
  };
  useEffect(() => {
    // Back and forward change the address alone.
    const onPop = (): void => setState(exploreStateOf(location.hash));
    addEventListener('popstate', onPop);
    return () => removeEventListener('popstate', onPop);
  }, []);
  return [state, go];
}

export function Explore() {
  const box = useBox();
  const [state, go] = useExplore();
  const { range, by, filter, picture } = state;
  const nowMs = wallMs() + box.clockOffsetMs;
  const bounds = boundsOf(range, nowMs);
  // What slides along with the clock is asked again; a fixed stretch of the past is not.
  const isLive = 'last' in range;
  const asked = useMemo(() => askedRange(range), [JSON.stringify(range)]);
  const identity = JSON.stringify([range, filter]);
  const key = historyKeyOf(filter);
  const ofKey = key === undefined ? {} : { by: key.by, key: key.key };
  const series = useAnswer(
    `${JSON.stringify(range)} ${JSON.stringify(ofKey)}`,
    (signal) => askSeriesOf(asked, { points: chartPoints, ...ofKey }, signal),
    isLive ? periodMs : Number.POSITIVE_INFINITY,
  );
  const flows = useFlows(asked, filter, isLive ? periodMs : Number.POSITIVE_INFINITY);
  const labels = (box.status?.labelKinds ?? []).map((kind) => ({ value: labelDimensions[kind], name: labelNames[kind] }));
  const options = [...breakdownNames, ...labels];
  const isNew = isLive && isNewBox(box.status);
  const chartOf = key === undefined ? 'Traffic' : `Traffic of ${keyTitle(key.by, key.key)}`;
  return (
    <>
      <h1 class="said">Explore</h1>
      <div class="explore-bar">
        <Segmented
          label="Time"
          options={lastOptions}
          value={'last' in range ? range.last : ('' as never)}
          onChange={(last) => go({ ...state, range: { last } })}
        />
        <fieldset class="segmented">
          <legend class="said">Move the time</legend>
          <button type="button" onClick={() => go({ ...state, range: moved(range, 'earlier', nowMs) })}>
            Earlier
          </button>
          <button type="button" disabled={isLive} onClick={() => go({ ...state, range: moved(range, 'later', nowMs) })}>
            Later
          </button>
          <button type="button" onClick={() => go({ ...state, range: moved(range, 'wider', nowMs) })}>
            Wider
          </button>
        </fieldset>
        <p class="explore-time">
          {dayAndTime(bounds.from, nowMs)} – {isLive ? 'now' : dayAndTime(bounds.to, nowMs)}
        </p>
      </div>
      <FilterBox value={filter} trouble={flows.trouble} place={flows.place} onApply={(text) => go({ ...state, filter: text })} />
      <HistoryChart
        key={identity}
        answer={series}
        title={chartOf}
        rangeName={isLive ? `last ${range.last}` : 'chosen time'}
        isNew={isNew}
        onSelect={(from, to) => go({ ...state, range: selected(from, to) })}
      />
      <p class="faint small explore-hint">
        Drag over the chart with mouse or finger, or press Enter at both ends of a stretch, to look closer.
        {filter !== '' && key === undefined && ' The chart shows all traffic; the filter applies to what stands below.'}
      </p>
      <Card
        title="Broken down"
        actions={
          <>
            {picture === 'list' && (
              <label class="choice">
                <span class="said">Broken down by</span>
                <select value={by} onChange={(event) => go({ ...state, by: event.currentTarget.value as Breakdown })}>
                  {options.map(({ value, name }) => (
                    <option key={value} value={value}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            )}
            <Segmented
              label="Shown as"
              options={pictureOptions}
              value={picture}
              onChange={(next) => go({ ...state, picture: next })}
            />
          </>
        }
      >
        <ExploreBreakdown
          state={state}
          asked={asked}
          bounds={bounds}
          isNew={isNew}
          periodMs={isLive ? periodMs : Number.POSITIVE_INFINITY}
          go={go}
        />
      </Card>
      <FlowList flows={flows} fromMs={bounds.from} />
    </>
  );
}

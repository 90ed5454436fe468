/** The last hours or days: mean rates by direction, stacked, with hatched gaps. */
import { useMemo, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { intervals95 } from '../../../flow/estimates.ts';
import type { SeriesAnswer } from '../../../flow/history_shapes.ts';
import { bitRate, bitRateUnit, bytes, count, dayAndTime, duration, hourAndMinute, moment, timeOfDay } from '../format.ts';
import { historySeries } from '../history_series.ts';
import { scaleTop } from '../live/live_series.ts';
import type { Answer } from '../use_answer.ts';
import type { WeekBefore } from '../week_before.ts';
import { Card, Empty } from './controls.tsx';
import { axes, hatchedGaps, markedRanges, Plot } from './plot.tsx';

/** What the chart's drawing reads: it is made once for many answers. */
interface Shown {
  readonly gaps: readonly (readonly [number, number])[];
  readonly estimates: readonly (readonly [number, number])[];
  readonly top: number;
  readonly unit: ReturnType<typeof bitRateUnit>;
}

export interface HistoryChartProps {
  readonly answer: Answer<SeriesAnswer>;
  readonly rangeName: string;
  readonly isNew: boolean;
  readonly title?: string;
  /** The same time a week before, which is drawn as a line. */
  readonly before?: WeekBefore | undefined;
  /** Wall time in ms: a stretch of the chart was chosen. */
  readonly onSelect?: (fromMs: number, toMs: number) => void;
}

export function HistoryChart({ answer, rangeName, isNew, title = 'Traffic', before, onSelect }: HistoryChartProps) {
  const { value, trouble } = answer;
  const series = useMemo(() => (value === undefined ? undefined : historySeries(value)), [value]);
  const data = useMemo(
    () =>
      (series === undefined
        ? [[], [], [], [], []]
        : [
            ...[series.times, series.both, series.fromServers, series.p95],
            before?.rates ?? series.times.map(() => null),
          ]) as unknown as uPlot.AlignedData,
    [series, before],
  );
  const shown = useRef<Shown>({ gaps: [], estimates: [], top: 10, unit: bitRateUnit(0) });
  if (series !== undefined) {
    const { gaps, estimates, highest } = series;
    const top = before?.rates.reduce<number>((most, rate) => Math.max(most, rate ?? 0), highest) ?? highest;
    shown.current = { gaps, estimates, top: scaleTop(top, 0), unit: bitRateUnit(top) };
  }

  const note =
    series === undefined || series.isEmpty || value === undefined ? undefined : (
      <>
        {bytes(series.octets)} · mean {bitRate(series.mean)} ·{' '}
        {value.rates === undefined ? (
          <>peak {bitRate(series.peak)}</>
        ) : (
          <span
            title={`Of ${count(value.rates.seconds)} seconds, by the meter’s counters: 95 of 100 were not faster, and the fastest`}
          >
            95 % ≤ {bitRate(value.rates.p95Bits)} · fastest second {bitRate(value.rates.maxBits)}
          </span>
        )}
        {before !== undefined && before.words !== '' && ` · ${before.words}`}
        <span class="faint not-narrow"> · {duration(value.stepMs)} a point</span>
      </>
    );
  const legend = (
    <ul class="legend">
      <li class="key in">From servers</li>
      <li class="key out">From clients</li>
      {series?.p95.some((rate) => rate !== null) && (
        <li class="key p95" title="95 of 100 seconds were not faster">
          95 %
        </li>
      )}
      {before?.rates.some((rate) => rate !== null) && <li class="key before">A week before</li>}
      <li class="key gap">Not metered</li>
      {series !== undefined && series.estimates.length > 0 && <li class="key estimate">Estimated from samples</li>}
    </ul>
  );

  return (
    <Card title={title} note={note} actions={legend} class="history">
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      {series === undefined ? (
        trouble === '' && <div class="skeleton" style={{ height: '200px' }} />
      ) : series.isEmpty ? (
        isNew ? (
          <Empty title="No history yet">The first window closes about two minutes after metering has begun.</Empty>
        ) : (
          <Empty title="Nothing was metered in this time">The box was off, or its port saw no traffic.</Empty>
        )
      ) : (
        <Plot
          label={`Traffic of the ${rangeName}: ${bytes(series.octets)}, peak ${bitRate(series.peak)}`}
          height={200}
          data={data}
          optionsKey={rangeName}
          options={(colours) => {
            const line = { width: 1.25, points: { show: false }, spanGaps: false };
            return {
              cursor: { points: { show: false }, y: false, drag: { x: onSelect !== undefined, y: false, setScale: false } },
              scales: { x: { time: true }, y: { range: () => [0, shown.current.top] } },
              series: [
                {},
                { ...line, stroke: colours.out },
                { ...line, width: 0, fill: `${colours.in}73` },
                { ...line, stroke: colours.text, dash: [4, 3] },
                { ...line, width: 1.5, stroke: colours.flow, dash: [1, 3] },
              ],
              bands: [{ series: [1, 2], fill: `${colours.out}59` }],
              axes: axes(colours, () => shown.current.unit),
              plugins: [
                hatchedGaps(() => shown.current.gaps, colours.hatch),
                markedRanges(() => shown.current.estimates, colours.text),
              ],
            };
          }}
          reading={(index) => <Reading answer={value!} series={series} before={before?.rates[index] ?? null} index={index} />}
          {...(onSelect === undefined ? {} : { onSelect: (from: number, to: number) => onSelect(from * 1_000, to * 1_000) })}
        />
      )}
    </Card>
  );
}

interface ReadingProps {
  readonly answer: SeriesAnswer;
  readonly series: ReturnType<typeof historySeries>;
  readonly before: number | null;
  readonly index: number;
}

function Reading({ answer, series, before, index }: ReadingProps) {
  const point = answer.points[index];
  if (point === undefined) return null;
  const { startMs } = point;
  const both = series.both[index];
  const fromServers = series.fromServers[index];
  return (
    <>
      <span class="tip-time">
        {answer.stepMs < 60_000 ? moment(startMs, answer.toMs) : dayAndTime(startMs)} –{' '}
        {answer.stepMs < 60_000 ? timeOfDay(startMs + answer.stepMs) : hourAndMinute(startMs + answer.stepMs)}
      </span>
      {both === null || both === undefined || fromServers === null || fromServers === undefined ? (
        <strong>{point.present ? 'not over yet' : 'not metered'}</strong>
      ) : (
        <>
          <span class="key in">
            From servers <strong>{bitRate(fromServers)}</strong>
          </span>
          <span class="key out">
            From clients <strong>{bitRate(both - fromServers)}</strong>
          </span>
          {before !== null && (
            <span>
              A week before <strong>{bitRate(before)}</strong>
            </span>
          )}
          {point.rates !== undefined && (
            <span>
              By the second: half ≤ {bitRate(point.rates.p50Bits)}, 95 % ≤ {bitRate(point.rates.p95Bits)}, fastest{' '}
              {bitRate(point.rates.maxBits)}
            </span>
          )}
          {point.standardError !== undefined && (
            <span>≈ estimated, ± {bitRate((intervals95 * point.standardError.octets * 8_000) / answer.stepMs)}</span>
          )}
        </>
      )}
    </>
  );
}

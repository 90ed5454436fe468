/** Traffic now: the figure, the last ten minutes by the second, and what is usual. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import type { TrafficSecond } from '../../../flow/status_shapes.ts';
import { bitRate, bitRateUnit, count, digits, packetRateUnit, percent, timeOfDay } from '../format.ts';
import { figuresOf, liveSeries, type Measure, scaleTop } from '../live/live_series.ts';
import { Segmented } from './controls.tsx';
import { axes, hatchedGaps, Plot } from './plot.tsx';

const measures = [
  { value: 'bits', name: 'bit/s' },
  { value: 'packets', name: 'packets/s' },
] as const;

interface LiveChartProps {
  readonly seconds: readonly TrafficSecond[];
  readonly endMs: number;
  readonly stale: boolean;
  /** What the line carries, bit/s; 0 where nobody has said. */
  readonly lineBits: number;
}

export function LiveChart({ seconds, endMs, stale, lineBits }: LiveChartProps) {
  const [measure, setMeasure] = useState<Measure>('bits');
  const series = useMemo(() => liveSeries(seconds, measure, endMs), [seconds, measure, endMs]);
  const figures = useMemo(() => figuresOf(seconds, measure), [seconds, measure]);
  const data = useMemo(() => [series.times, series.values] as unknown as uPlot.AlignedData, [series]);
  const newest = seconds.at(-1);

  // What uPlot's callbacks read: they outlive one drawing.
  const shown = useRef({ gaps: series.gaps, top: 10, unit: bitRateUnit(0) });
  const unit = measure === 'bits' ? bitRateUnit(figures.peak) : packetRateUnit(figures.peak);
  const top = scaleTop(figures.peak, shown.current.unit.name === unit.name ? shown.current.top : 0);
  shown.current = { gaps: series.gaps, top, unit };

  const figure = (name: string, value: number, title?: string) => (
    <div class="figure" title={title}>
      <dt>{name}</dt>
      <dd>
        {digits(value, unit)} <span class="unit">{unit.name}</span>
      </dd>
    </div>
  );
  const peakAt = figures.peakAtMs === undefined ? '' : timeOfDay(figures.peakAtMs);
  const label = `Traffic of the last ten minutes: peak ${digits(figures.peak, unit)} ${unit.name} at ${peakAt}`;

  return (
    <section class="card hero" aria-labelledby="traffic-now">
      <header class="hero-head">
        <div>
          <h2 id="traffic-now" class="eyebrow">
            Traffic now
          </h2>
          <p class={`hero-now ${stale ? 'stale' : ''}`}>
            <span class="hero-value">{figures.now === undefined || stale ? '–' : digits(figures.now, unit)}</span>
            <span class="hero-unit">{unit.name}</span>
          </p>
        </div>
        <dl class="figures">
          {figure('Peak', figures.peak, peakAt === '' ? undefined : `at ${peakAt}`)}
          {figure('95 %', figures.p95, '95 % of the seconds were at or below this')}
          {figure('Mean', figures.mean)}
          {lineBits > 0 && (
            <div class="figure" title={`Of ${bitRate(lineBits)}, which the line carries in both directions together`}>
              <dt>Of the line</dt>
              <dd>{newest === undefined || stale ? '–' : percent(newest.octets * 8, lineBits)}</dd>
            </div>
          )}
          <div class="figure">
            <dt>New flows</dt>
            <dd>
              {newest === undefined || stale ? '–' : count(newest.newFlows)} <span class="unit">/s</span>
            </dd>
          </div>
        </dl>
        <Segmented label="Unit of the chart" options={measures} value={measure} onChange={setMeasure} />
      </header>
      <Plot
        label={label}
        height={220}
        data={data}
        optionsKey={measure}
        options={(colours) => ({
          cursor: {
            points: { size: 7, fill: colours.flow, stroke: colours.surface, width: 2 },
            y: false,
            drag: { x: false, y: false },
          },
          scales: { x: { time: true }, y: { range: () => [0, shown.current.top] } },
          series: [
            {},
            {
              stroke: colours.flow,
              width: 1.5,
              fill: (u) => {
                const { top: from, height } = u.bbox;
                const gradient = u.ctx.createLinearGradient(0, from, 0, from + height);
                gradient.addColorStop(0, `${colours.flow}4d`);
                gradient.addColorStop(1, `${colours.flow}08`);
                return gradient;
              },
              points: { show: false },
              spanGaps: false,
            },
          ],
          axes: axes(colours, () => shown.current.unit),
          plugins: [hatchedGaps(() => shown.current.gaps, colours.hatch)],
        })}
        reading={(index) => {
          const at = series.times[index]!;
          const value = series.values[index];
          return (
            <>
              <span class="tip-time">{timeOfDay(at * 1_000)}</span>
              <strong>{value === null || value === undefined ? 'not metered' : `${digits(value, unit)} ${unit.name}`}</strong>
            </>
          );
        }}
      />
    </section>
  );
}

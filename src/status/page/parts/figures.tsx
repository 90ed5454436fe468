/** What the box keeps about itself: each figure now, against its target, and over the last day. */
import { type Figure, type FigureUnit, figureFacts } from '../../../flow/figure_shapes.ts';
import { bytes, count, duration, shortCount } from '../format.ts';
import { Badge, Card } from './controls.tsx';

export function Figures({ figures }: { figures: readonly Figure[] }) {
  const missed = figures.filter(({ met }) => met === false).length;
  const judged = figures.filter(({ met }) => met !== null).length;
  const note = missed === 0 ? `${judged} targets, all met` : `${missed} of ${judged} targets missed`;
  return (
    <Card title="Targets" note={note}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section class="figure-scroll" tabIndex={0} aria-label="Figures and their targets">
        <table class="figure-table">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" class="number">
                Now
                <span class="figure-narrow"> and target</span>
              </th>
              <th scope="col" class="number figure-wide">
                Target
              </th>
              <th scope="col">State</th>
              <th scope="col">Last 24 hours</th>
            </tr>
          </thead>
          <tbody>
            {figures.map((figure) => (
              <Row key={figure.name} figure={figure} />
            ))}
          </tbody>
        </table>
      </section>
    </Card>
  );
}

function Row({ figure }: { figure: Figure }) {
  const { name, value, target, met, metPercentLastDay, hours } = figure;
  const { title, unit, good } = figureFacts[name];
  const limit = target === null ? '' : `${good === 'above' ? '≥' : '≤'} ${inUnit(target, unit)}`;
  return (
    <tr>
      <th scope="row">{title}</th>
      <td class="number">
        {inUnit(value, unit)}
        {/* On a phone, where a column of its own would be out of sight. */}
        {limit !== '' && <div class="quiet figure-narrow">{limit}</div>}
      </td>
      <td class="number quiet figure-wide">{limit}</td>
      <td>
        {met === null ? (
          <span class="faint small">{target === null ? 'no target' : 'not known yet'}</span>
        ) : (
          <Badge tone={met ? 'good' : 'warn'}>{met ? 'Met' : 'Missed'}</Badge>
        )}
        {metPercentLastDay !== null && metPercentLastDay < 100 && (
          <span class="faint small"> {metPercentLastDay} % of the day</span>
        )}
      </td>
      <td>
        <Spark hours={hours} target={target} title={title} unit={unit} />
      </td>
    </tr>
  );
}

const [width, height] = [120, 24];

/** A line through the hours; an hour that nobody knows is a hole. The target is a dashed line where it is in sight. */
function Spark({
  hours,
  target,
  title,
  unit,
}: {
  hours: Figure['hours'];
  target: number | null;
  title: string;
  unit: FigureUnit;
}) {
  const known = hours.filter((hour) => hour !== null);
  if (known.length === 0) return <span class="faint small">nothing yet</span>;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const span = high - low || Math.max(1, Math.abs(high));
  const y = (value: number): number => height - 3 - ((value - low) / span) * (height - 6);
  const step = width / Math.max(1, hours.length - 1);
  let path = '';
  hours.forEach((hour, at) => {
    if (hour === null) return;
    const before = at > 0 ? hours[at - 1] : null;
    path += `${before === null || before === undefined ? 'M' : 'L'}${(at * step).toFixed(1)} ${y(hour).toFixed(1)}`;
    // An hour between two holes is a dot, not nothing.
    if ((before ?? null) === null && (hours[at + 1] ?? null) === null) path += 'h1.5';
  });
  const inSight = target !== null && target >= low && target <= high;
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      role="img"
      aria-label={`${title}: from ${inUnit(low, unit)} to ${inUnit(high, unit)} in the last 24 hours`}
    >
      {inSight && <path class="spark-target" d={`M0 ${y(target).toFixed(1)}H${width}`} />}
      <path class="spark-line" d={path} />
    </svg>
  );
}

function inUnit(value: number | null, unit: FigureUnit): string {
  if (value === null) return '–';
  switch (unit) {
    case 'percent':
      return `${trimmed(value)} %`;
    case 'ppm':
      return `${count(Math.round(value))} ppm`;
    case 'ms':
      return duration(value);
    case 's':
      return duration(value * 1_000);
    case 'celsius':
      return `${Math.round(value)} °C`;
    case 'octets':
      return bytes(value);
    case 'octetsPerDay':
      return `${value < 0 ? '−' : ''}${bytes(Math.abs(value))}/day`;
    case 'days':
      return value >= 3_650 ? 'years' : `${Math.round(value)} days`;
    default:
      return value >= 100 ? shortCount(value) : trimmed(value);
  }
}

const trimmed = (value: number): string => String(Number(value.toFixed(1)));

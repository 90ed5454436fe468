/** Growth of the line's use: the last weeks side by side, against the line's capacity where the settings tell it. */
import type { LineTerms } from '../../../flow/line_terms.ts';
import { askSeries } from '../api.ts';
import { changeWords } from '../change_words.ts';
import { bitRate, bytes, dayOf, percent } from '../format.ts';
import { type Growth as Grown, type GrowthWeek, growthOf } from '../growth.ts';
import { useBox } from '../live/use_box.ts';
import { useAnswer } from '../use_answer.ts';
import { Card, Empty } from './controls.tsx';

/** A day more than 13 weeks, for the day that runs; as many points, so that each is a day. */
const [days, refreshMs] = [92, 600_000];

export function Growth() {
  const { status } = useBox();
  const { value, trouble } = useAnswer('growth', (signal) => askSeries(`${days}d`, days + 1, signal), refreshMs);
  if (status === undefined) return null;
  return (
    <Card title="Growth" note="by week" class="growth">
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      {value === undefined ? (
        trouble === '' && <div class="skeleton" style={{ height: '120px' }} />
      ) : (
        <Weeks grown={growthOf(value, status.line.kbitsPerSecond * 1_000)} line={status.line} />
      )}
    </Card>
  );
}

function Weeks({ grown, line }: { grown: Grown; line: LineTerms }) {
  const { weeks, octetsChange, p95Change } = grown;
  const last = weeks.at(-1);
  if (last === undefined || octetsChange === null)
    return <Empty title="Growth shows after two weeks">A week counts when five of its days were metered.</Empty>;
  const largest = Math.max(1, ...weeks.map(({ octets }) => octets));
  return (
    <>
      <dl class="figures">
        <div class="figure">
          <dt>Last week</dt>
          <dd>
            {last.estimated && '≈ '}
            {bytes(last.octets)}
          </dd>
          <dd class="growth-more">{changeWords(octetsChange, 'the week before')}</dd>
        </div>
        {last.p95Bits !== null && (
          <div class="figure" title="95 of 100 seconds were not faster; the mean of the week’s days">
            <dt>95 % of seconds</dt>
            <dd>≤ {bitRate(last.p95Bits)}</dd>
            {p95Change !== null && <dd class="growth-more">{changeWords(p95Change, 'the week before')}</dd>}
          </div>
        )}
        {last.p95Bits !== null && line.kbitsPerSecond > 0 && (
          <div class="figure">
            <dt>Of the line</dt>
            <dd>{percent(last.p95Bits, line.kbitsPerSecond * 1_000)}</dd>
            <dd class="growth-more">of {bitRate(line.kbitsPerSecond * 1_000)}</dd>
          </div>
        )}
      </dl>
      <ol class="growth-weeks" aria-label="Volume of each week">
        {weeks.map((week) => (
          <li key={week.startMs} title={weekWords(week)}>
            <span class="said">{weekWords(week)}</span>
            <i style={{ height: `${Math.max(2, (week.octets / largest) * 100)}%` }} />
          </li>
        ))}
      </ol>
      <p class="small quiet">{outlook(grown, line)}</p>
    </>
  );
}

const weekWords = ({ startMs, octets, p95Bits, estimated }: GrowthWeek): string =>
  `Week from ${dayOf(startMs)}: ${estimated ? '≈ ' : ''}${bytes(octets)}${p95Bits === null ? '' : `, 95 % of seconds ≤ ${bitRate(p95Bits)}`}`;

function outlook({ weeks, weeksToFull }: Grown, { kbitsPerSecond }: LineTerms): string {
  if (kbitsPerSecond === 0) return 'Set line.kbitsPerSecond to see it against what the line carries.';
  if (weeks.length < 4) return 'From four weeks on this tells when the line is full at their pace.';
  if (weeksToFull === null) return `In these ${weeks.length} weeks it does not grow towards what the line carries.`;
  if (weeksToFull === 0) return 'One second in twenty needs all that the line carries, or more.';
  const when = weeksToFull < 9 ? `${Math.ceil(weeksToFull)} weeks` : `${Math.round(weeksToFull / 4.35)} months`;
  return `At the pace of these ${weeks.length} weeks, one second in twenty needs all of the line in about ${when}.`;
}

/** The place of anomalies in the traffic. Nothing looks for them yet; beside that, what is much unlike a week before. */
import type { AnomalyAnswer, WeekChange, WeekComparison } from '../../../flow/anomaly_shapes.ts';
import { ask } from '../api.ts';
import { bytes, dayAndTime } from '../format.ts';
import { keyTitle } from '../key_titles.ts';
import { useAnswer } from '../use_answer.ts';
import { Card, Empty } from './controls.tsx';

const refreshMs = 600_000;

export function Anomalies() {
  const { value, trouble } = useAnswer('anomalies', (signal) => ask<AnomalyAnswer>('/api/v1/anomalies', signal), refreshMs);
  return (
    <Card title="Anomalies" note="not looked for yet">
      <p class="small quiet">
        Nothing on this box judges the traffic yet: that comes with a later version, and shows here.{' '}
        <a href="#on-call">On call</a> tells of troubles of the box and of its mirror.
      </p>
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      {value === undefined ? (
        trouble === '' && <div class="skeleton" style={{ height: '64px' }} />
      ) : (
        <Week week={value.weekBefore} />
      )}
    </Card>
  );
}

function Week({ week }: { week: WeekComparison }) {
  const { changes, fromMs, toMs, notComparable, timesLeast, sharePercentLeast } = week;
  if (notComparable !== '')
    return <Empty title="No comparison with a week before yet">The day and the same one a week before: {notComparable}.</Empty>;
  const times = `${timesLeast} times as much or as little`;
  return (
    <>
      <h3 class="unlike-head">Unlike a week before</h3>
      <p class="small faint">
        {dayAndTime(fromMs)} to {dayAndTime(toMs)}, against the same {Math.round((toMs - fromMs) / 3_600_000)} hours a week before
      </p>
      {changes.length === 0 ? (
        <Empty title="No application stands out">
          Told is what carried {times}, and made up {sharePercentLeast}&nbsp;% of a day or more.
        </Empty>
      ) : (
        <>
          <ul class="plain-list">
            {changes.map((change) => (
              <li key={change.key} class="line-between unlike">
                <span>{keyTitle(change.dimension, change.key)}</span>
                <span class="unlike-change">
                  {timesWords(change)}{' '}
                  <span class="faint small">
                    {change.estimated && '≈ '}
                    {bytes(change.octets)}, was {wasWords(change)}
                  </span>
                </span>
              </li>
            ))}
          </ul>
          <p class="small faint">
            Applications that carried {times}, and differ by {sharePercentLeast}&nbsp;% of a day’s volume or more. A comparison of
            two days, no judgement.
          </p>
        </>
      )}
    </>
  );
}

function timesWords({ times, isMore }: WeekChange): string {
  if (times === null) return isMore ? 'new' : 'gone';
  return isMore ? `${times} times as much` : `${times} times as little`;
}

const wasWords = ({ octetsBefore }: WeekChange): string =>
  octetsBefore === null ? 'too little to be kept by name' : octetsBefore === 0 ? 'none' : bytes(octetsBefore);

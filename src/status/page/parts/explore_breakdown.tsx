/** Explore's middle: the breakdown as a list, a graph or a matrix, from the history or from single records. */
import { useMemo } from 'preact/hooks';
import { intervals95 } from '../../../flow/estimates.ts';
import type { FlowCoverage, FlowGroupAnswer } from '../../../flow/flow_search_shapes.ts';
import type { DistinctKeys, TopAnswer } from '../../../flow/history_shapes.ts';
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import { type AskedRange, askSums, askTopOf } from '../api.ts';
import { drilled, type ExploreState, filterOfKey } from '../explore_state.ts';
import { count, dayAndTime } from '../format.ts';
import { type Answer, useAnswer } from '../use_answer.ts';
import { type BreakdownRow, BreakdownRows } from './breakdown.tsx';
import { Empty } from './controls.tsx';
import { HeatMap } from './heat_map.tsx';
import { Topology } from './topology.tsx';

export interface ExploreBreakdownProps {
  readonly state: ExploreState;
  readonly asked: AskedRange;
  readonly bounds: { readonly from: number; readonly to: number };
  readonly periodMs: number;
  /** The box has just begun: what it meters is counted soon. */
  readonly isNew: boolean;
  readonly go: (state: ExploreState) => void;
}

const listRows = 20;
const graphRows = 80;
const matrixRows = 200;

export function ExploreBreakdown(props: ExploreBreakdownProps) {
  const { picture } = props.state;
  if (picture === 'matrix') return <Matrix {...props} />;
  return picture === 'graph' ? <GraphOfHosts {...props} /> : <List {...props} />;
}

/** The host whose conversations are asked for, when the filter asks for nothing else: the history knows those. */
const hostOf = ({ filter, by }: { filter: string; by: string }): string | undefined =>
  by === 'conversation' ? /^host (\S+)$/.exec(filter)?.[1] : undefined;

function List({ state, asked, bounds, periodMs, isNew, go }: ExploreBreakdownProps) {
  const { by, filter } = state;
  const host = hostOf(state);
  const isOfHistory = filter === '' || host !== undefined;
  const identity = JSON.stringify([asked, by, filter]);
  const top = useAnswer<TopAnswer>(
    isOfHistory ? identity : '',
    (signal) => askTopOf(asked, { by, limit: listRows, ...(host === undefined ? {} : { host }) }, signal),
    periodMs,
  );
  const sums = useAnswer<FlowGroupAnswer>(
    isOfHistory ? '' : identity,
    (signal) => askSums(asked, { by, filter, limit: listRows }, signal),
    periodMs,
  );
  const answer = isOfHistory ? top : sums;
  if (answer.trouble !== '') return <Trouble answer={answer} />;
  if (answer.of !== identity) return <div class="skeleton tall" />;
  const onRow = (key: string): void => go(drilled(state, key));
  if (isOfHistory && top.value !== undefined) {
    const { rows, other, total, fromMs, toMs, distinct } = top.value;
    const both = total.outOctets + total.inOctets;
    if (rows.length === 0)
      return isNew ? (
        <Empty title="Nothing is counted yet">The first window closes about two minutes after metering has begun.</Empty>
      ) : (
        <Empty title="Nothing was metered in this time">The box was off, or its port saw no traffic.</Empty>
      );
    return (
      <>
        <BreakdownRows
          by={by}
          rows={rows}
          wholeOctets={by === 'host' ? both / 2 : both}
          otherOctets={other.outOctets + other.inOctets}
          seconds={(toMs - fromMs) / 1_000}
          about={top.value}
          onRow={onRow}
        />
        {distinct !== undefined && distinct.keys > rows.length && <p class="note small">{distinctText(distinct)}</p>}
      </>
    );
  }
  const { groups = [], matched, coverage } = sums.value ?? {};
  return (
    <>
      <Reach coverage={coverage} fromMs={bounds.from} />
      {groups.length === 0 ? (
        <Empty title="No record matches">Records are kept for some time; earlier ones are summed in the history.</Empty>
      ) : (
        <BreakdownRows
          by={by}
          rows={groups.map((group): BreakdownRow => ({ ...group, key: group.keys[0]! }))}
          wholeOctets={matched?.octets ?? 0}
          otherOctets={by === 'host' ? 0 : (matched?.octets ?? 0) - groups.reduce((sum, { octets }) => sum + octets, 0)}
          seconds={(bounds.to - bounds.from) / 1_000}
          about={sums.value ?? {}}
          onRow={onRow}
        />
      )}
    </>
  );
}

function distinctText({ keys, standardError, atLeast }: DistinctKeys): string {
  if (atLeast) return `At least ${count(keys)} different in this time.`;
  if (standardError === 0) return `${count(keys)} different in this time.`;
  return `About ${count(keys)} different in this time, ± ${count(Math.round(intervals95 * standardError))} in 95 of 100 cases.`;
}

/** A mistake in the filter is told at the filter. */
export function Trouble({ answer }: { answer: Pick<Answer<unknown>, 'trouble' | 'place'> }) {
  if (answer.place !== undefined) return <Empty title="The filter has a mistake">Above it is said where.</Empty>;
  return <p class="trouble">{answer.trouble}</p>;
}

/** How far back single records go, and were looked at: filters cannot see more. */
export function Reach({ coverage, fromMs }: { coverage: FlowCoverage | undefined; fromMs: number }) {
  if (coverage === undefined) return null;
  const { keptFromMs, complete, searchedFromMs, archive } = coverage;
  const notes: string[] = [];
  if (keptFromMs > fromMs) notes.push(`Filters look at single records, which are kept since ${dayAndTime(keptFromMs)}.`);
  if (!complete && searchedFromMs !== undefined)
    notes.push(`There are too many to look at once: these are from ${dayAndTime(searchedFromMs)} on. Choose a shorter time.`);
  if (archive !== undefined && archive.trouble !== '') notes.push(`On disk: ${archive.trouble}.`);
  return notes.length === 0 ? null : <p class="note small">{notes.join(' ')}</p>;
}

function GraphOfHosts({ state, asked, periodMs, go }: ExploreBreakdownProps) {
  const { filter } = state;
  const host = hostOf({ filter, by: 'conversation' });
  const isOfHistory = filter === '' || host !== undefined;
  const identity = JSON.stringify([asked, filter]);
  const { value, trouble, place, of } = useAnswer<{ pairs: readonly { key: string; octets: number }[]; about: AnswerAboutHosts }>(
    identity,
    async (signal) => {
      if (isOfHistory) {
        const question = { by: 'conversation' as const, limit: graphRows, ...(host === undefined ? {} : { host }) };
        const top = await askTopOf(asked, question, signal);
        return { pairs: top.rows.map((row) => ({ key: row.key, octets: row.outOctets + row.inOctets })), about: top };
      }
      const sums = await askSums(asked, { by: 'conversation', filter, limit: graphRows }, signal);
      return { pairs: sums.groups.map(({ keys, octets }) => ({ key: keys[0]!, octets })), about: sums };
    },
    periodMs,
  );
  const conversations = useMemo(
    () =>
      (value?.pairs ?? []).flatMap(({ key, octets }) => {
        const [from, to] = key.split(' ');
        return from === undefined || to === undefined ? [] : [{ from, to, octets }];
      }),
    [value],
  );
  if (trouble !== '') return <Trouble answer={{ trouble, place }} />;
  if (of !== identity) return <div class="skeleton tall" />;
  if (conversations.length === 0) return <Empty title="Nobody talked in this time" />;
  const onHost = (name: string): void => go({ ...state, filter: filterOfKey('host', name), by: 'conversation', picture: 'list' });
  return <Topology conversations={conversations} about={value?.about ?? {}} onHost={onHost} />;
}

function Matrix({ state, asked, bounds, periodMs, go }: ExploreBreakdownProps) {
  const { filter } = state;
  const identity = JSON.stringify([asked, filter]);
  const { value, trouble, place, of } = useAnswer<FlowGroupAnswer>(
    identity,
    (signal) => askSums(asked, { by: 'client,service', filter, limit: matrixRows }, signal),
    periodMs,
  );
  const cells = useMemo(
    () => (value?.groups ?? []).map(({ keys, octets }) => ({ host: keys[0]!, service: keys[1]!, octets })),
    [value],
  );
  if (trouble !== '') return <Trouble answer={{ trouble, place }} />;
  if (of !== identity) return <div class="skeleton tall" />;
  if (cells.length === 0) return <Empty title="No record matches" />;
  return (
    <>
      <Reach coverage={value?.coverage} fromMs={bounds.from} />
      <HeatMap
        cells={cells}
        about={value ?? {}}
        onCell={(host, service) => {
          const own = `${filterOfKey('host', host)} and ${filterOfKey('service', service)}`;
          go({ ...state, filter: own, by: 'conversation', picture: 'list' });
        }}
      />
    </>
  );
}

/** The records that match, newest first, a page more at a time. */
import { useEffect, useState } from 'preact/hooks';
import type { FlowListAnswer } from '../../../flow/flow_search_shapes.ts';
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import type { RowJson } from '../../../flow/row_json.ts';
import { type AskedRange, askFlows } from '../api.ts';
import { bytes, count } from '../format.ts';
import { type Answer, useAnswer } from '../use_answer.ts';
import { Card, Empty } from './controls.tsx';
import { Reach, Trouble } from './explore_breakdown.tsx';
import { FlowTable } from './flow_table.tsx';

const pageRows = 50;

export interface Flows extends Answer<FlowListAnswer> {
  readonly question: string;
  /** The first page and those that were asked for behind it. */
  readonly rows: readonly RowJson[];
  /** What all of these answers say about hosts. */
  readonly about: AnswerAboutHosts;
  readonly nextBefore: number | undefined;
  readonly more: () => void;
}

interface Behind extends Pick<Flows, 'about' | 'nextBefore'> {
  readonly rows: RowJson[];
}

const together = (one: AnswerAboutHosts | undefined, other: AnswerAboutHosts | undefined): AnswerAboutHosts => ({
  names: { ...one?.names, ...other?.names },
  vendors: { ...one?.vendors, ...other?.vendors },
});

export function useFlows(asked: AskedRange, filter: string, periodMs: number): Flows {
  const question = JSON.stringify([asked, filter]);
  const [behind, setBehind] = useState<Behind | undefined>(undefined);
  // Behind the first page nothing is asked again: it would shift what is being read.
  const answer = useAnswer(
    question,
    (signal) => askFlows(asked, { filter, order: 'arrival', limit: pageRows }, signal),
    behind === undefined ? periodMs : Number.POSITIVE_INFINITY,
  );
  useEffect(() => setBehind(undefined), [question]);
  const first = answer.of === question ? answer.value : undefined;
  const nextBefore = behind === undefined ? first?.nextBefore : behind.nextBefore;
  const more = async (): Promise<void> => {
    if (nextBefore === undefined) return;
    const page = await askFlows(
      asked,
      { filter, order: 'arrival', limit: 4 * pageRows, before: nextBefore },
      new AbortController().signal,
    );
    setBehind({
      rows: [...(behind?.rows ?? []), ...page.flows],
      about: together(behind?.about, page),
      nextBefore: page.nextBefore,
    });
  };
  const rows = [...(first?.flows ?? []), ...(behind?.rows ?? [])];
  return { ...answer, question, rows, about: together(behind?.about, first), nextBefore, more: () => void more() };
}

export function FlowList({ flows, fromMs }: { flows: Flows; fromMs: number }) {
  const { value, trouble, place, of, question, rows, about, nextBefore } = flows;
  const matched = of === question ? value?.matched : undefined;
  const atLeast = value?.coverage.complete === false ? 'at least ' : '';
  const note =
    matched && `${atLeast}${count(matched.records)} records, ${bytes(matched.octets)}${matched.estimated ? ' (estimated)' : ''}`;
  return (
    <Card title="Flow records" note={note}>
      {trouble !== '' ? (
        <Trouble answer={{ trouble, place }} />
      ) : matched === undefined ? (
        <div class="skeleton tall" />
      ) : (
        <>
          <Reach coverage={value?.coverage} fromMs={fromMs} />
          {rows.length === 0 ? (
            <Empty title="No record matches">The newest flows are reported up to a minute after they began.</Empty>
          ) : (
            <FlowTable flows={rows} label="Table of the records" about={about} />
          )}
          {nextBefore !== undefined && (
            <p class="rest">
              <button type="button" class="link" onClick={flows.more}>
                Show more records
              </button>
            </p>
          )}
        </>
      )}
    </Card>
  );
}

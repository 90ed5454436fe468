/** The keys of a breakdown, each a way further in: a click on a row narrows the question to it. */

import type { Volume } from '../../../flow/history_shapes.ts';
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import { bitRate, bytes, count, percent } from '../format.ts';
import { keyTitle } from '../key_titles.ts';
import { NamesOfKey } from './host_name.tsx';
import { errorWords } from './top_list.tsx';

export interface BreakdownRow {
  readonly key: string;
  readonly outOctets: number;
  readonly inOctets: number;
  readonly flows: number;
  readonly estimated?: boolean;
  readonly standardError?: Volume['standardError'];
}

export interface BreakdownProps {
  readonly by: string;
  readonly rows: readonly BreakdownRow[];
  /** What shares are of. */
  readonly wholeOctets: number;
  readonly otherOctets: number;
  readonly seconds: number;
  readonly about: AnswerAboutHosts;
  readonly onRow: ((key: string) => void) | undefined;
}

const octetsOf = ({ outOctets, inOctets }: { outOctets: number; inOctets: number }): number => outOctets + inOctets;

export function BreakdownRows({ by, rows, wholeOctets, otherOctets, seconds, about, onRow }: BreakdownProps) {
  const largest = Math.max(1, ...rows.map(octetsOf));
  return (
    <>
      <ol class="rows">
        {rows.map((row) => {
          const title = keyTitle(by, row.key);
          const parts = `out ${bytes(row.outOctets)}, in ${bytes(row.inOctets)}, ${count(row.flows)} flows`;
          return (
            <li key={row.key} class="row">
              <span class="row-name">
                {onRow === undefined || row.key === '(other)' ? (
                  <span class="clip">{title}</span>
                ) : (
                  <button type="button" class="drill" title={`Look into ${title}`} onClick={() => onRow(row.key)}>
                    {title}
                  </button>
                )}
                <NamesOfKey text={row.key} about={about} />
              </span>
              <span class="row-rate" title="Mean rate over this time">
                {bitRate((octetsOf(row) * 8) / Math.max(1, seconds))}
              </span>
              <span class="row-volume" title={row.standardError && errorWords(row as unknown as Volume)}>
                {row.estimated === true && '≈ '}
                {bytes(octetsOf(row))}
              </span>
              <span class="row-share">{percent(octetsOf(row), wholeOctets)}</span>
              <span class="row-bar" title={parts}>
                <span class="said">{parts}</span>
                <i class="in" style={{ width: `${(row.inOctets / largest) * 100}%` }} />
                <i class="out" style={{ width: `${(row.outOctets / largest) * 100}%` }} />
              </span>
            </li>
          );
        })}
      </ol>
      {otherOctets > 0 && <p class="rest">All others: {bytes(otherOctets)}</p>}
    </>
  );
}

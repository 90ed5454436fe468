/** The largest keys of one dimension: name, volume, share, and a bar split by direction. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { intervals95 } from '../../../flow/estimates.ts';
import type { Dimension, KeyVolume, TopAnswer, Volume } from '../../../flow/history_shapes.ts';
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import { costOf, type LineTerms } from '../../../flow/line_terms.ts';
import { applicationName } from '../../../flow/services.ts';
import { askTop } from '../api.ts';
import { bitRate, bytes, count, money, percent } from '../format.ts';
import { keyTitle } from '../key_titles.ts';
import type { Range } from '../route.ts';
import { useAnswer } from '../use_answer.ts';
import { Card, Empty } from './controls.tsx';
import { Copyable } from './copyable.tsx';
import { NamesOfKey } from './host_name.tsx';

type Kind = Exclude<Dimension, 'total'>;

interface Look {
  readonly title: string;
  readonly one: string;
  /** What the two directions are called. */
  readonly out: string;
  readonly in: string;
  readonly rows: number;
}

const looks: Readonly<Record<Kind, Look>> = {
  host: { title: 'Hosts', one: 'host', out: 'Sent', in: 'Received', rows: 8 },
  conversation: { title: 'Conversations', one: 'conversation', out: 'First to second', in: 'Second to first', rows: 8 },
  application: { title: 'Applications', one: 'application', out: 'From clients', in: 'From servers', rows: 11 },
  protocol: { title: 'Protocols', one: 'protocol', out: 'From clients', in: 'From servers', rows: 4 },
  vlan: { title: 'VLANs', one: 'VLAN', out: 'From clients', in: 'From servers', rows: 4 },
  service: { title: 'Services', one: 'service', out: 'From clients', in: 'From servers', rows: 8 },
  siteLabel: { title: 'Sites', one: 'site', out: 'From clients', in: 'From servers', rows: 5 },
  tenantLabel: { title: 'Tenants', one: 'tenant', out: 'From clients', in: 'From servers', rows: 5 },
  serviceLabel: { title: 'Labelled services', one: 'labelled service', out: 'From clients', in: 'From servers', rows: 5 },
  country: { title: 'Countries', one: 'country', out: 'From clients', in: 'From servers', rows: 5 },
  as: { title: 'Networks (AS)', one: 'network', out: 'From clients', in: 'From servers', rows: 5 },
  costCentreLabel: { title: 'Cost centres', one: 'cost centre', out: 'From clients', in: 'From servers', rows: 5 },
};
const moreRows = 30;
const periodMs = 15_000;

const octetsOf = (volume: { outOctets: number; inOctets: number }): number => volume.outOctets + volume.inOctets;

/** @param terms of labels: what the line costs, which their rows then show */
export function TopList({ by, range, isNew, terms }: { by: Kind; range: Range; isNew: boolean; terms?: LineTerms }) {
  const look = looks[by];
  const [all, setAll] = useState(false);
  const limit = all ? moreRows : look.rows;
  const { value, trouble } = useAnswer<TopAnswer>(
    `${by} ${range} ${limit}`,
    (signal) => askTop(by, range, limit, signal),
    periodMs,
  );
  const legend = (
    <ul class="legend">
      <li class="key in">{look.in}</li>
      <li class="key out">{look.out}</li>
    </ul>
  );
  return (
    <Card title={look.title} actions={legend} class={`top top-${by}`}>
      {trouble !== '' && <p class="trouble">{trouble}</p>}
      {value === undefined ? (
        trouble === '' && <Skeleton rows={look.rows} />
      ) : value.rows.length === 0 ? (
        <Empty title={`No ${look.one} ${isNew ? 'yet' : 'in this time'}`}>
          {isNew ? 'The first window closes about two minutes after metering has begun.' : undefined}
        </Empty>
      ) : (
        <>
          <Rows by={by} answer={value} look={look} terms={terms} />
          <Rest answer={value} look={look} all={all} onMore={() => setAll(!all)} />
          {value.total.estimated && <p class="small faint">≈ {errorWords(value.total)} (all of them together)</p>}
        </>
      )}
    </Card>
  );
}

function Rows({ by, answer, look, terms }: { by: Kind; answer: TopAnswer; look: Look; terms: LineTerms | undefined }) {
  // A flow counts for both its hosts, so hosts are measured against the line, not against twice the line.
  const whole = by === 'host' ? octetsOf(answer.total) / 2 : octetsOf(answer.total);
  const largest = Math.max(...answer.rows.map(octetsOf), 1);
  const seconds = Math.max(1, (answer.toMs - answer.fromMs) / 1_000);
  return (
    <ol class="rows">
      {answer.rows.map((row) => (
        <li key={row.key} class="row">
          <Name by={by} name={row.key} about={answer} />
          <RateOrCost octets={octetsOf(row)} seconds={seconds} wholeOctets={whole} terms={terms} />
          <span class="row-volume" title={errorWords(row)}>
            {row.estimated && '≈ '}
            {bytes(octetsOf(row))}
          </span>
          <span class="row-share">{percent(octetsOf(row), whole)}</span>
          <Bar row={row} largest={largest} look={look} />
        </li>
      ))}
    </ol>
  );
}

interface RateOrCostProps {
  readonly octets: number;
  readonly seconds: number;
  readonly wholeOctets: number;
  readonly terms: LineTerms | undefined;
}

function RateOrCost({ octets, seconds, wholeOctets, terms }: RateOrCostProps) {
  const cost = terms && costOf(octets, { totalOctets: wholeOctets, seconds }, terms);
  if (terms === undefined || cost === undefined)
    return (
      <span class="row-rate" title="Mean rate over this time">
        {bitRate((octets * 8) / seconds)}
      </span>
    );
  return (
    <span class="row-rate row-cost" title={termsWords(terms)}>
      {money(cost, terms.currency)}
    </span>
  );
}

function termsWords({ costPerMonth, costPerGigabyte, currency }: LineTerms): string {
  const month = costPerMonth === 0 ? [] : [`its share, by volume, of ${money(costPerMonth, currency)} a month`];
  const volume = costPerGigabyte === 0 ? [] : [`${money(costPerGigabyte, currency)} a gigabyte`];
  return `Cost of this time: ${[...month, ...volume].join(' and ')}`;
}

/** Of sampled traffic: how far the estimate may be off. */
export function errorWords({ standardError, counted }: Volume): string | undefined {
  if (standardError === undefined) return undefined;
  const from = counted === undefined ? 'sampled packets' : `${count(counted.packets)} packets taken (${bytes(counted.octets)})`;
  return `Estimated from ${from}, ± ${bytes(intervals95 * standardError.octets)} in 95 of 100 cases`;
}

function Bar({ row, largest, look }: { row: KeyVolume; largest: number; look: Look }) {
  const width = (octets: number): string => `${(octets / largest) * 100}%`;
  const title = `${look.in} ${bytes(row.inOctets)}, ${look.out.toLowerCase()} ${bytes(row.outOctets)}, ${count(row.flows)} flows`;
  return (
    <span class="row-bar" title={title}>
      <span class="said">{title}</span>
      <i class="in" style={{ width: width(row.inOctets) }} />
      <i class="out" style={{ width: width(row.outOctets) }} />
    </span>
  );
}

function Name({ by, name, about }: { by: Kind; name: string; about: AnswerAboutHosts }): ComponentChildren {
  if (by === 'conversation') {
    const [first, second] = name.split(' ');
    return (
      <span class="row-name pair">
        <Copyable text={first ?? ''} />
        <span class="arrows" aria-hidden="true">
          ⇄
        </span>
        <Copyable text={second ?? ''} />
        <NamesOfKey text={name} about={about} />
      </span>
    );
  }
  if (by === 'service') {
    const [server, application] = name.split(' ') as [string, string];
    return (
      <span class="row-name" title={name}>
        <Copyable text={server} />
        <NamesOfKey text={server} about={about} />
        <span class="faint small"> {applicationName(application)}</span>
      </span>
    );
  }
  if (by === 'application') {
    const known = applicationName(name);
    return (
      <span class="row-name" title={name}>
        <span class="clip">{known}</span>
        {known !== name && <span class="faint small"> {name}</span>}
      </span>
    );
  }
  const text = keyTitle(by, name);
  return (
    <span class="row-name" title={name}>
      {by === 'host' ? <Copyable text={name} /> : <span class="clip">{text}</span>}
      {by === 'host' && <NamesOfKey text={name} about={about} />}
    </span>
  );
}

function Rest({ answer, look, all, onMore }: { answer: TopAnswer; look: Look; all: boolean; onMore: () => void }) {
  const other = octetsOf(answer.other);
  const mayHaveMore = !all && answer.rows.length >= look.rows && other > 0;
  if (other === 0 && !all) return null;
  return (
    <p class="rest">
      <span>{other > 0 ? `All others: ${bytes(other)}` : 'That is all of them.'}</span>
      {(mayHaveMore || all) && (
        <button type="button" class="link" onClick={onMore}>
          {all ? 'Show fewer' : 'Show more'}
          <span class="said"> {look.title.toLowerCase()}</span>
        </button>
      )}
    </p>
  );
}

function Skeleton({ rows }: { rows: number }) {
  return (
    <div class="skeleton-rows" aria-hidden="true">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="skeleton" />
      ))}
    </div>
  );
}

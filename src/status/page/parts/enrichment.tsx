/** How much of what could be known about the records is known, and what is missing. */
import type { EnrichmentStatus } from '../../../flow/status_shapes.ts';
import { Card, Empty } from './controls.tsx';

const parts = {
  locality: { name: 'Inside or outside', setting: 'siteNetworks' },
  application: { name: 'Application by its port', setting: '' },
  label: { name: 'Label', setting: 'labels' },
  country: { name: 'Country', setting: 'places.countryFile' },
  name: { name: 'Name of one end', setting: 'names' },
} as const;

export function Enrichment({ enrichment: { completePercent, lackingPercent } }: { enrichment: EnrichmentStatus }) {
  const note = completePercent === null ? undefined : `${shown(100 - completePercent)} of the records lack something`;
  return (
    <Card title="Enrichment" note={note}>
      {completePercent === null ? (
        <Empty title="No record yet">It is told of the records of the last ten to twenty minutes.</Empty>
      ) : (
        <ul class="rows">
          {(Object.keys(parts) as (keyof typeof parts)[]).map((part) => {
            const lacking = lackingPercent[part];
            return (
              <li key={part} class="row">
                <span class="row-name">
                  <span class="clip">{parts[part].name}</span>
                  <span class="faint small">{parts[part].setting}</span>
                </span>
                <span class="row-volume">{lacking === null ? 'not set up' : shown(100 - lacking)}</span>
                <span class="row-share">{lacking === null ? '' : 'known'}</span>
                <span class="row-bar">
                  <i class="in" style={{ width: lacking === null ? '0' : `${100 - lacking}%` }} />
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}

const shown = (percent: number): string =>
  `${percent >= 99.95 || percent === 0 ? Math.round(percent) : percent.toFixed(1)}\u00a0%`;

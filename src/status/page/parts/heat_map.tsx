/** Hosts against the services they use: the darker a cell, the more octets. A table, so that it is read without eyes too. */
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import { bytes } from '../format.ts';
import { keyTitle } from '../key_titles.ts';
import { NamesOfKey } from './host_name.tsx';

export interface Cell {
  readonly host: string;
  readonly service: string;
  readonly octets: number;
}

const rowsMax = 12;
const columnsMax = 10;
/** Steps of one colour: as many as eyes tell apart. */
const steps = 6;

export interface HeatMapProps {
  readonly cells: readonly Cell[];
  readonly about: AnswerAboutHosts;
  readonly onCell: (host: string, service: string) => void;
}

export function HeatMap({ cells, about, onCell }: HeatMapProps) {
  const hosts = ranked(cells, ({ host }) => host, rowsMax);
  const services = ranked(cells, ({ service }) => service, columnsMax);
  const of = new Map(cells.map((cell) => [`${cell.host}\n${cell.service}`, cell.octets]));
  const largest = Math.max(1, ...cells.map(({ octets }) => octets));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-scroll" tabIndex={0} aria-label="Hosts and services">
      <table class="heat-map">
        <thead>
          <tr>
            <th scope="col">Host</th>
            {services.map((service) => (
              <th key={service} scope="col">
                <span>{keyTitle('service', service)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {hosts.map((host) => (
            <tr key={host}>
              <th scope="row" class="mono">
                {host} <NamesOfKey text={host} about={about} />
              </th>
              {services.map((service) => {
                const octets = of.get(`${host}\n${service}`) ?? 0;
                // A logarithm: an office's services differ by factors of thousands.
                const heat = octets === 0 ? 0 : Math.max(1, Math.round(steps * (Math.log1p(octets) / Math.log1p(largest))));
                return (
                  <td key={service} class={`heat-${heat}`}>
                    {octets === 0 ? (
                      <span class="said">nothing</span>
                    ) : (
                      <button
                        type="button"
                        title={`${host} and ${keyTitle('service', service)}`}
                        onClick={() => onCell(host, service)}
                      >
                        {bytes(octets)}
                      </button>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ranked(cells: readonly Cell[], keyOf: (cell: Cell) => string, most: number): string[] {
  const sums = new Map<string, number>();
  for (const cell of cells) sums.set(keyOf(cell), (sums.get(keyOf(cell)) ?? 0) + cell.octets);
  return [...sums]
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([key]) => key);
}

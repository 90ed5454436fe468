/** Flow records as a table; a row opens to every element that the record has. */
import { useState } from 'preact/hooks';
import type { AnswerAboutHosts } from '../../../flow/host_names.ts';
import type { RowJson } from '../../../flow/row_json.ts';
import { wallMs } from '../browser_clock.ts';
import { addressOf, flowCells, flowName } from '../flow_cells.ts';
import { bytes, count, exactTime, momentOfList } from '../format.ts';
import { NamesOfKey } from './host_name.tsx';

export function FlowTable({ flows, label, about }: { flows: readonly RowJson[]; label: string; about: AnswerAboutHosts }) {
  const [open, setOpen] = useState('');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-scroll" tabIndex={0} aria-label={label}>
      <table class="flow-table">
        <thead>
          <tr>
            <th scope="col">Start</th>
            <th scope="col">Protocol</th>
            <th scope="col">Source</th>
            <th scope="col">Destination</th>
            <th scope="col">Flags</th>
            <th scope="col">VLAN</th>
            <th scope="col" class="number">
              Duration
            </th>
            <th scope="col" class="number">
              Packets
            </th>
            <th scope="col" class="number">
              Sent
            </th>
            <th scope="col" class="number">
              Received
            </th>
          </tr>
        </thead>
        <tbody>
          {flows.map((flow) => {
            const name = flowName(flow);
            return (
              <FlowRows
                key={name}
                flow={flow}
                about={about}
                isOpen={open === name}
                onToggle={() => setOpen(open === name ? '' : name)}
              />
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

interface FlowRowsProps {
  readonly flow: RowJson;
  readonly about: AnswerAboutHosts;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function FlowRows({ flow, about, isOpen, onToggle }: FlowRowsProps) {
  const cells = flowCells(flow);
  return (
    <>
      <tr class={isOpen ? 'is-open' : ''}>
        <td>
          <button type="button" class="link" aria-expanded={isOpen} title={exactTime(cells.startMs)} onClick={onToggle}>
            {momentOfList(cells.startMs, wallMs())}
            <span class="said"> all elements of this record</span>
          </button>
        </td>
        <td>{cells.protocol}</td>
        <End text={cells.source} address={addressOf(flow, 'source')} about={about} />
        <End text={cells.destination} address={addressOf(flow, 'destination')} about={about} />
        <td class="mono">{cells.flags}</td>
        <td>{cells.vlan}</td>
        <td class="number">{cells.lasted}</td>
        <td class="number">{count(cells.packets)}</td>
        <td class="number">{bytes(cells.sent)}</td>
        <td class="number">{bytes(cells.received)}</td>
      </tr>
      {isOpen && (
        <tr class="raw-row">
          <td colSpan={10}>
            <dl class="elements">
              {Object.entries(flow).map(([element, value]) => (
                <div key={element}>
                  <dt>{element}</dt>
                  <dd class="mono">
                    {value}
                    <Known value={value} about={about} />
                  </dd>
                </div>
              ))}
            </dl>
          </td>
        </tr>
      )}
    </>
  );
}

function End({ text, address, about }: { text: string; address: string; about: AnswerAboutHosts }) {
  return (
    <td class="mono">
      {text}
      {(about.names?.[address] ?? about.vendors?.[address]) !== undefined && <br />}
      <NamesOfKey text={address} about={about} />
    </td>
  );
}

/** What is known about an address of the record: a name, or the vendor of a network card. */
function Known({ value, about: { names, vendors } }: { value: string | number; about: AnswerAboutHosts }) {
  const known = names?.[value]?.name ?? vendors?.[value];
  return known === undefined ? null : <span class="host-name"> {known}</span>;
}

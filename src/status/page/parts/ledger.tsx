/** The ledger under its line: failing equations, the diagram, every term. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Ledger } from '../../../flow/ledger.ts';
import { diagramOf, nodeWidth } from '../flow_diagram.ts';
import { bytes, count, percent, shortCount } from '../format.ts';
import { accountOf, type LedgerAccount, ledgerStages } from '../ledger_account.ts';

export function accountWords(account: LedgerAccount): string {
  return account.balanced ? '100\u00a0%' : `${account.accountedPercent}\u00a0%`;
}

/** What stands under the line: the equations that fail, always; the way of the packets when it is unfolded. */
export function LedgerDetail({ ledger, open }: { ledger: Ledger; open: boolean }) {
  const account = accountOf(ledger);
  return (
    <>
      {account.failed.map((equation) => (
        <p key={equation.words + equation.unit} class="equation">
          <code>{equation.words}</code> does not hold for {equation.unit}: {count(equation.left)} ≠ {count(equation.right)}, a
          difference of <strong>{count(Math.abs(equation.left - equation.right))}</strong>
        </p>
      ))}
      {!account.balanced && account.failed.length === 0 && (
        <p class="equation">
          <code>metered = handed over + in the cache</code> does not hold for IP octets.
        </p>
      )}
      {open && <Way ledger={ledger} />}
    </>
  );
}

function Way({ ledger }: { ledger: Ledger }) {
  const stages = ledgerStages(ledger);
  const onPort = stages[0]![0]!.packets;
  return (
    <div class="way">
      <Diagram ledger={ledger} />
      <table class="terms">
        <caption class="said">Terms of the ledger</caption>
        <thead>
          <tr>
            <th scope="col">Term</th>
            <th scope="col" class="wide">
              Meaning
            </th>
            <th scope="col" class="number">
              Packets
            </th>
            <th scope="col" class="number">
              Share
            </th>
            <th scope="col" class="number wide">
              Octets
            </th>
          </tr>
        </thead>
        <tbody>
          {stages.flat().map((term) => (
            <tr key={term.key} class={term.packets === 0 ? 'zero' : ''}>
              <th scope="row">
                <i class={`dot ${term.tone}`} />
                {term.name}
              </th>
              <td class="wide quiet">{term.means}</td>
              <td class="number">{count(term.packets)}</td>
              <td class="number">{percent(term.packets, onPort)}</td>
              <td class="number wide">{term.octets === null ? <span class="faint">unknown</span> : bytes(term.octets)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint small">
        {count(ledger.handedOver.records)} flow records so far. From “received” on, every equation is exact, for packets and
        octets.
      </p>
    </div>
  );
}

function Diagram({ ledger }: { ledger: Ledger }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const sizes = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 0));
    sizes.observe(box.current!);
    return () => sizes.disconnect();
  }, []);
  const diagram = width < 640 ? undefined : diagramOf(ledgerStages(ledger), width);
  return (
    <div ref={box} class="diagram">
      {diagram !== undefined && (
        <svg
          width={diagram.width}
          height={diagram.height}
          role="img"
          aria-label="Where packets went, from the port to the records"
        >
          {diagram.bands.map((band) => (
            <path key={band.path} d={band.path} class={`band ${band.tone}`} />
          ))}
          {diagram.nodes.map(({ term, x, y, height, stage }) => (
            <g key={term.key}>
              <rect x={x} y={y} width={nodeWidth} height={height} rx={Math.min(3, height / 2)} class={`node ${term.tone}`} />
              {term.tone === 'main' && stage < 5 ? (
                <text x={x} y={y - 24} class="node-name">
                  {term.name}
                  <tspan x={x} dy="16" class="node-value">
                    {shortCount(term.packets)}
                  </tspan>
                </text>
              ) : (
                <text x={x + nodeWidth + 8} y={y + height / 2} class="node-name">
                  {term.name}
                  <tspan x={x + nodeWidth + 8} dy="16" class="node-value">
                    {shortCount(term.packets)}
                  </tspan>
                </text>
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

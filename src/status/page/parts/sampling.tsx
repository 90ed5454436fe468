/** Sampling as it is in force: pools in the order in which they are asked, what came to each, what was taken and what that stands for. */
import type { SamplingStatus, SelectorStatus } from '../../../flow/status_shapes.ts';
import { count, moment, percent } from '../format.ts';
import { Card } from './controls.tsx';

export function Sampling({ sampling, nowMs }: { sampling: SamplingStatus; nowMs: number }) {
  const { selectors, adaptive, why, sinceMs } = sampling;
  const inForce = selectors.filter((one) => one.inForce);
  return (
    <Card title="Sampling" note={adaptive ? 'more under pressure' : 'by the settings'}>
      <table class="terms">
        <caption class="said">Selectors, in the order in which they are asked</caption>
        <thead>
          <tr>
            <th scope="col">Pool</th>
            <th scope="col">Rate</th>
            <th scope="col" class="number">
              Came
            </th>
            <th scope="col" class="number">
              Taken
            </th>
            <th scope="col" class="number wide">
              Stands for
            </th>
            <th scope="col" class="number wide">
              selectorId
            </th>
          </tr>
        </thead>
        <tbody>
          {selectors.map((one) => (
            <tr key={one.selectorId} class={one.inForce ? '' : 'zero'}>
              <th scope="row">{one.pool === '' ? 'all others' : one.pool}</th>
              <td>
                {rateWords(one)}
                {!one.inForce && <span class="small faint"> before</span>}
              </td>
              <td class="number">{count(one.observedPackets)}</td>
              <td class="number" title={percent(one.selectedPackets, one.observedPackets)}>
                {count(one.selectedPackets)}
              </td>
              <td class="number wide">{estimateWords(one)}</td>
              <td class="number wide">{one.selectorId}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint small">
        Packets since the start, counted by the meter itself
        {inForce.some(isBehindKernel) ? ', behind the stage in the kernel' : ''}.
        {why !== '' && ` Changed ${moment(sinceMs, nowMs)}: ${why}.`}
      </p>
    </Card>
  );
}

const isExact = ({ kind, kernelInterval }: SelectorStatus): boolean => kind === 'none' && kernelInterval === 1;

const isBehindKernel = ({ kernelInterval }: SelectorStatus): boolean => kernelInterval > 1;

/** `1 packet in 16`, `1 flow in 4, after 1 packet in 8 in the kernel`. */
function rateWords({ kind, interval, kernelInterval }: SelectorStatus): string {
  const kernel = kernelInterval === 1 ? '' : `1 packet in ${count(kernelInterval)} in the kernel`;
  if (kind === 'none' || interval === 1) return kernel === '' ? 'every packet' : kernel;
  const own = kind === 'flowHash' ? `1 flow in ${count(interval)}` : `1 packet in ${count(interval)}`;
  return `${own}${kind === 'count' ? ' by count' : ''}${kernel === '' ? '' : `, after ${kernel}`}`;
}

/** Beside what came, an estimate from what was taken shows what sampling is worth. */
function estimateWords(one: SelectorStatus): string {
  if (isExact(one)) return count(one.estimatedPackets);
  const off = one.within95Packets === null ? '' : ` ± ${count(one.within95Packets)}`;
  return `≈ ${count(one.estimatedPackets)}${off}`;
}

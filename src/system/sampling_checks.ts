/** What `doctor` says of sampling: that it is as set, or more because the box cannot keep up. Pure. */
import type { SamplingStatus } from '../flow/status_shapes.ts';
import { type DoctorCheck, ok, warn } from './doctor_check.ts';

/** Nothing while the service cannot be asked: the check of the mirror says so already. */
export function samplingChecks(sampling: SamplingStatus | null): DoctorCheck[] {
  if (sampling === null) return [];
  const { adaptive, factor, kernelInterval, kind, interval, why, selectors } = sampling;
  if (adaptive && factor * kernelInterval > 1) {
    const kernel = kernelInterval > 1 ? `, and the kernel passes one packet in ${kernelInterval} on, whatever its pool` : '';
    return [
      warn(
        'sampling',
        `the box cannot keep up, so intervals are ${factor} times those of the settings${kernel}: ${why}`,
        'add meter.threads where cores are idle, mirror less, or sample what matters least under meter.sampling.pools',
      ),
    ];
  }
  const rate = kind === 'none' ? 'every packet' : `${kind === 'flowHash' ? 'flows' : 'packets'} 1 in ${interval} (${kind})`;
  const pools = selectors.filter(({ pool, inForce }) => pool !== '' && inForce).length;
  return [ok('sampling', `as set: ${rate}${pools > 0 ? `, and ${pools} pools at rates of their own` : ''}`)];
}

/** What the lamp of a box shows (image: `lamp`), in a word in a file in memory. */
import { writeFileSync } from 'node:fs';
import { wantsSomebody } from '../flow/alert_shapes.ts';
import type { BoxStatus } from '../flow/status_shapes.ts';

/** `attention`: it meters, and an alert waits for somebody; `idle`: nothing is to be metered yet; `fault`: it does not meter or keep. */
export type Lamp = 'meters' | 'attention' | 'idle' | 'fault';
export type LampFacts = Pick<BoxStatus, 'nowMs' | 'meter' | 'dataPlane' | 'alerts'>;

/** @param isSafe safe mode: the service could not stay up */
export function lampOf({ nowMs, meter, dataPlane, alerts }: LampFacts, isSafe: boolean): Lamp {
  if (isSafe || !dataPlane.healthy) return 'fault';
  if (meter.source === 'none') return 'idle';
  return alerts.some((alert) => wantsSomebody(alert, nowMs)) ? 'attention' : 'meters';
}

/** Undefined where nothing shows it. */
export function lampFile(environment: NodeJS.ProcessEnv): ((lamp: Lamp) => void) | undefined {
  const path = environment.FLOWSPAN_LAMP_FILE;
  if (!path) return undefined;
  return (lamp) => {
    try {
      writeFileSync(path, `${lamp}\n`);
    } catch {
      // A lamp that does not show it is no reason to do anything else less well.
    }
  };
}

/** The box in a line, as `systemctl status` shows it. Pure. */
import type { BoxStatus } from '../flow/status_shapes.ts';

export function summaryLine({ meter, uplinks }: Pick<BoxStatus, 'meter' | 'uplinks'>): string {
  const ports = meter.source === 'interface' ? meter.interfaces.map(({ name }) => name).join(', ') : meter.source;
  const metering = meter.state === 'metering' ? `metering ${ports}` : `not metering (${meter.reason || meter.state})`;
  const up = uplinks.filter(({ state }) => state === 'up').length;
  return uplinks.length === 0 ? metering : `${metering}; ${up} of ${uplinks.length} uplinks up`;
}

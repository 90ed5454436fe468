/** The export side of a box in a network namespace of its own: takes rows when told, and says what became of them. */
import type { DestinationAccount } from '../../../src/flow/ledger.ts';
import type { UplinkStatus } from '../../../src/flow/status_shapes.ts';
import { addon } from '../../meter/metering.ts';
import { startBox } from '../export_box.ts';
import { blockOf } from '../rows.ts';

export interface BoxReport {
  readonly status: UplinkStatus;
  readonly account: DestinationAccount;
  readonly events: readonly string[];
}
export type BoxOrder = { readonly rows: readonly [first: number, count: number] } | 'report' | 'stop';

const box = await startBox({ destinations: [JSON.parse(process.argv[2] as string) as Record<string, unknown>], measures: addon });

process.on('message', (order: BoxOrder) => {
  if (order === 'stop') void box.stop(3_000).then(() => process.send?.('stopped'));
  else if (order === 'report') {
    box.balanced();
    const report: BoxReport = {
      status: box.exporters.statuses()[0]!,
      account: box.exporters.accounts()[0]!.account,
      events: box.heard.map(({ event }) => event),
    };
    process.send?.(report);
  } else {
    box.spool.append(blockOf(...order.rows));
  }
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

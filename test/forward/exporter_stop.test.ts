/** A planned stop while nothing proves that what was sent has arrived: it waits, and lets everything else go on meanwhile. */
import { expect, test } from 'vitest';
import { noMeasures } from '../../src/forward/link.ts';
import { TcpCollector, until } from './collector.ts';
import { startBox } from './export_box.ts';
import { blockOf } from './rows.ts';

test('a stop that waits for acknowledgements leaves turns to timers and sockets', async () => {
  const collector = await TcpCollector.start();
  // The line is dead: the peer's kernel acknowledges nothing any more.
  const measures = { ...noMeasures, unacknowledgedBytes: () => 1_000_000 };
  const box = await startBox({ destinations: [{ name: 'a', transport: 'tcp', port: collector.port }], measures });
  box.spool.append(blockOf(0, 10));
  await until('rows are on their way', () => collector.flows.length > 0);
  let turns = 0;
  const ticking = setInterval(() => turns++, 5);
  await box.stop(1_000);
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(20);
  await collector.kill();
});

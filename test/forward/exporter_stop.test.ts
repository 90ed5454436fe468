/** A planned stop while nothing proves that what was sent has arrived: it waits, and lets everything else go on meanwhile. */
import { expect, test } from 'vitest';
import { SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { noMeasures, type Transport } from '../../src/forward/link.ts';
import { TcpCollector, until } from './collector.ts';
import { startBox } from './export_box.ts';
import { RecordingLink } from './recording_link.ts';
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

/** A collector that is seen to have taken everything only when the connection ends. */
class ProvenAtEnd extends RecordingLink {
  #ended = false;
  override provenOctets(): number {
    return this.#ended ? this.sentOctets : 0;
  }
  override async end(): Promise<boolean> {
    this.#ended = true;
    return true;
  }
}

test('what the planned end of a backlog’s connection proves is not sent again after the restart', async () => {
  const links: RecordingLink[] = [];
  let isThere = false;
  const clock = new SystemClock();
  const openTransport = (): Transport => ({
    ...{ address: 'tcp://collector.example:4739', proof: 'recorded', close: () => {} },
    open: async () => {
      if (!isThere) throw new ApplianceError('connectRefused', 'not yet');
      // The first one is for live rows, the other for those that wait.
      const link = links.length === 0 ? new RecordingLink(clock, false) : new ProvenAtEnd(clock, false);
      links.push(link);
      return link;
    },
  });
  const box = await startBox({
    ...{ destinations: [{ name: 'a' }], openTransport },
    catchUp: { afterS: 1, uplinkPercentMax: 100 },
    spool: { persistAfterS: 1 },
  });
  box.spool.append(blockOf(0, 100));
  await new Promise((resolve) => setTimeout(resolve, 2_300));
  isThere = true;
  box.spool.append(blockOf(100, 10));
  await until('the backlog is on its way', () => (links[1]?.sent.length ?? 0) > 5);
  await box.stop(5_000);
  expect(box.exporters.accounts()[0]!.account).toMatchObject({ acknowledged: 110, pending: 0 });
});

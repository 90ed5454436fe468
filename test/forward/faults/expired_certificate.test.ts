/** A collector whose certificate has expired: rows wait, the technician reads why, and they arrive once it is renewed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { addon } from '../../meter/metering.ts';
import { TlsCollector, until } from '../collector.ts';
import { startBox } from '../export_box.ts';
import { makeCertificates } from '../mqtt/broker.ts';
import { blockOf } from '../rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowspan-expired-'));
afterAll(() => rmSync(folder, { recursive: true }));
const pair = (name: string) => ({
  cert: readFileSync(join(folder, `${name}.pem`)),
  key: readFileSync(join(folder, `${name}.key`)),
});

test('expired while the session stands, refused at the next, taken when it is renewed', async () => {
  makeCertificates(folder);
  const collector = new TlsCollector(pair('server'));
  await collector.listen(0);
  const { port } = collector;
  const box = await startBox({
    destinations: [{ name: 'a', transport: 'tls', port, profile: 'lean', caFile: join(folder, 'ca.pem'), resendMarginBytes: 0 }],
    measures: addon,
  });
  try {
    const numbers = (): number[] => collector.flows.map(({ values }) => Number(values.packetDeltaCount));
    box.spool.append(blockOf(0, 300));
    await until('the first rows arrive', () => box.arrived() && numbers().length === 300);
    await collector.leave();
    collector.options = pair('expired');
    await collector.listen(port);
    box.spool.append(blockOf(300, 300));
    await until('it is refused', () => box.exporters.statuses()[0]!.state === 'refused');
    expect(box.exporters.statuses()[0]!.reason).toMatch(/certificate is not valid at this time: is it to be renewed/);
    expect(box.exporters.accounts()[0]!.account).toMatchObject({ acknowledged: 300, pending: 300 });
    await collector.leave();
    collector.options = pair('server');
    await collector.listen(port);
    await until('all is acknowledged', () => box.arrived());
    await until('all is read', () => numbers().length >= 600);
    expect(numbers()).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
    expect(box.exporters.accounts()[0]!.account).toMatchObject({ acknowledged: 600, pending: 0 });
    box.balanced();
  } finally {
    await box.stop(500);
    await collector.kill();
  }
});

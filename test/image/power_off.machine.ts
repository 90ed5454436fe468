/**
 * The end that was asked for (power button), and what lasts over it: the last flows are with the collector at last, and the time goes on
 * where there is no clock chip.
 */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Collector } from '../appliance/collector.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { tcpFlags } from '../captures/frames.ts';
import { answers, branchSettings, comeBack, ports, sees, signIn, statusOf } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage();
}, 1_500_000);
afterEach(endMachines, 30_000);

test('the power button: flows that were open and records that waited are there after the next start, each once', async () => {
  const collector = await new Collector().listen();
  using disk = new Disk(built);
  // Longer than the box takes to get to its end.
  const meter = { source: 'interface' as const, interfaces: [ports.mirror], idleTimeoutS: 120 };
  disk.write('flowspan.yaml', branchSettings(collector.port, { meter }));
  await collector.vanish();
  const machine = await disk.boot().start();
  await answers(machine, '/readyz', 200, 600);
  const cookie = await signIn(machine);
  await sees(machine, cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
  const ended = siteConversations({ conversations: 20, segments: 10 });
  const open = siteConversations({ conversations: 20, segments: 10, vlan: 7 }).filter(
    ({ flags }) => (flags & tcpFlags.fin) === 0,
  );
  const frames = [...ended, ...open].map((packet) => captured(packet).frame);
  await machine.mirror(frames, 200);
  await sees(
    machine,
    cookie,
    'all metered, and half of it in open flows',
    ({ ledger }) => ledger.metered.packets === frames.length && ledger.cached.packets === open.length,
    60,
  );
  await machine.shutDown(180);

  await collector.listen();
  const again = await disk.boot().start();
  await answers(again, '/readyz', 200, 600);
  await expect.poll(() => collector.packets, { timeout: 180_000 }).toBe(frames.length);
  expect([collector.errors, collector.duplicates]).toEqual([[], 0]);
  const session = await comeBack(again);
  const status = await statusOf(again, session);
  expect(status.stores.map(({ name, state }) => [name, state])).toEqual([
    ['history', 'open'],
    ['spool', 'open'],
  ]);
  // An end as planned leaves no gap.
  expect(status.events.map(({ event }) => event)).not.toContain('gapMarked');
  await again.cutPower();
  await collector.vanish();
});

test('without a clock chip: the time of before goes on, over a planned end and over a power cut', async () => {
  using disk = new Disk(built);
  disk.write('flowspan.yaml', branchSettings(4_739));
  const tell = 'echo "probe: it is $(date +%s)"\n';
  disk.probe(
    'time',
    `until systemctl --quiet is-active flowspan.service; do sleep 1; done; ${tell}systemctl start flowspan-clock-save.service; ${tell}`,
  );
  const told = /probe: it is (\d+)[\s\S]*probe: it is (\d+)/;
  // A chip that knows the time.
  const first = await disk.boot().start();
  const [, , knownText] = await first.shows(told, 600);
  const known = Number(knownText);
  expect(Math.abs(known - Date.now() / 1_000)).toBeLessThan(300);
  await answers(first, '/readyz', 200, 300);
  await signIn(first);
  await first.cutPower();

  // None, or its battery is empty.
  const second = await disk.boot({ clock: '2001-01-01T00:00:00' }).start();
  const [, secondBegan] = await second.shows(told, 600);
  expect(Number(secondBegan)).toBeGreaterThanOrEqual(known);
  expect(Number(secondBegan)).toBeLessThan(known + 1_200);
  // It meters all the same, and says that nobody has told it the time.
  await answers(second, '/readyz', 200, 300);
  const { host, nowMs } = await statusOf(second, await comeBack(second));
  expect(host.clockSynchronised).toBe(false);
  expect(nowMs / 1_000).toBeGreaterThan(known);
  await second.shutDown(180);

  const third = await disk.boot({ clock: '2001-01-01T00:00:00' }).start();
  const [, thirdBegan] = await third.shows(told, 600);
  expect(Number(thirdBegan) * 1_000).toBeGreaterThanOrEqual(nowMs - 1_000);
  await third.cutPower();
});

/** A site whose switch carries management in a VLAN: address, page and records go there, and nothing of the box beside it. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Collector } from '../appliance/collector.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { answers, branchSettings, ports, sees, seesAllAcknowledged, signIn } from './boot.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines } from './machine.ts';

let built: BuiltImage;
beforeAll(async () => {
  built = await buildImage();
}, 3_600_000);
afterEach(endMachines, 30_000);

test('a box with its management in VLAN 50: an address by DHCP, the page, every packet with the collector; nothing leaves it without that tag', {
  timeout: 1_800_000,
}, async () => {
  const collector = await new Collector().listen();
  using disk = new Disk(built);
  const device = { managementPort: ports.management, mirrorPorts: [ports.mirror], vlan: 50 };
  disk.write('flowspan.yaml', branchSettings(collector.port, { device }));
  const machine = await disk.boot({ managementVlan: 50 }).start();
  await machine.shows(/settings were taken/, 300);
  await answers(machine, '/readyz', 200, 400);
  // QEMU's DHCP gives this one.
  await machine.shows(/page {5}https:\/\/10\.0\.2\.15\/\s/, 60);
  const cookie = await signIn(machine);
  const frames = siteConversations({ conversations: 20, segments: 10 }).map((packet) => captured(packet).frame);
  await sees(machine, cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
  await machine.mirror(frames, 200);
  const isThere = await seesAllAcknowledged(machine, cookie, frames.length);
  expect(isThere.ledger).toMatchObject({ balanced: true, metered: { packets: frames.length } });
  await expect.poll(() => collector.packets, { timeout: 60_000 }).toBe(frames.length);

  expect(machine.trunk!.carried).toBeGreaterThan(50);
  expect(machine.trunk!.astray).toEqual([]);
  expect(Buffer.concat(machine.mirrorSent).toString('hex')).toBe('');
  await machine.shutDown(120);
});

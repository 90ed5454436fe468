/**
 * One boot of the image as it ships: settings from the boot FAT, frames into the mirror port, records out to a collector, the page over
 * TLS, and a planned end. What the collector has is what the box's ledger says, packet by packet and record by record.
 */
import { expect } from 'vitest';
import { Collector } from '../appliance/collector.ts';
import { captured, siteConversations } from '../captures/conversations.ts';
import { answers, branchSettings, ports, sees, seesAllAcknowledged, signIn } from './boot.ts';
import type { BuiltImage } from './built.ts';
import { Disk } from './machine.ts';

export const sinceS = (beganMs: number): string => `${((performance.now() - beganMs) / 1_000).toFixed(0)} s`;

/** When the service is up: what came when, since the kernel began, in microseconds. */
const stagesInside = `(
  until systemctl --quiet is-active flowspan.service; do sleep 2; done
  echo "stage: kernel $(uname -r)"
  echo "stage: $(systemctl show --property=UserspaceTimestampMonotonic)"
  for unit in flowspan-provision systemd-networkd flowspan; do
    echo "stage: $unit $(systemctl show $unit.service --property=ExecMainStartTimestampMonotonic --property=ActiveEnterTimestampMonotonic | tr '\\n' ' ')"
  done
  echo "probe: link by $(udevadm info --query=property --property=ID_NET_LINK_FILE --value /sys/class/net/${ports.mirror})"
) &
`;

/** Prints what came when, for image/README.md. @param after looks at the disk and what the console said, when the box is off */
export async function bootsAndMeters(built: BuiltImage, after?: (disk: Disk, console: string) => void): Promise<void> {
  const collector = await new Collector().listen();
  using disk = new Disk(built);
  disk.write('flowspan.yaml', branchSettings(collector.port));
  // When it fails, the console tells why.
  disk.probe('log', `${stagesInside}exec journalctl --follow --lines=all --unit=flowspan.service --output=cat\n`);
  const beganMs = performance.now();
  const stages: string[] = [];
  const reached = (stage: string): void => {
    stages.push(`${stage} ${sinceS(beganMs)}`);
  };
  const machine = await disk.boot().start();
  await machine.shows(/flowspan: starting slot A/, 120);
  reached('firmware and GRUB');
  await machine.shows(/settings were taken/, 300);
  reached('settings taken');
  await answers(machine, '/readyz', 200, 400);
  reached('/readyz');
  await machine.shows(/probe: link by \/run\/systemd\/network\/20-mirror\.link/, 120);
  await machine.shows(/page {5}https:\/\/10\.0\.2\.15\/\s[\s\S]{0,300}?state {4}\S/, 60);

  const cookie = await signIn(machine);
  await sees(machine, cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
  const frames = siteConversations({ conversations: 40, segments: 20 }).map((packet) => captured(packet).frame);
  await machine.mirror(frames.slice(0, 1), 20);
  await sees(machine, cookie, 'a packet', ({ ledger }) => ledger.metered.packets > 0, 120);
  reached('first packet metered, as the page says');
  await machine.mirror(frames.slice(1), 200);
  const status = await seesAllAcknowledged(machine, cookie, frames.length);
  expect(status.ledger).toMatchObject({
    balanced: true,
    received: { packets: frames.length },
    metered: { packets: frames.length },
  });
  expect(status.meter.interfaces.map(({ name }) => name)).toEqual([ports.mirror]);
  reached('everything with the collector');
  // The network between acknowledges before the collector has read.
  await expect.poll(() => collector.packets, { timeout: 60_000 }).toBe(frames.length);
  expect(collector.errors).toEqual([]);
  expect([collector.packets, collector.duplicates]).toEqual([frames.length, 0]);
  expect(collector.flows.size).toBe(status.uplinks[0]!.acknowledgedRecords);

  // A mirror port is silent, whatever the box does while it starts: no address, no neighbours, no multicast.
  expect(Buffer.concat(machine.mirrorSent).toString('hex')).toBe('');

  const askedMs = performance.now();
  await machine.shutDown(180);
  stages.push(`planned end within ${sinceS(askedMs)}`);
  const inside = machine.console.match(/stage: [^\r\n]*/g) ?? [];
  process.stdout.write(`${[`since power-on: ${stages.join(', ')}`, ...inside].join('\n')}\n`);
  expect(disk.read('OK.txt')).toMatch(/in use/);
  expect(disk.read('ERROR.txt')).toBeUndefined();
  after?.(disk, machine.console);
  await collector.vanish();
}

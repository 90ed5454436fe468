/**
 * A whole box on a real port that somebody touches while it is metered: link down and up, MTU, name, unplugged and plugged.
 * Metering goes on each time, and each is an event. The page stays in the box's network namespace; the journal is read off
 * the log, which says the same.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { udpFrame } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { networkMissing, VethPair } from '../meter/network.ts';
import { send } from '../meter/ring_driver.ts';
import { Box, endBoxes, until } from './box.ts';

afterEach(endBoxes);
const missing = networkMissing();
const folder = mkdtempSync(join(tmpdir(), 'port-'));
afterAll(() => rmSync(folder, { recursive: true }));
const capture = join(folder, 'frames.pcap');
writeFileSync(capture, pcapFile(packetsOf(Array.from({ length: 50 }, (_, i) => udpFrame({ source: `10.0.0.${i + 1}` })))));

/** Events of the box so far, oldest first. */
function eventsOf(box: Box): string[] {
  return box.err
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { part?: string; event?: string; msg?: string })
    .map(({ event, msg }) => event ?? msg ?? '');
}

describe.skipIf(missing !== undefined)(`a mirror port${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  test('is metered through everything that is done to it', { timeout: 120_000 }, async () => {
    using pair = new VethPair();
    const settings = { meter: { source: 'interface' as const, interfaces: ['mirror0'] }, status: { enabled: false } };
    await using box = new Box(settings, undefined, [], ['ip', 'netns', 'exec', pair.namespace]);
    await box.ready();
    let sent = 0;
    let seen = 0;
    /** Does it and waits until all of these events have come. */
    const step = async (act: () => void, ...events: string[]): Promise<void> => {
      act();
      const since = (): string[] => eventsOf(box).slice(seen);
      await until(
        () => events.every((event) => since().includes(event)),
        () => `not all of ${events.join(', ')} among ${since().join(', ')}\n${box.err}`,
      );
      seen = eventsOf(box).length;
    };
    /** The same; then packets are sent, which must be metered. */
    const goesOn = async (act: () => void, ...events: string[]): Promise<void> => {
      await step(act, ...events);
      sent += (await send(pair, capture, 500)).packets;
    };
    await goesOn(() => {}, 'meterStarted');
    await goesOn(() => pair.mtu(1_500), 'interfaceMtuChanged');
    // Renamed while it is down, as most kernels want it.
    await step(() => pair.setUp(false), 'interfaceDown', 'meterWaits');
    await step(() => pair.rename('mirror0', 'mirror9'), 'interfaceRenamed');
    await goesOn(() => pair.setUpAs('mirror9'), 'interfaceUp', 'meterGoesOn');
    await step(() => pair.setUpAs('mirror9', false), 'interfaceDown');
    await step(() => pair.rename('mirror9', 'mirror0'), 'interfaceRenamed');
    await goesOn(() => pair.setUp(true), 'interfaceUp', 'meterGoesOn');
    await step(() => pair.unplug(), 'interfaceUnplugged', 'meterWaits');
    await goesOn(() => pair.plug(), 'interfacePlugged', 'meterGoesOn');
    expect(await box.interrupt()).toBe(0);
    const metered = Number(/Metered ([\d,]+)/.exec(box.out)?.[1]?.replaceAll(',', ''));
    expect(sent).toBe(2_500);
    expect(metered).toBe(sent);
  });
});

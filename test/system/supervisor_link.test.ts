import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { exampleStatus } from '../../src/forward/mqtt/payload_examples.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { SupervisorLink, supervisorOf } from '../../src/system/supervisor_link.ts';

const signal = new AbortController().signal;

function bench(watchdogMs = 30_000) {
  const clock = new SimulatedClock(1_000, 1_800_000_000_000);
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() };
  const sent: string[] = [];
  const events: string[] = [];
  const lamps: string[] = [];
  const box = { healthy: true, port: 'eth1', meterMs: 0 as number | undefined };
  const manager = new SupervisorLink({
    world,
    notify: (text) => sent.push(text) > 0,
    watchdogMs,
    pulses: [
      { name: 'meter', lastMs: () => box.meterMs },
      { name: 'pipeline', lastMs: () => clock.monotonicMs() },
    ],
    status: () => ({
      meter: { ...exampleStatus.meter, interfaces: [{ ...exampleStatus.meter.interfaces[0]!, name: box.port }] },
      uplinks: [],
      ...{ nowMs: 0, alerts: [], dataPlane: { healthy: box.healthy, parts: [] } },
    }),
    lamp: (lamp) => lamps.push(lamp),
    isSafe: false,
    onEvent: (level, event, text) => events.push(`${level} ${event} ${text}`),
  });
  const take = (): string[] => sent.splice(0);
  return { clock, manager, box, events, lamps, take };
}

describe('the service manager', () => {
  test('is told when all has started, how it is, and the end', async () => {
    const { clock, manager, box, lamps, take } = bench(0);
    box.meterMs = undefined;
    await manager.start(signal);
    expect(take()).toEqual(['READY=1\nSTATUS=metering eth1']);
    await clock.advance(30_000);
    expect(take()).toEqual([]);
    box.port = 'eth2';
    await clock.advance(10_000);
    expect(take()).toEqual(['STATUS=metering eth2']);
    box.healthy = false;
    await clock.advance(10_000);
    expect([take(), lamps]).toEqual([[], ['meters', 'fault']]);
    await manager.stop(0);
    expect(take()).toEqual(['STOPPING=1']);
  });

  test('hears a beat three times in its time, as long as everything moves', async () => {
    const { clock, manager, box, take } = bench();
    box.meterMs = undefined;
    await manager.start(signal);
    take();
    await clock.advance(30_000);
    expect(take()).toEqual(['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
    await manager.stop(0);
  });

  test('hears nothing more when one gives no sign of life; it is said once, and forgiven when it comes back', async () => {
    const { clock, manager, box, events, take } = bench();
    box.meterMs = clock.monotonicMs();
    await manager.start(signal);
    take();
    await clock.advance(60_000);
    expect(take()).toEqual(['WATCHDOG=1', 'WATCHDOG=1']);
    expect(events).toEqual([expect.stringMatching(/^error heartbeatMissing no sign of life from meter:/)]);
    box.meterMs = clock.monotonicMs();
    await clock.advance(10_000);
    expect(take()).toEqual(['WATCHDOG=1']);
    await manager.stop(0);
  });

  test.each([
    [{}, { address: '', watchdogMs: 0 }],
    [
      { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000' },
      { address: '/run/n', watchdogMs: 30_000 },
    ],
    [
      { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' },
      { address: '@n', watchdogMs: 30_000 },
    ],
    [
      { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' },
      { address: '/run/n', watchdogMs: 0 },
    ],
    [
      { NOTIFY_SOCKET: '/run/n', WATCHDOG_USEC: 'x' },
      { address: '/run/n', watchdogMs: 0 },
    ],
  ])('%j says %j', (environment, expected) => {
    expect(supervisorOf(environment, 7)).toEqual(expected);
  });
});

describe('words to the manager’s socket', () => {
  const folder = mkdtempSync(join(tmpdir(), 'notify-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const { notifyService } = loadAddon();
  // Node has no datagram sockets of this family; Perl has.
  const listen = (address: string) => {
    const script =
      'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; my $a = $ARGV[0]; $a =~ s/^@/\\0/; ' +
      'bind(S, pack("S a*", AF_UNIX, $a)) or die "bind: $!"; print "ready\\n"; $| = 1; recv(S, my $b, 4096, 0); print $b;';
    const running = spawn('perl', ['-e', `$| = 1; ${script}`, address], { stdio: ['ignore', 'pipe', 'inherit'] });
    const heard = { text: '', ended: false };
    running.stdout.on('data', (chunk: Buffer) => {
      heard.text += chunk.toString();
    });
    running.once('close', () => {
      heard.ended = true;
    });
    return heard;
  };

  test.each([
    ['a path', join(folder, 'socket')],
    ['an abstract address', `@flowspan-test-${process.pid}`],
  ])('%s', async (_, address) => {
    const heard = listen(address);
    await vi.waitFor(() => expect(heard.text).toBe('ready\n'), { timeout: 10_000 });
    expect(notifyService(address, 'READY=1\nSTATUS=good')).toBe(true);
    await vi.waitFor(() => expect(heard).toEqual({ text: 'ready\nREADY=1\nSTATUS=good', ended: true }), { timeout: 10_000 });
  });

  test.each(['', '/', join(folder, 'nobody'), `/${'x'.repeat(200)}`])('nobody at %j: false', (address) => {
    expect(notifyService(address, 'READY=1')).toBe(false);
  });
});

/** What rows of this boot and of earlier ones are stamped with, through reboots, steps, cuts and damaged files. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { plausibleFromMs, SimulatedClock, SystemClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { TextFile, type TextStore } from '../../src/system/boot_file.ts';
import { bootsMax, formatBoots, parseBoots, resolveOffset } from '../../src/system/boot_offsets.ts';
import { ClockState, currentBootId, machineEvidence, readOffsetNs } from '../../src/system/clock_state.ts';
import { clockVerdict, errorMaxUntoldMs } from '../../src/system/clock_trust.ts';

const now = plausibleFromMs + 86_400_000;
const nothing = { timesyncMarker: false, timesyncRuns: false, hardwareClockS: undefined, kernelClock: undefined };
const told = (synchronised: boolean, errorMaxMs: number) => ({ kernelClock: { synchronised, errorMaxMs } });
const synced = { ...nothing, timesyncMarker: true, timesyncRuns: true };
const waiting = { ...nothing, timesyncRuns: true };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowspan-clock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function boot(
  bootId: string,
  clock: SimulatedClock | SystemClock,
  evidence: () => object = () => synced,
  store?: TextStore,
) {
  const heard: string[] = [];
  const state = new ClockState({
    world: { clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() },
    bootId,
    store: store ?? new TextFile(join(folder, 'boots.json')),
    onEvent: (_, event, text) => heard.push(`${event}: ${text}`),
    evidence: async () => evidence() as typeof synced,
  });
  await state.start();
  return { state, heard };
}
const offsetNs = (wallMs: number, monotonicMs: number): bigint => BigInt(wallMs - monotonicMs) * 1_000_000n;

describe('clock state', () => {
  test('a row of this boot gets wall time exactly, and a trusted boot keeps its offset over a reboot', async () => {
    const first = await boot('one', new SimulatedClock(1_000, now));
    expect(first.state.wallOffsetNs('one')).toBe(offsetNs(now, 1_000));
    expect(first.state.trusted()).toBe(true);
    await first.state.stop(100);
    const second = await boot('two', new SimulatedClock(50, now + 3_600_000));
    expect(second.state.wallOffsetNs('one')).toBe(offsetNs(now, 1_000));
    expect(second.state.wallOffsetNs('two')).toBe(offsetNs(now + 3_600_000, 50));
    expect(second.state.certain('one')).toBe(true);
    expect(second.state.wallOffsetNs('never seen')).toBeUndefined();
    await second.state.stop(100);
  });

  test('a step is noticed, said, and applied to rows of this boot; steering is not a step', async () => {
    const clock = new SimulatedClock(1_000, now);
    const { state, heard } = await boot('one', clock);
    clock.stepWall(400);
    await clock.advance(10_000);
    await state.sample();
    expect(heard.filter((line) => line.startsWith('clockStepped'))).toEqual([]);
    clock.stepWall(-7_200_000);
    await state.sample();
    expect(heard.at(-1)).toBe('clockStepped: the clock was set 2 h back');
    expect(state.wallOffsetNs('one')).toBe(offsetNs(now + 400 - 7_200_000, 1_000));
    await state.stop(100);
  });

  test('a board without a clock starts in the past, learns the time, and says both', async () => {
    const clock = new SimulatedClock(1_000, 0);
    let evidence = waiting;
    const { state, heard } = await boot('one', clock, () => evidence);
    expect(state.trusted()).toBe(false);
    expect(state.verdict).toEqual({ synchronised: false, basis: 'implausible' });
    clock.stepWall(now);
    evidence = synced;
    await state.sample();
    expect(state.trusted()).toBe(true);
    expect(heard.map((line) => line.split(':')[0])).toEqual(['clockUnknown', 'clockStepped', 'clockTrusted']);
    await state.stop(100);
    const text = readFileSync(join(folder, 'boots.json'), 'utf8');
    expect(parseBoots(text)).toEqual([{ bootId: 'one', offsetNs: offsetNs(now, 1_000), trusted: true, lastNs: 1_000_000_000n }]);
  });

  test('a program that is restarted in the same boot still trusts what it had learned', async () => {
    const clock = new SimulatedClock(1_000, 0);
    const first = await boot('one', clock, () => nothing);
    clock.stepWall(now);
    await first.state.sample();
    expect(first.state.verdict.basis).toBe('stepped');
    await first.state.stop(100);
    const second = await boot('one', clock, () => nothing);
    expect(second.state.trusted()).toBe(true);
    await second.state.stop(100);
  });

  test('a boot that never learned the time is bounded by its neighbours and not called certain', async () => {
    const one = await boot('one', new SimulatedClock(1_000, now));
    await one.state.stop(100);
    // An hour later, with a clock that woke up with the time of the last shutdown minus a day.
    const lost = new SimulatedClock(0, now - 86_400_000);
    const two = await boot('two', lost, () => waiting);
    await lost.advance(600_000);
    await two.state.stop(100);
    const three = await boot('three', new SimulatedClock(0, now + 7_200_000));
    const found = three.state.wallOffsetNs('two')!;
    expect(found).toBeGreaterThanOrEqual(offsetNs(now, 0));
    expect(found + 600_000_000_000n).toBeLessThanOrEqual(offsetNs(now + 7_200_000, 0));
    expect(three.state.certain('two')).toBe(false);
    await three.state.stop(100);
  });

  test('a damaged file and a disk that cannot be written are said, and the clock works on', async () => {
    writeFileSync(join(folder, 'boots.json'), '{"version":1,"boots":[{"bootId":');
    const damaged = await boot('one', new SimulatedClock(1_000, now));
    expect(damaged.heard[0]).toMatch(/^bootsDamaged/);
    expect(damaged.state.wallOffsetNs('one')).toBe(offsetNs(now, 1_000));
    await damaged.state.stop(100);
    expect(parseBoots(readFileSync(join(folder, 'boots.json'), 'utf8'))).toHaveLength(1);

    let full = true;
    const texts: string[] = [];
    const store: TextStore = {
      read: async () => undefined,
      replace: async (text) => {
        if (full) throw new ApplianceError('storeFull', 'no room');
        texts.push(text);
      },
    };
    const clock = new SimulatedClock(1_000, now);
    const { state, heard } = await boot('one', clock, () => synced, store);
    await state.sample();
    await state.sample();
    expect(heard.filter((line) => line.startsWith('bootsNotKept'))).toHaveLength(1);
    full = false;
    await state.sample();
    expect(texts).toHaveLength(1);
    await state.stop(100);
  });

  test('a day without events costs the card no more than a write an hour', async () => {
    let writes = 0;
    const store: TextStore = { read: async () => undefined, replace: async () => void writes++ };
    const clock = new SimulatedClock(1_000, now);
    const { state } = await boot('one', clock, () => synced, store);
    await clock.advance(86_400_000);
    await state.stop(100);
    expect(writes).toBeLessThanOrEqual(26);
    expect(writes).toBeGreaterThanOrEqual(24);
  });

  test('this machine: the offset takes monotonic time to wall time', async () => {
    const clock = new SystemClock();
    const wallNs = clock.monotonicNs() + readOffsetNs(clock);
    expect(Math.abs(Number(wallNs / 1_000_000n) - clock.wallMs())).toBeLessThan(1_000);
    expect(currentBootId()).toMatch(/^[0-9a-f-]{36}$/);
  });
});

test('this machine: the kernel is asked, and its answer agrees with itself', async () => {
  const { kernelClock } = await machineEvidence(() => loadAddon().kernelClock());
  expect(kernelClock!.errorMaxMs).toBeGreaterThanOrEqual(0);
  // The kernel counts to its limit, and calls itself unsynchronised there.
  expect(kernelClock!.errorMaxMs).toBeLessThanOrEqual(errorMaxUntoldMs);
  if (kernelClock!.errorMaxMs === errorMaxUntoldMs) expect(kernelClock!.synchronised).toBe(false);
  expect(typeof kernelClock!.synchronised).toBe('boolean');
  expect((await machineEvidence()).kernelClock).toBeUndefined();
});

describe('trust', () => {
  const judge = (changes: object) => clockVerdict({ ...nothing, wallMs: now, stepped: false, ...changes });
  test.each([
    ['timesyncd has set it', { timesyncMarker: true, timesyncRuns: true }, true, 'timesyncd'],
    ['timesyncd has not set it yet', { timesyncRuns: true }, false, 'timesyncd'],
    ['a hardware clock agrees', { hardwareClockS: now / 1_000 + 2 }, true, 'hardware clock'],
    ['a hardware clock disagrees and nobody else tells', { hardwareClockS: now / 1_000 - 900 }, null, 'unknown'],
    ['chrony or ntpd told the kernel', told(true, 35), true, 'kernel'],
    ['chrony without rtcsync told the kernel how wrong it may be', told(false, 35), true, 'kernel'],
    ['nobody told the kernel', told(false, 16_000), false, 'kernel'],
    [
      'nobody told the kernel, a hardware clock agrees',
      { ...told(false, 16_000), hardwareClockS: now / 1_000 },
      true,
      'hardware clock',
    ],
    ['a step takes the error back to its limit', { ...told(false, 16_000), stepped: true }, true, 'stepped'],
    ['1970, told by a time service that is wrong itself', { ...told(true, 35), wallMs: 5_000 }, false, 'implausible'],
    ['somebody stepped it', { stepped: true }, true, 'stepped'],
    ['1970, whatever else is claimed', { wallMs: 5_000, timesyncMarker: true, stepped: true }, false, 'implausible'],
    ['nothing tells', {}, null, 'unknown'],
  ])('%s', (_, evidence, synchronised, basis) => {
    expect(judge(evidence)).toEqual({ synchronised, basis });
  });
});

describe('boot offsets', () => {
  const record = (bootId: string, trusted: boolean, offset: bigint, lastNs: bigint) => ({
    bootId,
    trusted,
    offsetNs: offset,
    lastNs,
  });

  test('several boots in a row without the time leave room for each other', () => {
    const boots = [
      record('a', true, 1_000n, 100n),
      record('b', false, -5n, 50n),
      record('c', false, 9_999n, 70n),
      record('d', true, 2_000n, 10n),
    ];
    expect(resolveOffset(boots, 'b')).toEqual({ offsetNs: 1_100n, certain: false });
    // c must end before d begins.
    expect(resolveOffset(boots, 'c')).toEqual({ offsetNs: 1_930n, certain: false });
    const pushed = [record('a', true, 1_000n, 100n), record('b', false, 9_999n, 50n), ...boots.slice(2)];
    // b must end before c ran its 70 and d began.
    expect(resolveOffset(pushed, 'b')).toEqual({ offsetNs: 2_000n - 70n - 50n, certain: false });
  });

  test('text round-trips beyond 2^53; anything else is refused', () => {
    const boots = [record('x', true, 1_796_000_000_123_456_789n, 2n ** 60n), record('y', false, -3n, 0n)];
    expect(parseBoots(formatBoots(boots))).toEqual(boots);
    for (const text of [
      '',
      'null',
      '[]',
      '{"version":2,"boots":[]}',
      '{"version":1,"boots":[null]}',
      '{"version":1,"boots":[{"bootId":"a","offsetNs":1,"trusted":true,"lastNs":"2"}]}',
    ]) {
      expect(parseBoots(text), text).toBeUndefined();
    }
  });

  test('the list stays bounded', async () => {
    for (let i = 0; i < bootsMax + 10; i++) await (await boot(`boot-${i}`, new SimulatedClock(0, now + i))).state.stop(100);
    const kept = parseBoots(readFileSync(join(folder, 'boots.json'), 'utf8'))!;
    expect(kept).toHaveLength(bootsMax);
    expect(kept.at(-1)?.bootId).toBe(`boot-${bootsMax + 9}`);
    expect(readdirSync(folder)).toEqual(['boots.json']);
  });
});

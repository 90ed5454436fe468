/**
 * Right stamps at whoever reads them, whatever the wall clock does: rows go through pipeline, history, spool and IPFIX to a
 * real collector while the clock is set, starts in 1970, or the box reboots. Nothing sleeps, no host's clock is touched.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BootOptions, Branch, nothing, synced, TimedBox, waiting } from './timed_box.ts';

/** 2026-07-18 05:33:20 UTC: what a right clock says at the beginning of each test; a whole multiple of 10 s. */
const truthMs = 1_784_352_800_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let branch: Branch;
const running = new Set<TimedBox>();
beforeEach(async () => {
  branch = await Branch.start();
});
afterEach(async () => {
  for (const box of running) await end(box);
  await branch.collector.kill();
});
async function boot(options: BootOptions): Promise<TimedBox> {
  const box = new TimedBox(branch, options);
  running.add(box);
  return box.start();
}
async function end(box: TimedBox): Promise<void> {
  running.delete(box);
  await box.stop();
}
/** Export times are whole seconds, and rows leave at once. */
const inSecond = (ms: number): number => Math.floor(ms / 1_000);

describe.each([
  ['forward', hourMs],
  ['back', -hourMs],
])('the clock is set an hour %s', (_, stepMs) => {
  /** The clock is wrong by the step until it is set; true time is `truthMs` and what has passed since. */
  const started = () => boot({ bootId: 'one', wallMs: truthMs - stepMs, evidence: () => nothing });

  test('rows sent before bear the time that was believed; what comes right after the step bears the new one, to the ms', async () => {
    const box = await started();
    await box.pass(30_000);
    box.flow(1, 5_000);
    await box.delivered();
    const goneMs = box.clock.monotonicMs() - 20_000;
    box.clock.stepWall(stepMs);
    // At once, long before the clock is looked at again; the flow began before the step.
    box.flow(2, 8_000, 1_000);
    await box.delivered();
    const { 1: before, 2: after } = branch.stamps;
    expect(before).toEqual({
      startMs: truthMs - stepMs + 25_000,
      endMs: truthMs - stepMs + 30_000,
      exportS: before!.exportS,
    });
    expect(before!.exportS).toBe(inSecond(truthMs - stepMs + 30_000));
    expect(after).toEqual({
      startMs: truthMs + goneMs - 8_000,
      endMs: truthMs + goneMs - 1_000,
      exportS: inSecond(truthMs + goneMs),
    });
  });

  test('rows that waited for a collector through the step bear the new time, those before it and after it in one order', async () => {
    await branch.collector.leave();
    const box = await started();
    await box.pass(30_000);
    box.flow(1, 5_000);
    await box.pass(10_000); // on disk by now
    box.clock.stepWall(stepMs);
    await box.pass(3_000);
    box.flow(2, 20_000);
    await branch.collector.listen();
    await box.delivered();
    const { 1: before, 2: after } = branch.stamps;
    expect(before).toMatchObject({ startMs: truthMs + 25_000, endMs: truthMs + 30_000 });
    expect(after).toMatchObject({ startMs: truthMs + 23_000, endMs: truthMs + 43_000 });
    expect(after!.exportS).toBeGreaterThanOrEqual(inSecond(truthMs + 43_000));
    expect(after!.exportS).toBeLessThan(inSecond(truthMs + 60_000));
  });

  test('windows before the step keep their labels, those after it have new ones, and every octet is in one', async () => {
    const box = await started();
    await box.pass(30_000);
    box.flow(1, 5_000);
    await box.pass(1_000);
    box.clock.stepWall(stepMs);
    await box.pass(20_000);
    box.flow(2, 4_000);
    await box.pass(150_000);
    await end(box);
    expect(box.octets('10s')).toEqual({ [truthMs - stepMs + 20_000]: 500, [truthMs + 40_000]: 300, [truthMs + 50_000]: 100 });
    // Where the minute before the step was not over, it says so.
    const summaries = box.payloads('summary/1m').filter(({ total }) => (total as { outOctets: number }).outOctets > 0);
    expect(summaries.map(({ startMs, partial }) => [startMs, partial])).toEqual([
      [minuteOf(truthMs - stepMs + 20_000), true],
      [minuteOf(truthMs + 40_000), false],
    ]);
    expect(sum(box.octets('1m'))).toBe(900);
    // Noticed by whoever asks next: within a second.
    const stepped = box.payloads('event').find(({ event }) => event === 'clockStepped');
    expect(Number(stepped!.atMs) - truthMs).toBeGreaterThanOrEqual(31_000);
    expect(Number(stepped!.atMs) - truthMs).toBeLessThanOrEqual(32_000);
  });
});

describe('a boot without the time', () => {
  let evidence = waiting;
  beforeEach(() => {
    evidence = waiting;
  });
  const started = (bootId = 'one', monotonicMs = 20_000) =>
    boot({ bootId, wallMs: monotonicMs, monotonicMs, evidence: () => evidence });
  const learn = (box: TimedBox): void => {
    box.clock.stepWall(truthMs + box.clock.monotonicMs() - 20_000 - box.clock.wallMs());
    evidence = synced;
  };

  test('nothing is labelled before the time is told, and then everything is right, from the first row on', async () => {
    const box = await started();
    await box.pass(20_000);
    box.flow(1, 5_000);
    await box.pass(20_000);
    box.flow(2, 30_000);
    await box.pass(5_000);
    expect(branch.stamps).toEqual({});
    expect(box.windows).toEqual([]);
    expect(box.payloads('event')).toEqual([]);
    learn(box);
    await box.delivered();
    box.flow(3, 2_000);
    await box.pass(1_000);
    await box.delivered();
    const told = branch.stamps;
    expect(told[1]).toMatchObject({ startMs: truthMs + 15_000, endMs: truthMs + 20_000 });
    expect(told[2]).toMatchObject({ startMs: truthMs + 10_000, endMs: truthMs + 40_000 });
    for (const { exportS, endMs } of Object.values(told)) {
      expect(exportS).toBeGreaterThanOrEqual(inSecond(endMs));
      expect(exportS).toBeLessThan(inSecond(truthMs + 60_000));
    }
    // The collector was never told anything else, so there is nothing to explain.
    expect(branch.records.filter(({ values }) => 'absoluteError' in values)).toEqual([]);
    await box.pass(240_000);
    await end(box);
    // Flow 1 from 15 to 20 s, flow 2 from 10 to 40 s, flow 3 the two seconds before it was handed over.
    expect(box.octets('10s')).toEqual({
      [truthMs + 10_000]: 1_500,
      [truthMs + 20_000]: 1_000,
      [truthMs + 30_000]: 1_000,
      [truthMs + 40_000]: 200,
    });
    expect(Object.keys(box.octets('1m')).map(Number)).toEqual([minuteOf(truthMs), minuteOf(truthMs + 40_000)]);
    expect(box.windows.every(({ startMs }) => startMs > truthMs - hourMs)).toBe(true);
    const events = box.payloads('event').map(({ event, atMs }) => [event, Number(atMs)]);
    expect(events.slice(0, 1)).toEqual([['clockUnknown', truthMs]]);
    expect(events.every(([, atMs]) => (atMs as number) >= truthMs)).toBe(true);
    expect(box.journal.entries.every(({ atMs }) => atMs >= truthMs)).toBe(true);
  });

  test('where nobody tells it, rows go out after three minutes, marked; the mark is taken back when it is told after all', async () => {
    const box = await started();
    box.flow(1, 5_000);
    await box.pass(170_000);
    expect(branch.stamps).toEqual({});
    await box.pass(15_000);
    await box.delivered();
    expect(branch.stamps[1]).toMatchObject({ startMs: 15_000, endMs: 20_000 });
    const marks = () => branch.records.map(({ values }) => values.absoluteError ?? values.sourceTransportPort);
    const kept = () => marks().filter((one) => one !== undefined);
    expect(kept()).toEqual(['Infinity', 'Infinity', 1]);
    const goneMs = box.clock.monotonicMs() - 20_000;
    learn(box);
    box.flow(2, 5_000);
    await box.delivered();
    expect(branch.stamps[2]).toMatchObject({ startMs: truthMs + goneMs - 5_000, endMs: truthMs + goneMs });
    expect(kept().slice(-3)).toEqual([1_000, 1_000, 2]);
    expect(branch.collector.violations).toEqual([]);
  });

  test('what waits on disk with a label of 1970 is neither too old nor wrong after a restart that knows the time', async () => {
    await branch.collector.leave();
    const box = await started();
    box.flow(1, 5_000);
    await box.pass(15_000);
    await end(box);
    // The program starts again, in the same boot, once with and once without a step in between.
    const again = await started('one', 60_000);
    again.flow(2, 5_000);
    await again.pass(10_000);
    learn(again);
    await again.pass(2_000);
    await end(again);
    const later = await boot({ bootId: 'one', wallMs: truthMs + dayMs - 20_000, monotonicMs: dayMs });
    await branch.collector.listen();
    await later.delivered();
    expect(later.dropped).toBe(0);
    expect(branch.stamps).toMatchObject({
      1: { startMs: truthMs - 5_000, endMs: truthMs },
      2: { startMs: truthMs + 35_000, endMs: truthMs + 40_000 },
    });
  });
});

test('two days without a collector, a reboot between them, the second boot without the time at first: both keep their own', async () => {
  await branch.collector.leave();
  const first = await boot({ bootId: 'one', wallMs: truthMs, monotonicMs: 3 * dayMs });
  first.flow(1, 5_000);
  await first.pass(20_000);
  await end(first);

  // A day later; its row clock begins again, so that its rows look older than those of the first boot.
  let evidence = waiting;
  const second = await boot({ bootId: 'two', wallMs: 9_000, monotonicMs: 9_000, evidence: () => evidence });
  second.flow(2, 5_000);
  await second.pass(20_000);
  second.clock.stepWall(truthMs + dayMs + 20_000 - second.clock.wallMs());
  evidence = synced;
  await second.pass(1_000);
  second.flow(3, 5_000);
  await end(second);

  const third = await boot({ bootId: 'two', wallMs: truthMs + 2 * dayMs, monotonicMs: dayMs + 9_000 });
  third.flow(4, 5_000);
  await branch.collector.listen();
  await third.delivered();
  expect(third.dropped).toBe(0);
  const stamps = branch.stamps;
  expect(stamps).toMatchObject({
    1: { startMs: truthMs - 5_000, endMs: truthMs },
    2: { startMs: truthMs + dayMs - 5_000, endMs: truthMs + dayMs },
    3: { startMs: truthMs + dayMs + 16_000, endMs: truthMs + dayMs + 21_000 },
    4: { startMs: truthMs + 2 * dayMs - 5_000, endMs: truthMs + 2 * dayMs },
  });
  for (const { exportS } of Object.values(stamps)) {
    expect(exportS).toBeGreaterThanOrEqual(inSecond(truthMs + 2 * dayMs));
    expect(exportS).toBeLessThan(inSecond(truthMs + 2 * dayMs + 60_000));
  }
  expect(branch.collector.violations).toEqual([]);
});

test('a clock that is slewed by 500 ppm is followed within a look, is never a step, and tears no window', async () => {
  const box = await boot({ bootId: 'one', wallMs: truthMs });
  const expected = new Map<number, number>();
  for (let second = 1; second <= 300; second++) {
    box.clock.stepWall(0.5);
    await box.pass(1_000);
    if (second % 20 !== 0) continue;
    box.flow(second, 5_000);
    expected.set(second, box.clock.wallMs());
  }
  await box.delivered();
  await box.pass(100_000);
  const stamps = branch.stamps;
  for (const [port, wallMs] of expected) {
    // A look every 10 s, in which 5 ms are gained, and whole milliseconds.
    expect(Math.abs(stamps[port]!.endMs - wallMs), `flow ${port}`).toBeLessThanOrEqual(6);
    expect(stamps[port]!.endMs - stamps[port]!.startMs).toBe(5_000);
  }
  await end(box);
  expect(box.payloads('event').filter(({ event }) => event === 'clockStepped')).toEqual([]);
  const closed = box.windows.filter(({ tier }) => tier === '10s');
  expect(closed.slice(1, 30).every(({ partial }) => !partial)).toBe(true);
  expect(closed.map(({ startMs }) => startMs)).toEqual(closed.map((_, i) => truthMs + i * 10_000));
  expect(sum(box.octets('10s'))).toBe(15 * 500);
});

function minuteOf(ms: number): number {
  return Math.floor(ms / 60_000) * 60_000;
}
function sum(sums: Record<number, number>): number {
  return Object.values(sums).reduce((all, one) => all + one, 0);
}

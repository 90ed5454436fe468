/**
 * Both stages against a model of a box whose work before the selection is too much for it: only leaving packets out in the
 * kernel helps. One look a second. And the service's side: what the meter is told, what is said about it.
 */
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import type { NativeMeter, NativeSampling } from '../../src/meter/addon.ts';
import { type MeterFigures, noFigures } from '../../src/meter/figures.ts';
import { SamplingInForce } from '../../src/meter/sampling_in_force.ts';
import { SelectorsInUse } from '../../src/meter/selectors_in_use.ts';
import { type StagedBounds, type StagedChange, StagedSampling } from '../../src/meter/staged_sampling.ts';

const bounds: StagedBounds = { intervalMax: 64, kernelIntervalMax: 64, ringShareMax: 0.5, cpuShareMax: 0.85, dwellMs: 60_000 };

interface Load {
  readonly packetsPerS: number;
  readonly before: number;
  readonly metering: number;
}
interface Made extends StagedChange {
  readonly atS: number;
  readonly factor: number;
  readonly kernelInterval: number;
}

class Box {
  readonly controller: StagedSampling;
  readonly changes: Made[] = [];
  readonly ringPackets = 100_000;
  atS = 0;
  waiting = 0;
  dropped = 0;

  constructor(of: StagedBounds = bounds) {
    this.controller = new StagedSampling(of);
  }

  run(seconds: number, { packetsPerS, before, metering }: Load): void {
    for (let i = 0; i < seconds; i++) {
      const { factor, kernelInterval } = this.controller;
      const through = Math.round(packetsPerS / kernelInterval);
      const offered = through + this.waiting;
      const cost = before + metering / factor;
      const done = Math.min(offered, Math.floor(1 / cost));
      this.waiting = Math.min(this.ringPackets, offered - done);
      const droppedPackets = offered - done - this.waiting;
      this.dropped += droppedPackets;
      const change = this.controller.look({
        nowMs: ++this.atS * 1_000,
        receivedPackets: done,
        droppedPackets,
        sampledByKernelPackets: through * (kernelInterval - 1),
        ringShare: this.waiting / this.ringPackets,
        cpuShare: Math.min(1, done * cost),
      });
      if (change === undefined) continue;
      this.changes.push({
        ...change,
        atS: this.atS,
        factor: this.controller.factor,
        kernelInterval: this.controller.kernelInterval,
      });
    }
  }
}

const fits: Load = { packetsPerS: 100_000, before: 2e-6, metering: 2e-6 };
/** Even at 1 in 64 the processor would be needed more than twice over. */
const hopeless: Load = { packetsPerS: 1_200_000, before: 2e-6, metering: 2e-6 };

describe('sampling in two stages', () => {
  it('leaves the kernel alone while the meter’s own sampling is enough', () => {
    const box = new Box();
    box.run(600, { packetsPerS: 400_000, before: 0.5e-6, metering: 4e-6 });
    box.run(600, fits);
    expect(box.changes.length).toBeGreaterThan(0);
    expect(box.changes.every(({ stage }) => stage === 'meter')).toBe(true);
  });

  it('begins in the kernel when packets go on being lost, and then loses none', () => {
    const box = new Box();
    box.run(120, fits);
    box.run(60, hopeless);
    const first = box.changes.findIndex(({ stage }) => stage === 'kernel');
    expect(box.changes[first]).toMatchObject({ why: 'kernelDropsPersist' });
    expect(box.changes.slice(0, first).every(({ stage }) => stage === 'meter')).toBe(true);
    expect(box.changes[first - 1]!.factor).toBeGreaterThan(1);
    expect(box.changes[first]!.atS - box.changes[0]!.atS).toBeGreaterThanOrEqual(5);
    const lostBy = box.dropped;
    box.run(300, hopeless);
    expect(box.dropped).toBe(lostBy);
    expect(box.controller.kernelInterval).toBeGreaterThan(1);
  });

  it('comes back from the kernel first, a step a dwell, then from the meter’s own', () => {
    const box = new Box();
    box.run(60, hopeless);
    const highest = box.controller.factor;
    const before = box.changes.length;
    box.run(3_600, fits);
    expect([box.controller.kernelInterval, box.controller.factor]).toEqual([1, 1]);
    const downs = box.changes.slice(before);
    expect(downs.every(({ why }) => why === 'pressureOver')).toBe(true);
    const meterFrom = downs.findIndex(({ stage }) => stage === 'meter');
    expect(downs.slice(0, meterFrom).every(({ stage, factor }) => stage === 'kernel' && factor === highest)).toBe(true);
    expect(downs.slice(meterFrom).every(({ stage }) => stage === 'meter')).toBe(true);
    for (let i = 1; i < downs.length; i++) expect(downs[i]!.atS - downs[i - 1]!.atS).toBeGreaterThanOrEqual(60);
  });

  it('does not flap while the load stays', () => {
    const box = new Box();
    box.run(600, hopeless);
    const settled = box.changes.length;
    box.run(8 * 3_600, hopeless);
    const ups = box.changes.slice(settled).filter(({ why }) => why === 'kernelDropsPersist');
    // A lower interval is tried after fifteen dwells, and twice as rarely each time that proves wrong.
    expect(ups.length).toBeLessThanOrEqual(6);
  });

  it('never begins where the kernel has no such stage', () => {
    const box = new Box({ ...bounds, kernelIntervalMax: 1 });
    box.run(600, hopeless);
    expect(box.controller.kernelInterval).toBe(1);
    expect(box.controller.factor).toBe(64);
  });
});

class FakeMeter {
  readonly asked: NativeSampling[] = [];

  configure({ sampling }: { sampling?: NativeSampling }): number {
    if (sampling !== undefined) this.asked.push(sampling);
    return 0;
  }
}

describe('sampling in force, both stages', () => {
  it.each([
    ['ring', 2],
    ['libpcap', 1],
  ])(
    'captured by %s, the kernel’s interval rises to %i at least: told to meter, status, figures and journal',
    async (captureBy, least) => {
      const clock = new SimulatedClock();
      const metrics = createMetrics();
      const log = createLog(clock, () => undefined);
      const heard: string[] = [];
      const { meter: settings } = settingsSchema.parse({
        meter: {
          source: 'interface',
          interfaces: ['eth1'],
          captureBy,
          sampling: { adaptive: { enabled: true, intervalMax: 4, kernelIntervalMax: 8 } },
        },
      });
      const world = { clock, random: new SeededRandom(1), log, metrics };
      const sampling = new SamplingInForce(
        world,
        settings,
        (level, _event, text) => heard.push(`${level} ${text}`),
        new SelectorsInUse(world),
      );
      sampling.registerMetrics();
      expect(sampling.begin().kernelInterval).toBe(1);
      const meter = new FakeMeter();
      let figures: MeterFigures = noFigures;
      for (let second = 0; second < 30; second++) {
        await clock.advance(1_000);
        const { receivedPackets, droppedByKernelPackets } = figures.counts;
        const counts = {
          ...figures.counts,
          receivedPackets: receivedPackets + 100_000,
          droppedByKernelPackets: droppedByKernelPackets + 30_000,
        };
        figures = { ...figures, counts };
        sampling.watch(meter as unknown as NativeMeter, figures);
      }
      const { kernelInterval, interval, kind, why } = sampling.status();
      expect([kind, interval]).toEqual(['random', 4]);
      expect(kernelInterval).toBeGreaterThanOrEqual(least);
      expect(meter.asked.at(-1)).toMatchObject({ kind: 'random', interval: 4, kernelInterval });
      expect(await metrics.render()).toContain(`flowspan_meter_sampling_kernel_interval ${kernelInterval}\n`);
      const ofStage = heard.filter((text) => text.includes('in the last second'));
      if (captureBy === 'libpcap') {
        expect([kernelInterval, ofStage]).toEqual([1, []]);
        return;
      }
      expect(ofStage[0]).toBe(
        'warn sampling changed from 1 packet in 4 to 1 packet in 4 of those that the kernel lets through, 1 in 2: ' +
          'the kernel goes on dropping packets (30000 in the last second) although the meter takes few of them',
      );
      expect(why).toContain('the kernel goes on dropping packets');
      const { selectorId } = sampling.status();
      // What rows with this number stand for: both stages together, whatever order they came in.
      expect(sampling.of(selectorId)).toMatchObject({ kind: 'random', interval: 4 * kernelInterval });
      expect(sampling.facts().find((one) => one.selectorId === selectorId)).toMatchObject({ interval: 4, kernelInterval });
    },
  );
});

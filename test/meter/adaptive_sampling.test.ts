/**
 * The controller against a model of a box: packets cost a little up to the selection and more when they are metered, the
 * ring takes what the processor does not, and what the ring has no room for is lost. One look a second.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { type AdaptiveBounds, AdaptiveSampling, type IntervalChange } from '../../src/meter/adaptive_sampling.ts';

const bounds: AdaptiveBounds = { intervalMax: 64, ringShareMax: 0.5, cpuShareMax: 0.85, dwellMs: 60_000 };
const dwellS = 60;

interface Load {
  readonly packetsPerS: number;
  /** Processor seconds for a packet: up to the selection, and for metering it. */
  readonly before: number;
  readonly metering: number;
}
type Made = IntervalChange & { readonly atS: number };

class Box {
  readonly controller = new AdaptiveSampling(bounds);
  readonly changes: Made[] = [];
  readonly random: SeededRandom;
  readonly noise: number;
  readonly ringPackets = 100_000;
  atS = 0;
  waiting = 0;
  dropped = 0;

  constructor(seed = 1, noise = 0) {
    this.random = new SeededRandom(seed);
    this.noise = noise;
  }

  run(seconds: number, { packetsPerS, before, metering }: Load): void {
    for (let i = 0; i < seconds; i++) {
      const vary = (): number => 1 + this.noise * (2 * this.random.float() - 1);
      const offered = Math.round(packetsPerS * vary()) + this.waiting;
      const cost = (before + metering / this.controller.interval) * vary();
      const done = Math.min(offered, Math.floor(1 / cost));
      const left = offered - done;
      this.waiting = Math.min(this.ringPackets, left);
      const droppedPackets = left - this.waiting;
      this.dropped += droppedPackets;
      const look = {
        nowMs: ++this.atS * 1_000,
        receivedPackets: done,
        droppedPackets,
        ringShare: this.waiting / this.ringPackets,
        cpuShare: Math.min(1, done * cost),
      };
      const change = this.controller.look(look);
      if (change !== undefined) this.changes.push({ ...change, atS: this.atS });
    }
  }

  ups(afterS = 0): Made[] {
    return this.changes.filter(({ from, to, atS }) => to > from && atS > afterS);
  }
}

const fits: Load = { packetsPerS: 100_000, before: 2e-6, metering: 2e-6 };
const twice: Load = { packetsPerS: 400_000, before: 0.5e-6, metering: 4e-6 };

describe('adaptive sampling', () => {
  it('leaves a box alone that keeps up', () => {
    const box = new Box(1, 0.05);
    box.run(3_600, fits);
    expect(box.changes).toEqual([]);
  });

  it.each([
    ['kernelDrops', { droppedPackets: 1, ringShare: 0, cpuShare: 0.1 }],
    ['ringFilling', { droppedPackets: 0, ringShare: 0.5, cpuShare: 0.1 }],
    ['cpuBusy', { droppedPackets: 0, ringShare: 0, cpuShare: 0.85 }],
  ])('goes up with the very look that shows pressure (%s)', (why, seen) => {
    const controller = new AdaptiveSampling(bounds);
    const calm = { receivedPackets: 50_000, droppedPackets: 0, ringShare: 0.1, cpuShare: 0.3 };
    expect(controller.look({ nowMs: 0, ...calm })).toBeUndefined();
    expect(controller.look({ nowMs: 1_000, receivedPackets: 50_000, ...seen })).toEqual({ from: 1, to: 2, why });
  });

  it('goes as far up at once as the loss calls for, and never beyond the maximum', () => {
    const controller = new AdaptiveSampling(bounds);
    const lost = { receivedPackets: 10_000, ringShare: 1, cpuShare: 1 };
    expect(controller.look({ nowMs: 0, ...lost, droppedPackets: 60_000 })).toEqual({ from: 1, to: 8, why: 'kernelDrops' });
    // What the ring held before the change still shows: one look is passed over.
    expect(controller.look({ nowMs: 1_000, ...lost, droppedPackets: 60_000 })).toBeUndefined();
    expect(controller.look({ nowMs: 2_000, ...lost, droppedPackets: 900_000 })).toMatchObject({ from: 8, to: 64 });
    for (let s = 3; s < 30; s++) expect(controller.look({ nowMs: s * 1_000, ...lost, droppedPackets: 9_000 })).toBeUndefined();
  });

  it('stops the loss within seconds and comes all the way back when the load is gone', () => {
    const box = new Box(2, 0.03);
    box.run(600, fits);
    box.run(60, twice);
    const lostBy = box.dropped;
    box.run(240, twice);
    expect(box.dropped).toBe(lostBy);
    expect(box.controller.interval).toBeGreaterThan(1);
    const upAt = box.atS;
    box.run(1_800, fits);
    expect(box.controller.interval).toBe(1);
    // One step a dwell, never sooner.
    const downs = box.changes.filter(({ atS }) => atS > upAt);
    for (let i = 1; i < downs.length; i++) expect(downs[i]!.atS - downs[i - 1]!.atS).toBeGreaterThanOrEqual(dwellS);
    expect(downs.every(({ why, from, to }) => why === 'pressureOver' && to === from / 2)).toBe(true);
  });

  it('is not held up for good by what a flood of other packets has taught it', () => {
    const box = new Box(3, 0.03);
    box.run(120, { packetsPerS: 400_000, before: 0.2e-6, metering: 8e-6 });
    // Afterwards nearly all of the work is before the selection: sampling would not help, and is not needed.
    box.run(3 * 3_600, { packetsPerS: 200_000, before: 2.6e-6, metering: 0.2e-6 });
    expect(box.controller.interval).toBe(1);
  });

  it('takes up a lower maximum at once', () => {
    const box = new Box();
    box.run(30, { packetsPerS: 400_000, before: 0.1e-6, metering: 40e-6 });
    expect(box.controller.interval).toBeGreaterThan(8);
    box.controller.configure({ ...bounds, intervalMax: 8 });
    box.run(1, fits);
    expect(box.controller.interval).toBe(8);
  });

  it('does not flap under any steady load', () => {
    const load = fc.record({
      packetsPerS: fc.integer({ min: 2_000, max: 1_000_000 }),
      before: fc.double({ min: 0.05e-6, max: 2e-6, noNaN: true }),
      metering: fc.double({ min: 0.05e-6, max: 40e-6, noNaN: true }),
    });
    fc.assert(
      fc.property(
        load,
        fc.integer({ min: 1, max: 2 ** 30 }),
        fc.double({ min: 0, max: 0.04, noNaN: true }),
        (steady, seed, noise) => {
          const box = new Box(seed, noise);
          const settledS = 1_200;
          const hours = 8;
          box.run(hours * 3_600, steady);
          // Up again only after a trial, which comes every 15 dwells at most, and twice as rarely each time it proves wrong.
          const ups = box.ups(settledS).map(({ atS }) => atS);
          const wrongTrials = ups.filter((atS, i) => i === 0 || atS - ups[i - 1]! > 10);
          expect(wrongTrials.length).toBeLessThanOrEqual(6);
          expect(ups.length).toBeLessThanOrEqual(2 * wrongTrials.length);
          for (let i = 1; i < wrongTrials.length; i++) {
            expect(wrongTrials[i]! - wrongTrials[i - 1]!).toBeGreaterThanOrEqual(14 * dwellS);
          }
          // And what can be kept is kept: with the best interval the box would lose nothing, so neither does this one.
          const possible = steady.packetsPerS * (1 + noise) ** 2 * (steady.before + steady.metering / bounds.intervalMax) < 0.8;
          const lostLate = box.dropped;
          if (possible) {
            box.run(600, steady);
            expect(box.dropped - lostLate).toBe(0);
          }
        },
      ),
      { numRuns: 60, seed: 7 },
    );
  });

  it('with a load that goes up and down it never goes down within a dwell of pressure', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 5, max: 400 }), fc.integer({ min: 10_000, max: 900_000 })), {
          minLength: 5,
          maxLength: 40,
        }),
        (parts) => {
          const box = new Box(5, 0.05);
          for (const [seconds, packetsPerS] of parts) box.run(seconds, { packetsPerS, before: 0.3e-6, metering: 3e-6 });
          box.changes.forEach((change, i) => {
            if (change.to < change.from && i > 0) expect(change.atS - box.changes[i - 1]!.atS).toBeGreaterThanOrEqual(dwellS);
            expect(Number.isInteger(Math.log2(change.to)) && change.to >= 1 && change.to <= 64).toBe(true);
          });
        },
      ),
      { numRuns: 100, seed: 8 },
    );
  });
});

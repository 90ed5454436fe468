/** What the lamp of a box says of its state, and that it is written only where there is one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exampleStatus } from '../../src/forward/mqtt/payload_examples.ts';
import { type LampFacts, lampFile, lampOf } from '../../src/system/box_lamp.ts';

const [alert] = exampleStatus.alerts;
const good: LampFacts = { ...exampleStatus, dataPlane: { healthy: true, parts: [] }, alerts: [] };
const { nowMs } = good;
const raised = { ...alert!, state: 'raised', acknowledgedBy: '', mutedUntilMs: 0 } as const;

describe('the lamp', () => {
  test.each([
    ['meters', {}, false],
    ['attention', { alerts: [raised] }, false],
    ['meters', { alerts: [{ ...raised, acknowledgedBy: 'anna' }] }, false],
    ['meters', { alerts: [{ ...raised, mutedUntilMs: nowMs + 1 }] }, false],
    ['meters', { alerts: [{ ...raised, state: 'cleared' }] }, false],
    ['idle', { meter: { ...good.meter, source: 'none' }, alerts: [raised] }, false],
    ['fault', { dataPlane: { healthy: false, parts: [] } }, false],
    ['fault', { meter: { ...good.meter, source: 'none' } }, true],
  ] as const)('%s: %j', (lamp, change, isSafe) => expect(lampOf({ ...good, ...change } as LampFacts, isSafe)).toBe(lamp));

  test('is told in a file, where the environment names one; one that cannot be written disturbs nobody', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lamp-'));
    try {
      lampFile({ FLOWSPAN_LAMP_FILE: join(folder, 'state') })!('idle');
      expect(readFileSync(join(folder, 'state'), 'utf8')).toBe('idle\n');
      lampFile({ FLOWSPAN_LAMP_FILE: '/dev/null/state' })!('idle');
      expect(lampFile({})).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { createMetrics } from '../../src/core/metrics.ts';
import { SeededRandom } from '../../src/core/random.ts';
import { EventJournal } from '../../src/system/event_journal.ts';

function journal() {
  const clock = new SimulatedClock();
  return { clock, journal: new EventJournal({ clock, random: new SeededRandom(1), log: silentLog, metrics: createMetrics() }) };
}

describe('event journal', () => {
  test('an event that repeats at once is one entry; later it is told again', async () => {
    const { clock, journal: events } = journal();
    for (let i = 0; i < 50; i++) events.add('warn', 'uplinkLost', 'central: connection refused');
    events.add('warn', 'uplinkLost', 'other: connection refused');
    expect(events.entries).toHaveLength(2);
    await clock.advance(60_000);
    events.add('warn', 'uplinkLost', 'central: connection refused');
    expect(events.entries).toHaveLength(3);
  });

  test('the list stays bounded and keeps the newest', () => {
    const { journal: events } = journal();
    const heard: string[] = [];
    events.onEvent((event) => heard.push(event.text));
    for (let i = 0; i < 1_000; i++) events.add('info', 'tick', `number ${i}`);
    expect(events.entries).toHaveLength(200);
    expect(events.entries.at(-1)?.text).toBe('number 999');
    expect(heard).toHaveLength(1_000);
  });
});

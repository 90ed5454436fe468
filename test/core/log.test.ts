import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { createLog, jsonSink, type LogFields, textSink } from '../../src/core/log.ts';

describe('log', () => {
  test('a flood of one event is held back and counted; other events pass', async () => {
    const clock = new SimulatedClock();
    const lines: { event: string; fields: LogFields }[] = [];
    const log = createLog(clock, (_level, _part, event, fields) => lines.push({ event, fields }));
    for (let i = 0; i < 1_000; i++) log.warn('connectRefused', { i });
    log.warn('other');
    expect(lines.filter((line) => line.event === 'connectRefused')).toHaveLength(5);
    expect(lines.filter((line) => line.event === 'other')).toHaveLength(1);
    await clock.advance(60_000);
    log.warn('connectRefused', { i: 1_000 });
    expect(lines.at(-1)).toEqual({ event: 'connectRefused', fields: { i: 1_000, heldBack: 995 } });
  });

  test('JSON lines carry level, part, event and fields', () => {
    const written: string[] = [];
    const log = createLog(new SimulatedClock(), jsonSink('info', { write: (line) => void written.push(line) }), 'forward');
    log.debug('unseen');
    log.child('tcp').error('connectionLost', { destination: 'central' });
    expect(written).toHaveLength(1);
    expect(JSON.parse(written[0]!)).toMatchObject({
      level: 50,
      part: 'forward.tcp',
      msg: 'connectionLost',
      destination: 'central',
    });
  });

  test('text lines are one line each and quote what has spaces', () => {
    const written: string[] = [];
    const clock = new SimulatedClock();
    createLog(
      clock,
      textSink('info', clock, (line) => written.push(line)),
      'main',
    ).info('started', { page: 'http://x', why: 'a b' });
    expect(written).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d {2}info {3}main {12}started {2}page=http:\/\/x {2}why="a b"\n$/),
    ]);
  });
});

/** Alerts over time, on a simulated clock: hysteresis, cool-down, one per id, acknowledged, muted, over a restart. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../../src/flow/alert_shapes.ts';
import { AlertBook, type AlertChange, bookText, idOf, parseBook } from '../../../src/system/alerts/alert_book.ts';
import type { Verdict } from '../../../src/system/alerts/alert_rules.ts';

const verdict = (is: Verdict['is'], more: Partial<Verdict> = {}): Verdict => ({
  code: 'uplinkDown',
  subject: 'central',
  severity: 'page',
  is,
  raiseAfterMs: 60_000,
  clearAfterMs: 120_000,
  title: 'Uplink central is down',
  text: 'It is down.',
  runbook: 'Bring it up.',
  ...more,
});

let book: AlertBook;
let nowMs: number;
const wallStartMs = 1_800_000_000_000;
beforeEach(() => {
  book = new AlertBook(900_000);
  nowMs = 5_000;
});
const now = () => ({ monotonicMs: nowMs, wallMs: wallStartMs + nowMs });

/** Judges every five seconds for so long; what changed. */
function last(seconds: number, ...verdicts: Verdict[]): AlertChange[] {
  const changes: AlertChange[] = [];
  for (let s = 0; s < seconds; s += 5) {
    nowMs += 5_000;
    changes.push(...book.judge(verdicts, now()));
  }
  return changes;
}
const told = (changes: readonly AlertChange[]): string[] => changes.filter(({ isTold }) => isTold).map(({ what }) => what);
const whats = (changes: readonly AlertChange[]): string[] => changes.map(({ what }) => what);
const open = (): Alert[] => book.alerts.filter(({ state }) => state === 'raised');

describe('an alert', () => {
  it('is raised after it was bad for long enough without a break, once, and cleared likewise', () => {
    expect(last(55, verdict('bad'))).toEqual([]);
    expect(last(5, verdict('good'))).toEqual([]);
    expect(last(60, verdict('bad'))).toEqual([]);
    expect(whats(last(600, verdict('bad')))).toEqual(['raised']);
    expect(open()).toMatchObject([{ id: 'uplinkDown.central', times: 1 }]);
    expect(last(115, verdict('good'))).toEqual([]);
    expect(last(5, verdict('bad'))).toEqual([]);
    expect(last(120, verdict('good'))).toEqual([]);
    expect(whats(last(600, verdict('good')))).toEqual(['cleared']);
    expect(open()).toEqual([]);
  });

  it('between the thresholds neither comes nor goes', () => {
    last(600, verdict('between'));
    expect(book.alerts).toEqual([]);
    for (let n = 0; n < 20; n++) {
      last(30, verdict('bad'));
      last(5, verdict('between'));
    }
    expect(book.alerts).toEqual([]);
    last(70, verdict('bad'));
    expect(last(3_600, verdict('between'))).toEqual([]);
    for (let n = 0; n < 20; n++) expect([...last(100, verdict('good')), ...last(5, verdict('between'))]).toEqual([]);
    expect(open()).toHaveLength(1);
  });

  it('that flaps is told once a cool-down, and counts how often it came', () => {
    const changes: AlertChange[] = [];
    for (let n = 0; n < 10; n++) changes.push(...last(70, verdict('bad')), ...last(130, verdict('good')));
    expect(whats(changes)).toEqual(Array(10).fill(['raised', 'cleared']).flat());
    expect(told(changes).filter((what) => what === 'raised')).toEqual(['raised']);
    expect(book.alerts).toMatchObject([{ times: 10, state: 'cleared' }]);
    last(1_200, verdict('good'));
    expect(told(last(70, verdict('bad')))).toEqual(['raised']);
    expect(open()).toMatchObject([{ times: 1 }]);
    expect(book.raisedSince(0)).toBe(11);
  });

  it('follows the numbers while it stands, and wakes somebody when a ticket becomes a page', () => {
    last(70, verdict('bad', { severity: 'ticket', text: '61 %.' }));
    book.act({ kind: 'acknowledge', id: 'uplinkDown.central', who: 'olaf' }, now());
    expect(last(5, verdict('bad', { severity: 'ticket', text: '75 %.' }))).toEqual([]);
    expect(open()).toMatchObject([{ text: '75 %.', acknowledgedBy: 'olaf' }]);
    const worse = last(5, verdict('bad', { text: '91 %.' }));
    expect([told(worse), open()[0]]).toMatchObject([['worsened'], { severity: 'page', acknowledgedBy: '', text: '91 %.' }]);
    // It does not swing back with each dip.
    expect(last(60, verdict('bad', { severity: 'ticket' }), verdict('bad'))).toEqual([]);
    expect(open()).toMatchObject([{ severity: 'page' }]);
  });

  it('about something that is gone clears', () => {
    last(70, verdict('bad'));
    expect(whats(last(70))).toEqual(['cleared']);
  });

  it('said twice in a round is one', () => {
    expect(whats(last(70, verdict('bad'), verdict('bad')))).toEqual(['raised']);
  });
});

describe('whoever looks after it', () => {
  const id = 'uplinkDown.central';

  it('acknowledges it: it stays, until it clears', () => {
    expect(book.act({ kind: 'acknowledge', id, who: 'olaf' }, now())).toBeUndefined();
    last(70, verdict('bad'));
    expect(book.act({ kind: 'acknowledge', id, who: 'olaf' }, now())).toMatchObject({ what: 'acknowledged', isTold: false });
    expect(open()).toMatchObject([{ acknowledgedBy: 'olaf' }]);
    expect(told(last(130, verdict('good')))).toEqual(['cleared']);
    expect(book.act({ kind: 'acknowledge', id, who: 'olaf' }, now())).toBeUndefined();
    last(1_200, verdict('good'));
    expect(told(last(70, verdict('bad')))).toEqual(['raised']);
    expect(open()).toMatchObject([{ acknowledgedBy: '' }]);
  });

  it('mutes it: told to nobody, also when it comes again, until the time is over', () => {
    last(70, verdict('bad'));
    book.act({ kind: 'mute', id, who: 'olaf', forMs: 7_200_000 }, now());
    const meanwhile = [...last(130, verdict('good')), ...last(1_000, verdict('good')), ...last(70, verdict('bad'))];
    expect([whats(meanwhile), told(meanwhile)]).toEqual([['cleared', 'raised'], []]);
    expect(told(last(130, verdict('good')))).toEqual([]);
    // Before it was muted they were told that it stands, and would believe it for ever.
    expect(told(last(7_200, verdict('good')))).toEqual(['cleared']);
    expect(told(last(70, verdict('bad')))).toEqual(['raised']);
    book.act({ kind: 'mute', id, who: 'olaf', forMs: 7_200_000 }, now());
    expect(book.act({ kind: 'unmute', id, who: 'olaf' }, now())).toMatchObject({ alert: { mutedUntilMs: 0, mutedBy: '' } });
  });
});

describe('what was kept back and still stands is told once', () => {
  const id = 'uplinkDown.central';
  const keepAndRestore = (downMs: number): void => {
    const kept = parseBook(bookText(book, []))!;
    const wallMs = now().wallMs + downMs;
    nowMs = wallMs - wallStartMs;
    book = new AlertBook(900_000);
    book.restore(kept, now());
  };

  it('when its cool-down ends, and its end after that', () => {
    last(70, verdict('bad'));
    expect(told(last(130, verdict('good')))).toEqual(['cleared']);
    const again = last(890, verdict('bad'));
    expect([whats(again), told(again)]).toEqual([['raised'], []]);
    expect(told(last(3_600, verdict('bad')))).toEqual(['raised']);
    expect(open()).toMatchObject([{ times: 2 }]);
    expect(told(last(3_600, verdict('good')))).toEqual(['cleared']);
  });

  it('not of what cleared within its cool-down, nor of what somebody looks after', () => {
    last(70, verdict('bad'));
    last(130, verdict('good'));
    expect(told([...last(70, verdict('bad')), ...last(3_600, verdict('good'))])).toEqual([]);
    last(70, verdict('bad'));
    last(130, verdict('good'));
    last(70, verdict('bad'));
    book.act({ kind: 'acknowledge', id, who: 'olaf' }, now());
    expect(told([...last(3_600, verdict('bad')), ...last(130, verdict('good'))])).toEqual([]);
  });

  it('when a mute ends, by time or by hand', () => {
    last(70, verdict('bad'));
    last(1_200, verdict('good'));
    for (const byHand of [false, true]) {
      book.act({ kind: 'mute', id, who: 'olaf', forMs: 3_600_000 }, now());
      expect(told(last(3_000, verdict('bad')))).toEqual([]);
      if (byHand) book.act({ kind: 'unmute', id, who: 'olaf' }, now());
      expect(told(last(3_600, verdict('bad')))).toEqual(['raised']);
      last(1_200, verdict('good'));
    }
  });

  it('when it turned into a page while it was muted, or within the cool-down of a ticket', () => {
    last(70, verdict('bad', { severity: 'ticket' }));
    book.act({ kind: 'mute', id, who: 'olaf', forMs: 600_000 }, now());
    expect(told(last(500, verdict('bad')))).toEqual([]);
    expect(told(last(3_600, verdict('bad')))).toEqual(['worsened']);
    last(1_200, verdict('good'));
    last(70, verdict('bad', { severity: 'ticket' }));
    last(130, verdict('good'));
    expect(told(last(70, verdict('bad', { severity: 'ticket' })))).toEqual([]);
    expect(told(last(70, verdict('bad')))).toEqual(['raised']);
  });

  it('over a restart: what was muted or cooling is told afterwards, what was told is not again', () => {
    last(70, verdict('bad'));
    last(130, verdict('good'));
    last(70, verdict('bad'));
    keepAndRestore(10_000);
    expect(told(last(3_600, verdict('bad')))).toEqual(['raised']);
    keepAndRestore(10_000);
    expect(told(last(3_600, verdict('bad')))).toEqual([]);
    last(130, verdict('good'));
    keepAndRestore(10_000);
    expect(told(last(600, verdict('bad')))).toEqual([]); // the cool-down goes on
    last(130, verdict('good'));
    keepAndRestore(86_400_000);
    expect(told(last(70, verdict('bad')))).toEqual(['raised']); // and ended while the box was off
    last(1_200, verdict('good'));
    book.act({ kind: 'mute', id, who: 'olaf', forMs: 600_000 }, now());
    last(300, verdict('bad'));
    keepAndRestore(10_000);
    expect(told(last(3_600, verdict('bad')))).toEqual(['raised']);
  });

  it('of a file that an older version wrote, nothing that stands is told again', () => {
    last(70, verdict('bad'));
    const { told: _, ...old } = JSON.parse(bookText(book, []));
    book = new AlertBook(900_000);
    book.restore(parseBook(JSON.stringify(old))!, now());
    expect(told(last(3_600, verdict('bad')))).toEqual([]);
    expect(told(last(130, verdict('good')))).toEqual(['cleared']);
  });
});

describe('what is kept', () => {
  it('stands after a restart, acknowledged as it was, and wakes nobody again', () => {
    last(70, verdict('bad'));
    book.act({ kind: 'acknowledge', id: 'uplinkDown.central', who: 'olaf' }, now());
    const kept = parseBook(bookText(book, [{ a: 1 }]))!;
    expect(kept.pending).toEqual([{ a: 1 }]);
    nowMs = 100; // another boot
    book = new AlertBook(900_000);
    book.restore(kept, { monotonicMs: 100, wallMs: wallStartMs + 500_000 });
    expect(last(600, verdict('bad'))).toEqual([]);
    expect(open()).toMatchObject([{ acknowledgedBy: 'olaf', raisedMs: kept.alerts[0]!.raisedMs }]);
    expect(told(last(130, verdict('good')))).toEqual(['cleared']);
  });

  it('is bounded, and of what has cleared only the last is remembered', () => {
    const many = (is: Verdict['is']) => Array.from({ length: 300 }, (_, n) => verdict(is, { subject: `c${n}` }));
    last(70, ...many('bad'));
    expect(open()).toHaveLength(200);
    last(140, ...many('good'));
    expect(book.alerts).toHaveLength(50);
    last(8 * 86_400, verdict('good'));
    expect(book.alerts).toEqual([]);
  }, 60_000);

  it.each(['', '{', '[]', '{"schema":9,"alerts":[],"raises":[],"pending":[]}', 'null'])('%j is not taken', (text) =>
    expect(parseBook(text)).toBeUndefined(),
  );

  it('has ids that are safe as topic and file name', () => {
    expect(idOf('uplinkDown', '../a/b #+')).toMatch(/^uplinkDown\.[A-Za-z0-9_.-]+$/);
    expect(idOf('hot', '')).toBe('hot');
  });
});

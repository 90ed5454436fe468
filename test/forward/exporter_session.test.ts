/**
 * A session with a collector on a simulated clock: when templates and options go out again, and that sequence numbers count
 * what RFC 7011 section 3.1 says. Rows come from a real spool over a store in memory.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { settingsSchema } from '../../src/config/schema.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { ApplianceError } from '../../src/core/errors.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import type { World } from '../../src/core/world.ts';
import { profileSpec } from '../../src/flow/profiles.ts';
import { referenceProjector } from '../../src/flow/projector.ts';
import type { RowClock } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import type { SelectorFact } from '../../src/flow/selectors.ts';
import { ExporterSession } from '../../src/forward/exporter_session.ts';
import { ConformanceCheck } from '../../src/forward/ipfix/conformance.ts';
import { IpfixDecoder } from '../../src/forward/ipfix/decode/ipfix_decoder.ts';
import type { ExportFacts } from '../../src/forward/ipfix/options_tables.ts';
import { IpfixSession } from '../../src/forward/ipfix/session.ts';
import { DestinationPrivacy } from '../../src/forward/privacy/destination_privacy.ts';
import { Spool } from '../../src/forward/spool.ts';
import { meteringFacts, systemTestWorld } from './export_box.ts';
import { RecordingLink } from './recording_link.ts';
import { anyFamily, blockOf, rowClock } from './rows.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const openPrivacy = new DestinationPrivacy(
  { addresses: 'keep', ipv4PrefixLength: 32, ipv6PrefixLength: 128, leaveOut: [] },
  undefined,
);

const newSession = (): IpfixSession =>
  new IpfixSession({
    projector: referenceProjector,
    profile: profileSpec('lean'),
    privatePen: 0,
    observationDomainId: 7,
    messageOctetsMax: 1_400,
  });

class Exchange {
  readonly clock = new SimulatedClock();
  readonly world: World = { ...systemTestWorld(), clock: this.clock };
  session = newSession();
  readonly spool = new Spool({
    world: this.world,
    kv: new MemoryKv(),
    settings: settingsSchema.parse({}).spool,
    destinations: ['a'],
    rowClock: rowClock(),
  });
  selectors: readonly SelectorFact[] = meteringFacts.selectors;
  readonly #facts = (gaps: ExportFacts['gaps']): ExportFacts => ({
    ...meteringFacts,
    selectors: this.selectors,
    observationDomainId: 7,
    nowMs: this.clock.wallMs(),
    ...{ exportedMessages: 0, exportedOctets: 0, exportedRecords: 0, notSentRecords: 0, notSentPackets: 0, notSentOctets: 0 },
    gaps,
    plans: this.session.plans,
    anonymizations: [],
  });

  static async start(): Promise<Exchange> {
    const exchange = new Exchange();
    await exchange.spool.start();
    cleanups.push(async () => {
      const stopped = exchange.spool.stop(1_000);
      await exchange.clock.advance(2_000);
      await stopped;
    });
    return exchange;
  }

  /** As another connection would have it. */
  renew(): void {
    this.session = newSession();
  }

  /** Opens a link; `end` breaks it off and resolves when the session has ended; `ended` resolves with why it did. */
  converse({ lossy = true, templateResendS = 60, clock = rowClock() } = {}): {
    readonly link: RecordingLink;
    readonly end: () => Promise<void>;
    readonly ended: Promise<ApplianceError | undefined>;
  } {
    const link = new RecordingLink(this.clock, lossy);
    const running = new ExporterSession({
      privacy: openPrivacy,
      world: this.world,
      link,
      session: this.session,
      cursor: this.spool.lane('a'),
      gapsOf: this.spool.lane('a'),
      rowClock: clock,
      facts: this.#facts,
      templateResendMs: templateResendS * 1_000,
      resendMarginOctets: 65_536,
      onSent: () => {},
      onProven: () => {},
    }).run(new AbortController().signal);
    const end = async (): Promise<void> => {
      link.break(new ApplianceError('connectionLost', 'the test ends it'));
      await running;
    };
    cleanups.push(end);
    return { link, end, ended: running };
  }
}

/** What each message holds, decoded as one session. */
function contents(link: RecordingLink) {
  const decoder = new IpfixDecoder();
  return link.sent.map(({ atMs, message }) => {
    const { templates, records, withdrawn, sequence } = decoder.decode(message);
    return {
      atMs,
      sequence,
      withdrawn: withdrawn.length,
      templates: templates.filter(({ scopeCount }) => scopeCount === 0).map(({ templateId }) => templateId),
      optionsTemplates: templates.filter(({ scopeCount }) => scopeCount > 0).map(({ templateId }) => templateId),
      flows: records.filter(({ scope }) => scope.length === 0).length,
      options: records.filter(({ scope }) => scope.length > 0),
    };
  });
}
type Content = ReturnType<typeof contents>[number];

const timesOf = (all: readonly Content[], pick: (one: Content) => boolean): number[] => [
  ...new Set(all.filter(pick).map(({ atMs }) => atMs)),
];

function violations(link: Pick<RecordingLink, 'lossy' | 'messageOctetsMax' | 'sent'>): string[] {
  const check = new ConformanceCheck(link.lossy ? 'udp' : 'tcp', link.messageOctetsMax);
  for (const { message } of link.sent) check.observe(message);
  return check.violations;
}

test.each([60, 10, 600])(
  'over UDP templates go out three times at first, then every %d s, and are never withdrawn',
  async (templateResendS) => {
    const exchange = await Exchange.start();
    const { link } = exchange.converse({ templateResendS });
    await exchange.clock.advance(1_300_000);
    const all = contents(link);
    const period = templateResendS * 1_000;
    const expected = [0, 1_000, 3_000];
    for (let at = 3_000 + period; at <= 1_300_000; at += period) expected.push(at);
    expect(timesOf(all, ({ templates }) => templates.length > 0)).toEqual(expected);
    expect(timesOf(all, ({ optionsTemplates }) => optionsTemplates.length > 0)).toEqual(expected);
    // All of them each time, and the same octets but for the header's time and sequence number.
    for (const atMs of expected) {
      const sent = all.filter((one) => one.atMs === atMs);
      // Eight of one flow, ten of many (flow/row_kinds.ts).
      expect(sent.flatMap(({ templates }) => templates)).toEqual(Array.from({ length: 18 }, (_, i) => 256 + i));
      expect(sent.flatMap(({ optionsTemplates }) => optionsTemplates)).toEqual([512, 514, 515, 516, 517, 519, 520]);
    }
    const bodies = link.sent
      .filter((_, index) => all[index]!.templates.length > 0)
      .map(({ message }) => Buffer.from(message.subarray(16)).toString('hex'));
    expect(new Set(bodies).size).toBe(1);
    expect(all.every(({ withdrawn }) => withdrawn === 0)).toBe(true);
    expect(violations(link)).toEqual([]);
  },
);

test('over TCP templates go out once, and options every minute without them', async () => {
  const exchange = await Exchange.start();
  const { link } = exchange.converse({ lossy: false });
  await exchange.clock.advance(600_000);
  const all = contents(link);
  expect(timesOf(all, ({ templates, optionsTemplates }) => templates.length + optionsTemplates.length > 0)).toEqual([0]);
  const optionTimes = timesOf(all, ({ options }) => options.length > 0);
  expect(optionTimes[0]).toBe(0);
  expect(optionTimes.length).toBeGreaterThanOrEqual(10);
  // Looked at once a second, so a minute is at most a second long.
  for (let i = 1; i < optionTimes.length; i++) expect(optionTimes[i]! - optionTimes[i - 1]!).toBeLessThanOrEqual(61_000);
  expect(violations(link)).toEqual([]);
});

test.each([true, false])(
  'sequence numbers count data records before the message, those of options too (lossy %s)',
  async (lossy) => {
    const exchange = await Exchange.start();
    const { link } = exchange.converse({ lossy });
    for (let first = 0; first < 3_000; first += 300) {
      exchange.spool.append(blockOf(first, 300, { familyOf: anyFamily }));
      await exchange.clock.advance(17_000);
    }
    const all = contents(link);
    expect(all.reduce((sum, { flows }) => sum + flows, 0)).toBe(3_000);
    let before = 0;
    for (const { sequence, flows, options } of all) {
      expect(sequence).toBe(before);
      before += flows + options.length;
    }
    // Templates were between them, and counted for nothing.
    expect(before).toBe(exchange.session.sequence);
    expect(all.filter(({ flows }) => flows > 0).length).toBeGreaterThan(50);
    expect(all.filter(({ options }) => options.length > 0).length).toBeGreaterThan(2);
  },
);

test('an interrupted UDP session goes on: templates at once, sequence numbers where they were', async () => {
  const exchange = await Exchange.start();
  const first = exchange.converse();
  exchange.spool.append(blockOf(0, 100));
  await exchange.clock.advance(5_000);
  await first.end();
  const reached = exchange.session.sequence;
  exchange.spool.append(blockOf(100, 100));
  const second = exchange.converse();
  await exchange.clock.advance(5_000);
  const all = contents(second.link);
  expect(reached).toBeGreaterThan(100);
  expect(all[0]!.sequence).toBe(reached);
  expect(timesOf(all, ({ templates }) => templates.length > 0)).toEqual([0, 1_000, 3_000]);
  expect(all.reduce((sum, { flows }) => sum + flows, 0)).toBe(100);
  expect(violations({ lossy: true, messageOctetsMax: 1_400, sent: [...first.link.sent, ...second.link.sent] })).toEqual([]);
});

test('a session with nothing on its way wakes the box once a second, and rows are proven as soon as ever', async () => {
  const exchange = await Exchange.start();
  const { link } = exchange.converse({ lossy: false });
  await exchange.clock.advance(3_000);
  const looks = vi.spyOn(link, 'provenOctets');
  const timers = vi.spyOn(exchange.clock, 'after');
  await exchange.clock.advance(10_000);
  expect(looks).not.toHaveBeenCalled();
  const [sessions, spools] = [10, 10];
  expect(timers.mock.calls.length).toBeLessThanOrEqual(sessions + spools);
  for (let i = 0; i < 3; i++) {
    await exchange.clock.advance(730);
    exchange.spool.append(blockOf(i * 100, 100));
    await exchange.clock.advance(100);
    expect(exchange.spool.lane('a').account()).toMatchObject({ pending: 0, acknowledged: (i + 1) * 100 });
  }
});

test('rows never come before the options that explain their selector', async () => {
  const exchange = await Exchange.start();
  const { link } = exchange.converse({ lossy: false });
  await exchange.clock.advance(10_000);
  for (const selectorId of [2, 3]) {
    // The rate changes, and rows come at once: between two looks at the facts.
    await exchange.clock.advance(150);
    exchange.selectors = [...exchange.selectors, { selectorId, kind: 'random', interval: 2 ** selectorId }];
    const block = blockOf(selectorId * 100, 100);
    for (let i = 0; i < block.count; i++) new RowCursor(block.bytes).at(i, block.firstRow).selectorId = selectorId;
    exchange.spool.append(block);
    await exchange.clock.advance(50);
    const all = contents(link);
    const told = all.findIndex(({ options }) => options.some(({ values }) => values.selectorId === selectorId));
    const rows = all.findLastIndex(({ flows }) => flows > 0);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(rows);
    expect(all.slice(0, told).reduce((sum, { flows }) => sum + flows, 0)).toBe((selectorId - 2) * 100);
  }
  // A selector that nobody knows any more is looked for once, not with every block.
  const before = contents(link).filter(({ options }) => options.length > 0).length;
  for (let n = 0; n < 3; n++) {
    const block = blockOf(1_000 + n, 1);
    new RowCursor(block.bytes).at(0, block.firstRow).selectorId = 99;
    exchange.spool.append(block);
    await exchange.clock.advance(20);
  }
  expect(contents(link).filter(({ options }) => options.length > 0).length).toBe(before + 1);
  expect(violations(link)).toEqual([]);
});

test('of many selectors a collector hears those in force and those that its rows name, each before them', async () => {
  const exchange = await Exchange.start();
  exchange.selectors = Array.from({ length: 300 }, (_, index) => ({
    ...{ selectorId: index + 1, kind: 'random' as const, interval: 2 + index, inForce: index === 299 },
  }));
  const { link } = exchange.converse({ lossy: false });
  await exchange.clock.advance(3_000);
  const block = blockOf(0, 1);
  new RowCursor(block.bytes).at(0, block.firstRow).selectorId = 17;
  exchange.spool.append(block);
  await exchange.clock.advance(1_000);
  const all = contents(link);
  const heard = all.map(({ options }) => options.map(({ values }) => values.selectorId).filter(Boolean));
  expect(new Set(heard.flat())).toEqual(new Set([300, 17]));
  expect(heard.findIndex((ids) => ids.includes(17))).toBeLessThan(all.findIndex(({ flows }) => flows > 0));
  expect(violations(link)).toEqual([]);
});

test('a new sampling rate is explained within a second, and the old ones stay explained', async () => {
  const exchange = await Exchange.start();
  const { link } = exchange.converse({ lossy: false });
  await exchange.clock.advance(10_000);
  exchange.selectors = [...exchange.selectors, { selectorId: 2, kind: 'random', interval: 10 }];
  await exchange.clock.advance(2_000);
  const explaining = contents(link).filter(({ options }) => options.some(({ values }) => values.selectorId === 2));
  expect(explaining).toHaveLength(1);
  expect(explaining[0]!.atMs).toBeLessThanOrEqual(11_100);
  // Its template was not needed before: over TCP too it comes with the first such selector, once.
  expect(explaining[0]!.optionsTemplates).toEqual([513]);
  expect(explaining[0]!.options.map(({ values }) => values.selectorId).filter(Boolean)).toEqual([1, 2]);
  expect(violations(link)).toEqual([]);
});

describe('a clock that is set back', () => {
  test.each([true, false])(
    'by seconds: no record bears an export time before that of its template (over a lossy transport: %s)',
    async (lossy) => {
      const exchange = await Exchange.start();
      const { link } = exchange.converse({ lossy });
      await exchange.clock.advance(5_000);
      exchange.clock.stepWall(-30_000);
      for (let first = 0; first < 50; first += 10) {
        exchange.spool.append(blockOf(first, 10, { familyOf: anyFamily }));
        await exchange.clock.advance(20_000);
      }
      expect(violations(link)).toEqual([]);
      expect(contents(link).reduce((sum, { flows }) => sum + flows, 0)).toBe(50);
      // Once the clock has caught up, messages bear its time again.
      expect(new DataView(link.sent.at(-1)!.message.buffer).getUint32(4)).toBeGreaterThan(1_700_000_000 + 30);
    },
  );

  test('while a UDP collector is not reached: the session goes on with templates of the new time, those of options among them', async () => {
    const exchange = await Exchange.start();
    const before = exchange.converse();
    await exchange.clock.advance(20_000);
    await before.end();
    exchange.clock.stepWall(-7_200_000);
    const { link } = exchange.converse();
    exchange.spool.append(blockOf(0, 10));
    await exchange.clock.advance(5_000);
    expect(violations({ lossy: true, messageOctetsMax: 1_400, sent: [...before.link.sent, ...link.sent] })).toEqual([]);
    expect(contents(link).reduce((sum, { flows }) => sum + flows, 0)).toBe(10);
  });

  test('by hours: the session ends with what happened, and the rows are sent in another, by the time as it is now', async () => {
    const exchange = await Exchange.start();
    const { ended } = exchange.converse({ lossy: false });
    await exchange.clock.advance(5_000);
    exchange.clock.stepWall(-7_200_000);
    exchange.spool.append(blockOf(0, 10));
    await exchange.clock.advance(1_000);
    expect((await ended)?.message).toMatch(/the clock was set back by 7\d\d\d s: another session begins/);
    exchange.spool.lane('a').rewind(true);
    exchange.renew();
    const { link } = exchange.converse({ lossy: false });
    await exchange.clock.advance(5_000);
    expect(violations(link)).toEqual([]);
    expect(contents(link).reduce((sum, { flows }) => sum + flows, 0)).toBe(10);
  });
});

test('over UDP an interruption does not make the session forget what it told of its stamps', async () => {
  const exchange = await Exchange.start();
  let known = false;
  const clock: RowClock = { ...rowClock(), certain: () => known };
  const told = ({ link }: { readonly link: RecordingLink }): unknown[] =>
    contents(link).flatMap(({ options }) => options.flatMap(({ values }) => values.absoluteError ?? []));
  const before = exchange.converse({ clock });
  exchange.spool.append(blockOf(0, 1, { bootId: 'boot-a' }));
  await exchange.clock.advance(500);
  expect(new Set(told(before))).toEqual(new Set(['Infinity']));
  await before.end();
  known = true;
  const after = exchange.converse({ clock });
  exchange.spool.append(blockOf(1, 1, { bootId: 'boot-a' }));
  await exchange.clock.advance(500);
  expect(told(after).at(-1)).toBe(1_000);
});

test('over UDP options come with their templates at once after an interruption: the collector may have been restarted', async () => {
  const exchange = await Exchange.start();
  const before = exchange.converse();
  await exchange.clock.advance(20_000);
  await before.end();
  const { link } = exchange.converse();
  await exchange.clock.advance(500);
  const first = contents(link).find(({ options, optionsTemplates }) => options.length + optionsTemplates.length > 0)!;
  expect(first.optionsTemplates.length).toBeGreaterThan(0);
  expect(first.atMs).toBe(0);
});

/** Names from observations to whoever shows them: what is off teaches nothing, a restart keeps names, a slow page loses none. */
import { describe, expect, test } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { createMetrics } from '../../../src/core/metrics.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import type { ObservationKind } from '../../../src/flow/decode_annotations.ts';
import type { HostNameChange } from '../../../src/flow/host_names.ts';
import type { Observation } from '../../../src/flow/observations.ts';
import { clientHello } from '../../../src/meter/demo/tls_messages.ts';
import type { NameFile } from '../../../src/pipeline/name_book.ts';
import { ObservedNames } from '../../../src/pipeline/names/observed_names.ts';
import { KnownNames } from '../../../src/status/known_hosts.ts';
import { cutHello } from '../../captures/hellos.ts';
import { a, dhcp, dns, labels, textOption } from './messages.ts';

const signal = new AbortController().signal;
const startMs = 1_800_000_000_000;

function box(kept: { text?: string } = {}, changes: object = {}) {
  const clock = new SimulatedClock(5_000, startMs);
  const metrics = createMetrics();
  const world = { clock, random: new SeededRandom(1), log: silentLog, metrics };
  const events: string[] = [];
  const page = new KnownNames();
  const line = { isOpen: true, sent: 0 };
  const file: NameFile = {
    read: async () => kept.text,
    replace: async (text) => {
      kept.text = text;
    },
  };
  const names = new ObservedNames({
    world,
    settings: settings(changes),
    file,
    onEvent: (level, event) => events.push(`${level} ${event}`),
    show: (told: readonly HostNameChange[]) => {
      if (!line.isOpen) return false;
      line.sent += told.length;
      page.take(told);
      return true;
    },
  });
  return { clock, names, page, line, events, kept, file, text: () => metrics.render() };
}

const settings = (changes: object) => settingsSchema.parse({ names: changes }).names;

const seen = (kind: ObservationKind, payload: Uint8Array, destination = [198, 51, 100, 7]): Observation => ({
  kind,
  ns: 0n,
  source: Uint8Array.of(10, 0, 0, 1),
  destination: Uint8Array.from(destination),
  sourcePort: 53,
  destinationPort: 4_000,
  streamOffset: 0,
  wholeOctets: payload.length,
  payload,
});
/** Whole, as of a client that connects to an address. */
function helloWithoutName(): Uint8Array {
  const hello = clientHello('shop.example', new SeededRandom(2));
  hello[Buffer.from(hello).indexOf('shop.example') - 8] = 99; // the number of its extension
  return hello;
}
const answer = (name: string, address: string) => seen('dns', dns({ name, answers: [a(address)] }));

describe('names of hosts', () => {
  test('of every kind reach the page, with their source and time', async () => {
    const { clock, names, page, text } = box();
    await names.start(signal);
    names.receive(answer('www.example', '192.0.2.1'));
    names.receive(seen('mdns', dns({ flags: 0x8400, answers: [a('10.0.0.9', { owner: labels('pi.local'), ttlS: 120 })] })));
    names.receive(seen('dhcp', dhcp({ type: 3, options: [textOption(12, 'laptop')] })));
    names.receive(seen('dhcp', dhcp({ fromServer: true, type: 5, yours: '10.0.0.40' })));
    names.receive(seen('tls', clientHello('shop.example', new SeededRandom(2))));
    names.receive(seen('tls', Uint8Array.of(22, 3, 1, 0, 9)));
    names.receive(seen('tls', helloWithoutName()));
    names.receive(seen('dns', dns({ name: 'none.example', flags: 0x8183 })));
    await clock.advance(1_000);
    expect(page.of('192.0.2.1')).toEqual({
      name: 'www.example',
      source: 'dns',
      learnedMs: startMs,
      holdsUntilMs: startMs + 300_000,
    });
    expect(page.of('10.0.0.9')).toMatchObject({ name: 'pi.local', source: 'mdns', holdsUntilMs: startMs + 120_000 });
    expect(page.of('10.0.0.40')).toMatchObject({ name: 'laptop', source: 'dhcp', mac: '00:1b:21:00:00:09' });
    expect(page.of('198.51.100.7')).toMatchObject({ name: 'shop.example', source: 'tls' });
    const figures = await text();
    expect(figures).toMatch(/host_names 4\n/);
    expect(figures).toMatch(/host_names_learned\{source="dns"\} 1\n/);
    expect(figures).toMatch(/host_names_unread\{kind="tls"\} 1\n/);
    expect(figures).toMatch(/host_names_unread\{kind="dns"\} 0\n/);
    await names.stop(1_000);
  });

  test('of a server whose name stands in the second segment of a hello', async () => {
    const { clock, names, page, text } = box();
    await names.start(signal);
    const { first, rest } = cutHello('late.example', 1_400);
    names.receive(seen('tls', first));
    names.receive({ ...seen('tls', rest), streamOffset: first.length });
    await clock.advance(1_000);
    expect(page.of('198.51.100.7')).toMatchObject({ name: 'late.example', source: 'tls' });
    expect(await text()).toMatch(/host_names_unread\{kind="tls"\} 0\n/);
    // As many as wait at once; what made room was not read.
    for (let port = 1; port <= 130; port++) names.receive({ ...seen('tls', first), sourcePort: port });
    expect(await text()).toMatch(/host_names_unread\{kind="tls"\} 2\n/);
    await names.stop(1_000);
  });

  test('of a kind that is off are not learned, and forgotten when it is switched off', async () => {
    const { clock, names, page } = box({}, { tls: false });
    await names.start(signal);
    names.receive(seen('tls', clientHello('shop.example', new SeededRandom(2))));
    names.receive(answer('www.example', '192.0.2.1'));
    await clock.advance(1_000);
    expect([page.of('198.51.100.7'), page.of('192.0.2.1')?.name]).toEqual([undefined, 'www.example']);
    names.configure(settings({ tls: false, dns: false }));
    names.receive(answer('www.example', '192.0.2.2'));
    await clock.advance(1_000);
    expect([page.of('192.0.2.1'), page.of('192.0.2.2'), names.of('192.0.2.1')]).toEqual([undefined, undefined, undefined]);
    await names.stop(1_000);
  });

  test('wait for a page that is slow, and are told again to one that began anew', async () => {
    const { clock, names, page, line } = box();
    await names.start(signal);
    line.isOpen = false;
    for (let n = 1; n <= 20; n++) names.receive(answer(`h${n}.example`, `192.0.2.${n}`));
    await clock.advance(3_000);
    expect(page.of('192.0.2.1')).toBeUndefined();
    line.isOpen = true;
    await clock.advance(1_000);
    expect([page.of('192.0.2.1')?.name, line.sent]).toEqual(['h1.example', 20]);
    await clock.advance(5_000);
    expect(line.sent).toBe(20);
    names.showAgain();
    await clock.advance(1_000);
    expect(line.sent).toBe(40);
    await names.stop(1_000);
  });

  test('as many as the settings say, also after the settings changed', async () => {
    const { clock, names, page } = box({}, { addressesMax: 100 });
    await names.start(signal);
    const learn = () => {
      for (let n = 0; n < 400; n++) names.receive(answer(`h${n}.example`, `10.0.${n >> 8}.${n & 255}`));
    };
    const known = () => [...page.entries()].length;
    learn();
    await clock.advance(1_000);
    expect(known()).toBe(100);
    names.configure(settings({ addressesMax: 300 }));
    learn();
    await clock.advance(1_000);
    expect(known()).toBe(300);
    names.configure(settings({ addressesMax: 200 }));
    await clock.advance(1_000);
    expect(known()).toBe(200);
    await names.stop(1_000);
  });

  test('are there again after a restart, but those that are off or too old', async () => {
    const kept: { text?: string } = {};
    const first = box(kept);
    await first.names.start(signal);
    first.names.receive(answer('www.example', '192.0.2.1'));
    first.names.receive(seen('tls', clientHello('shop.example', new SeededRandom(2))));
    await first.names.stop(1_000);
    expect(kept.text).toContain('www.example');
    const second = box(kept, { tls: false });
    await second.names.start(signal);
    await second.clock.advance(1_000);
    expect([second.page.of('192.0.2.1')?.name, second.page.of('198.51.100.7')]).toEqual(['www.example', undefined]);
    const later = box({ text: kept.text!.replaceAll(/18000000\d+/g, '1700000000000') });
    await later.names.start(signal);
    expect(later.names.of('192.0.2.1')).toBeUndefined();
  });

  test('are written by one at a time, also when the box stops while they are', async () => {
    const kept: { text?: string } = {};
    const { clock, names, file } = box(kept);
    const begun: PromiseWithResolvers<void>[] = [];
    file.replace = async (text) => {
      begun.push(Promise.withResolvers());
      await begun.at(-1)!.promise;
      kept.text = text;
    };
    await names.start(signal);
    names.receive(answer('www.example', '192.0.2.1'));
    void clock.advance(3_600_000);
    while (begun.length === 0) await new Promise(setImmediate);
    names.receive(answer('last.example', '192.0.2.2'));
    const stopped = names.stop(1_000);
    await new Promise(setImmediate);
    expect(begun).toHaveLength(1);
    begun[0]!.resolve();
    while (begun.length === 1) await new Promise(setImmediate);
    begun[1]!.resolve();
    await stopped;
    expect(kept.text).toContain('last.example');
  });

  test('are learned anew when the file is damaged, which is said', async () => {
    const { names, events } = box({ text: '{"version":1,' });
    await names.start(signal);
    expect(events).toEqual(['warn hostNamesUnreadable']);
    names.receive(answer('www.example', '192.0.2.1'));
    expect(names.of('192.0.2.1')?.name).toBe('www.example');
    await names.stop(1_000);
  });
});

/**
 * A bad way between box and collector, made by the kernel: two network namespaces with a veth pair, a link that goes down
 * while records are on their way, and a firewall that drops three packets of ten. Records are counted at the collector.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { networkMissing, VethPair } from '../../meter/network.ts';
import { sumsOf } from '../rows.ts';
import type { BoxOrder, BoxReport } from './box_child.ts';
import type { CollectorReport } from './collector_child.ts';

const missing = networkMissing();
const [boxAddress, collectorAddress, port] = ['192.0.2.1', '192.0.2.2', 4_739];
const run = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A table of nftables with one rule on what comes in. */
const inputRule = (table: string, rule: string): string =>
  `table inet ${table} {\nchain input {\ntype filter hook input priority 0;\n${rule}\n}\n}`;

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
});

/** A child in a namespace; it has said that it is ready. */
async function inside(namespace: string, script: string, ...args: string[]): Promise<ChildProcess> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  // `ip netns exec` replaces itself by the program, which inherits the channel.
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, path, ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  const ended = new Promise<never>((_, reject) =>
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`))),
  );
  ended.catch(() => {}); // killed by the test's end
  expect(await Promise.race([answer(child), ended])).toBe('ready');
  return child;
}
const answer = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve) => child.once('message', (message) => resolve(message as T)));
function ask<T>(child: ChildProcess, what: BoxOrder): Promise<T> {
  const answered = answer<T>(child);
  child.send(what);
  return answered;
}

class Way {
  readonly pair = new VethPair();
  box!: ChildProcess;
  collector!: ChildProcess;

  static async open(kind: 'tcp' | 'udp', settings: object = {}): Promise<Way> {
    const way = new Way();
    const { namespace, peerNamespace, port: mine, peer } = way.pair;
    for (const where of [namespace, peerNamespace]) run('-n', where, 'link', 'set', 'lo', 'up');
    // As on a wire: no packet is larger than one there.
    for (const [where, link] of [
      [namespace, mine],
      [peerNamespace, peer],
    ] as const) {
      run('-n', where, 'link', 'set', link, 'mtu', '1500');
      run('netns', 'exec', where, 'ethtool', '-K', link, 'tso', 'off', 'gso', 'off', 'gro', 'off');
    }
    run('-n', namespace, 'addr', 'add', `${boxAddress}/24`, 'dev', mine);
    run('-n', peerNamespace, 'addr', 'add', `${collectorAddress}/24`, 'dev', peer);
    way.collector = await inside(peerNamespace, './collector_child.ts', kind, collectorAddress, String(port));
    const destination = { name: 'a', host: collectorAddress, port, transport: kind, connectTimeoutMs: 3_000, ...settings };
    way.box = await inside(namespace, './box_child.ts', JSON.stringify(destination));
    return way;
  }

  /** Drops so many of a hundred packets that come to the collector. */
  loses(percent: number): void {
    this.#nft(inputRule('bad_way', `numgen random mod 100 < ${percent} counter drop`));
  }
  /** Packets that the rule dropped. */
  dropped(): number {
    return Number(/counter packets (\d+)/.exec(this.#nft('list table inet bad_way'))?.[1]);
  }
  /** Refuses the box's packets, as a collector that was started anew does to a connection it does not know. */
  refuses(): void {
    this.#nft(inputRule('cut', `tcp dport ${port} reject with tcp reset`));
  }
  clear(table: 'bad_way' | 'cut'): void {
    this.#nft(`delete table inet ${table}`);
  }
  #nft(what: string): string {
    return run('netns', 'exec', this.pair.peerNamespace, 'nft', what);
  }
  rows(first: number, count: number): void {
    this.box.send({ rows: [first, count] } satisfies BoxOrder);
  }
  state(): Promise<BoxReport> {
    return ask(this.box, 'report');
  }
  heard(): Promise<CollectorReport> {
    return ask(this.collector, 'report');
  }
  /** Everything is acknowledged and, over TCP, read. */
  async arrived(what: string, deadlineMs: number): Promise<BoxReport> {
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      const state = await this.state();
      if (state.account.pending === 0) return state;
      if (performance.now() > endMs) throw new Error(`${what}: ${JSON.stringify(state)} ${JSON.stringify(await this.heard())}`);
      await pause(50);
    }
  }
  [Symbol.dispose](): void {
    this.pair[Symbol.dispose]();
  }
}

const total = 3_000;
/** Records of the uniflow profile: one for each direction. */
const records = total + total / 2;

describe.skipIf(missing !== undefined)(`a bad way${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  test('a link that goes down while messages are on their way: nothing is lost, order is kept', { timeout: 40_000 }, async () => {
    using way = await Way.open('tcp');
    for (let first = 0; first < total; first += 100) {
      way.rows(first, 100);
      await pause(10);
      if (first === 1_000) {
        way.pair.setUp(false);
        await pause(200);
      }
      if (first === 2_000) way.pair.setUp(true);
    }
    await way.arrived('all is acknowledged', 20_000);
    await pause(200);
    const { violations, distinct, packets, ordered, records: came } = await way.heard();
    expect(violations).toEqual([]);
    expect({ distinct, packets }).toEqual({ distinct: records, packets: sumsOf(0, total).packets });
    expect(ordered).toBe(true);
    // What was acknowledged and no more than the margin comes twice, if the connection did not live through it.
    expect((came - distinct) * 60).toBeLessThan(2 * 65_536);
    const { account } = await way.state();
    expect(account).toMatchObject({ acknowledged: total, pending: 0 });
  });

  test('a link that is gone for longer than a connection lives: told, then caught up', { timeout: 40_000 }, async () => {
    using way = await Way.open('tcp');
    way.rows(0, 500);
    await way.arrived('the first rows', 10_000);
    // As when the cable is pulled and plugged into another switch: the address is gone, and what is sent there is refused.
    run('-n', way.pair.namespace, 'addr', 'del', `${boxAddress}/24`, 'dev', way.pair.port);
    way.rows(500, total - 500);
    await pause(1_000);
    expect((await way.state()).account.pending).toBe(total - 500);
    way.refuses();
    run('-n', way.pair.namespace, 'addr', 'add', `${boxAddress}/24`, 'dev', way.pair.port);
    const endMs = performance.now() + 15_000;
    while ((await way.state()).status.state === 'up' && performance.now() < endMs) await pause(50);
    const { status } = await way.state();
    expect(status.state).not.toBe('up');
    expect(status.reason).not.toBe('');
    way.clear('cut');
    const { events } = await way.arrived('all is acknowledged', 20_000);
    await pause(200);
    const { violations, distinct, packets, sessions } = await way.heard();
    expect(violations).toEqual([]);
    expect({ distinct, packets }).toEqual({ distinct: records, packets: sumsOf(0, total).packets });
    expect(sessions).toBeGreaterThan(1);
    expect(events).toContain('uplinkLost');
  });

  test('three of ten packets lost: over TCP every record arrives once', { timeout: 60_000 }, async () => {
    using way = await Way.open('tcp');
    way.rows(0, 100);
    await way.arrived('the first rows', 10_000);
    way.loses(30);
    way.rows(100, 300);
    await way.arrived('all is acknowledged', 45_000);
    await pause(200);
    const { violations, distinct, records: came, packets, sessions } = await way.heard();
    expect(violations).toEqual([]);
    expect({ distinct, packets }).toEqual({ distinct: 600, packets: sumsOf(0, 400).packets });
    if (sessions === 1) expect(came).toBe(600);
    expect(way.dropped()).toBeGreaterThan(0);
  });

  test('three of ten datagrams lost: what does not arrive is missing by the sequence numbers, to the record', {
    timeout: 60_000,
  }, async () => {
    using way = await Way.open('udp', { templateResendS: 1, udpMessagesPerSecondMax: 2_000 });
    way.rows(0, 200);
    await way.arrived('the first rows', 10_000);
    way.loses(30);
    way.rows(200, total - 200);
    const { status } = await way.arrived('all is sent and the host has answered', 30_000);
    expect(way.dropped()).toBeGreaterThan(50);
    // The last message is one that arrives, so that what is missing before it shows.
    way.clear('bad_way');
    way.rows(total, 2);
    await way.arrived('the last rows', 10_000);
    await pause(300);
    const { violations, records: came, missing: gone } = await way.heard();
    const others = violations.filter((one) => !/3\.1: sequence number/.test(one));
    expect(others).toEqual([]);
    expect(gone).toBeGreaterThan(records / 10);
    // Options count as data records too: those that were lost are among the missing.
    expect(came + gone).toBeGreaterThanOrEqual(records + 3);
    expect(came).toBeLessThan(records);
    expect(status.proof).toContain('host answered');
  });
});

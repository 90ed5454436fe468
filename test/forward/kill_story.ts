/**
 * A box that is killed again and again, or whose power is cut, while its collector comes and goes: a real process, a real
 * LevelDB, a real connection. What arrives in the end is everything, save what a marked gap covers, and nothing comes again
 * whose arrival was on disk.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { SeededRandom } from '../../src/core/random.ts';
import { destinationFault } from '../../src/flow/ledger.ts';
import { TcpCollector } from './collector.ts';

async function wait(ms: number, child?: ChildProcess): Promise<void> {
  if (typeof child?.exitCode === 'number') throw new Error(`the box ended by itself with ${child.exitCode}`);
  await new Promise((resolve) => setTimeout(resolve, ms));
}

export type Cleanups = (() => void | Promise<void>)[];

export interface KillStory {
  readonly seed: number;
  readonly kills: number;
  /** Where the store lies. */
  readonly path: string;
  /** The power goes: called before the process is killed, and again when it is gone. Absent: kills only. */
  readonly power?: { cut(): void; restore(): void };
  readonly cleanups: Cleanups;
}

/** Where a destination stands is synced within half a minute: what a power cut takes of it comes again. */
const syncedWithinMs = 33_000;
/** What a run that lives for longer than that takes at most, ms. */
export const longRunMaxMs = 60_000;

/** What the killed children said, over all of them. */
class Account {
  /** Wall time by row, ms; told before the row is handed over. */
  readonly handedOver = new Map<number, number>();
  /** The row at each position that reached the disk. */
  readonly kept = new Map<number, number>();
  /** Rows whose arrival is on disk whatever comes: they must not come again. */
  readonly done = new Set<number>();
  /** Rows whose arrival this run wrote down, and when, ms. */
  readonly #written = new Map<number, number>();
  /** By run: its first row, and the last one of it that reached the disk. */
  readonly runs: { readonly first: number; keptTo: number }[] = [];
  next = 0;
  ready = false;
  last = '';

  begin(): void {
    this.runs.push({ first: this.next + 1, keptTo: 0 });
  }

  hear(line: string): void {
    const [what, ...words] = line.split(' ');
    const [a = 0, b = 0, c = 0] = words.map(Number);
    if (what === 'ready') this.ready = true;
    else if (what === 'account') this.last = words.join(' ');
    else if (what === 'place') this.#hearPlace(a, words.slice(1));
    else if (what === 'rows') {
      for (let row = a; row < a + b; row++) this.handedOver.set(row + 1, c);
      this.next = a + b;
    } else if (what === 'kept') {
      for (let i = 0; i < c; i++) this.kept.set(a + i, b + i);
      this.runs.at(-1)!.keptTo = Math.max(this.runs.at(-1)!.keptTo, b + c - 1);
    }
  }

  #hearPlace(next: number, ranges: readonly string[]): void {
    const pending = ranges.map((one) => one.split('-').map(Number));
    for (const [position, row] of this.kept) {
      if (position >= next || pending.some(([from, to]) => position >= from! && position < to!)) continue;
      if (!this.done.has(row) && !this.#written.has(row)) this.#written.set(row, performance.now());
    }
  }

  /** Rows whose arrival this run wrote down for so long already. */
  writtenFor(ms: number): number[] {
    const nowMs = performance.now();
    return [...this.#written].filter(([, sinceMs]) => nowMs - sinceMs >= ms).map(([row]) => row);
  }

  /** The run is about to end: what it wrote down long enough ago holds. */
  settle(heldAfterMs: number): void {
    for (const row of this.writtenFor(heldAfterMs)) this.done.add(row);
  }

  end(): void {
    this.#written.clear(); // what did not hold is written down anew, or comes again
    this.ready = false;
  }
}

function start(
  path: string,
  port: number,
  account: Account,
  cleanups: Cleanups,
): { child: ChildProcess; ended: Promise<unknown> } {
  account.begin();
  const script = new URL('./spool_kill_child.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, String(port), String(account.next)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  cleanups.push(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => account.hear(line));
  return { child, ended: Promise.all([once(child, 'exit'), once(lines, 'close')]) };
}

const rowsOf = (session: TcpCollector['sessions'][number]): number[] =>
  session.flows.map(({ values }) => values.packetDeltaCount as number);

export async function killStory({ seed, kills, path, power, cleanups }: KillStory): Promise<void> {
  const random = new SeededRandom(seed);
  const collector = await TcpCollector.start();
  cleanups.push(() => collector.kill());
  let listening = true;
  const turn = async (): Promise<void> => {
    if (listening) await collector.leave();
    else await collector.listen();
    listening = !listening;
  };
  const account = new Account();
  /** For each kill, which sessions came later and what was on disk by then. */
  const settled: { readonly sessions: number; readonly done: ReadonlySet<number> }[] = [];

  for (let kill = 0; kill < kills; kill++) {
    const { child, ended } = start(path, collector.port, account, cleanups);
    const early = kill % 6 === 5; // while it is starting
    while (!account.ready && !early) await wait(5, child);
    if (kill % 2 === 0) {
      // The collector is away for long enough that rows reach the disk; it may come back before the kill.
      if (listening) await turn();
      const { size } = account.kept;
      while (account.kept.size === size) await wait(5, child);
    }
    if (power !== undefined && kill === 0) {
      // One run lives until what has arrived is synced; few rows come meanwhile.
      child.stdin!.write('slow\n');
      if (!listening) await turn();
      const endMs = performance.now() + longRunMaxMs;
      while (account.writtenFor(syncedWithinMs).length === 0) {
        expect(performance.now(), 'rows arrive, and it is written down').toBeLessThan(endMs);
        await wait(100, child);
      }
    }
    for (let spells = random.below(3); spells >= 0; spells--) {
      await wait(random.below(early ? 300 : 1_000));
      if (random.below(2) === 0) await turn();
    }
    if (power !== undefined) account.settle(syncedWithinMs);
    power?.cut();
    child.kill('SIGKILL');
    await ended;
    power?.restore();
    if (power === undefined) account.settle(0); // the last of what it said
    account.end();
    settled.push({ sessions: collector.sessions.length, done: new Set(account.done) });
  }

  if (!listening) await turn();
  const last = start(path, collector.port, account, cleanups);
  while (!account.ready) await wait(5, last.child);
  await wait(500);
  last.child.stdin!.write('drain\n');
  expect((await last.ended) as unknown[][]).toMatchObject([[0, null], []]);

  const arrived = new Map<number, number>();
  for (const session of collector.sessions) {
    const rows = rowsOf(session);
    expect(rows, 'order in a session').toEqual([...new Set(rows)].sort((a, b) => a - b));
    for (const row of rows) arrived.set(row, (arrived.get(row) ?? 0) + 1);
  }
  const gaps = collector.sessions
    .flatMap(({ options }) => options)
    .filter(({ scope }) => scope.includes('flowStartMilliseconds'))
    .map(({ values }) => values as Record<string, number | bigint | string>);
  expect(gaps.every(({ notSentFlowTotalCount }) => BigInt(notSentFlowTotalCount!) === 2n ** 64n - 1n)).toBe(true);

  const missing = [...account.handedOver].filter(([row]) => !arrived.has(row));
  const kept = new Set(account.kept.values());
  expect(missing.filter(([row]) => kept.has(row))).toEqual([]);
  // Rows reach the disk in order: a kill takes the youngest, never some in the middle.
  const middle = missing.filter(([row]) => row <= account.runs.findLast(({ first }) => first <= row)!.keptTo);
  expect(middle).toEqual([]);
  const unmarked = missing.filter(
    ([, atMs]) => !gaps.some((gap) => Number(gap.flowStartMilliseconds) <= atMs && Number(gap.flowEndMilliseconds) >= atMs),
  );
  expect(unmarked).toEqual([]);
  expect(settled.at(-1)!.done.size, 'rows whose arrival is on disk').toBeGreaterThan(0);
  for (const { sessions, done } of settled) {
    const again = collector.sessions
      .slice(sessions)
      .flatMap(rowsOf)
      .filter((row) => done.has(row));
    expect(again).toEqual([]);
  }
  expect([...arrived.keys()].filter((row) => !account.handedOver.has(row))).toEqual([]);
  const { pending, ...end } = JSON.parse(account.last);
  expect(destinationFault({ pending, ...end })).toBe(0);
  expect(pending).toBe(0);
  expect(collector.violations).toEqual([]);
  expect(kept.size, 'rows that were on disk').toBeGreaterThan(kills);
  if (process.env.FLOWSPAN_TRACE !== undefined)
    process.stderr.write(
      `${account.handedOver.size} rows, ${kept.size} on disk, ${account.done.size} of them done, ${missing.length} lost, ${[...arrived.values()].filter((n) => n > 1).length} twice, ${gaps.length} gaps, ${collector.sessions.length} sessions\n`,
    );
}

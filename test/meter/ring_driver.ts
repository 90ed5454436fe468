/** The test's end of `ring_child.ts`, and the sender on the other side of the veth pair. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';
import type { LedgerEquation, MeterCounts } from '../../src/flow/ledger.ts';
import type { NativeInterface, NativeSelector } from '../../src/meter/addon.ts';
import type { VethPair } from './network.ts';

const root = new URL('../..', import.meta.url).pathname;

export interface RingFigures {
  readonly counts: MeterCounts;
  /** Of each thread. */
  readonly threads: readonly MeterCounts[];
  readonly interfaces: NativeInterface[];
  readonly sourceError: string;
  readonly selectors: NativeSelector[];
  readonly faults: LedgerEquation[];
}

export interface Refusal {
  readonly error: { readonly code: string; readonly message: string };
}

export class RingDriver {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(pair: VethPair, wrapper: readonly string[] = []) {
    const child = [process.execPath, `${root}test/meter/ring_child.ts`];
    this.#child = spawn('ip', ['netns', 'exec', pair.namespace, ...wrapper, ...child], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async ask<T>(request: object): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the metering child has ended');
    return JSON.parse(value as string) as T;
  }

  stats(): Promise<RingFigures> {
    return this.ask<RingFigures>({ do: 'stats' });
  }

  /** Asks until the figures are as wanted, or gives up after five seconds and returns the last. */
  async until(wanted: (figures: RingFigures) => boolean): Promise<RingFigures> {
    let figures = await this.stats();
    for (let tries = 0; tries < 100 && !wanted(figures); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      figures = await this.stats();
    }
    return figures;
  }

  async stop(): Promise<RingFigures & { rows: Uint8Array[] }> {
    const stopped = await this.ask<RingFigures & { rows: string[] }>({ do: 'stop' });
    return { ...stopped, rows: stopped.rows.map((row) => Buffer.from(row, 'base64')) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin!.end();
    await ended;
  }

  /** kill -9 of the metering process, by its parent, which `ip netns exec` has become. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  get exit(): Promise<number | null> {
    return new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }
}

/** Sends packets of a capture out of the tester's side. */
export async function send(
  pair: VethPair,
  capture: string,
  packets: number,
  perSecond = 0,
  peer = pair.peer,
): Promise<{ packets: number; octets: number }> {
  const args = ['netns', 'exec', pair.peerNamespace, `${root}build/native/flowspan-send`, peer, capture, String(packets)];
  const { stdout } = await promisify(execFile)('ip', perSecond > 0 ? [...args, String(perSecond)] : args);
  return JSON.parse(stdout) as { packets: number; octets: number };
}

/**
 * A whole box for tests: `flowspan run` as a process of its own, in a folder of its own, on free ports. Stopped as an
 * operator stops it (SIGINT), or killed as a power cut's cousin (SIGKILL).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { SettingsInput } from '../../src/config/schema.ts';
import type { BoxStatus } from '../../src/flow/status_shapes.ts';
import { mainPath } from '../cli/flowspan.ts';

/** Boxes of this test file, so that a failing test leaves none behind. */
const boxes = new Set<Box>();

export async function endBoxes(): Promise<void> {
  for (const box of boxes) if (box.running) await box.kill();
  boxes.clear();
}

export class Box {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  out = '';
  err = '';

  constructor(
    settings: NonNullable<SettingsInput>,
    folder = mkdtempSync(join(tmpdir(), 'box-')),
    extra: readonly string[] = [],
    wrapper: readonly string[] = [],
  ) {
    this.folder = folder;
    const file = join(folder, 'settings.yaml');
    const whole = {
      dataFolder: join(folder, 'var'),
      log: { format: 'json' },
      ...settings,
      status: { port: 0, ...settings.status },
    };
    writeFileSync(file, stringify(whole));
    // `ip netns exec` and its like replace themselves by the box, so signals reach it.
    const [program, ...args] = [...wrapper, process.execPath, mainPath, 'run', '--config', file, ...extra];
    this.#child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.out += chunk.toString();
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.err += chunk.toString();
    });
    this.#exited = new Promise((resolve) => this.#child.once('close', resolve));
    boxes.add(this);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves once the greeting is there. */
  async ready(): Promise<this> {
    await until(
      () => this.out.includes('Ctrl-C stops.') || !this.running,
      () => `no greeting\n${this.out}\n${this.err}`,
    );
    if (!this.running) throw new Error(`the box ended\n${this.out}\n${this.err}`);
    return this;
  }

  get url(): string {
    return /page +(https?:\S+)/.exec(this.out)?.[1]?.replace(/\/$/, '') ?? '';
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  status(): Promise<BoxStatus> {
    return this.get<BoxStatus>('/api/v1/status');
  }

  /** Waits until the status is as wanted. */
  async sees(what: string, wanted: (status: BoxStatus) => boolean, deadlineMs = 30_000): Promise<BoxStatus> {
    let last: BoxStatus | undefined;
    await until(
      async () => {
        try {
          last = await this.status();
        } catch {
          return false; // not reported yet, or not listening yet
        }
        return wanted(last);
      },
      () =>
        `${what}: ${JSON.stringify(last?.uplinks)} ${JSON.stringify(last?.meter)} ${JSON.stringify(last?.stores)}\n${this.err}`,
      deadlineMs,
    );
    return last as BoxStatus;
  }

  interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.#exited;
  }

  /** Takes the processor away from it for a while, as a machine that has others to serve does. */
  async freeze(ms: number): Promise<void> {
    this.#child.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#child.kill('SIGCONT');
  }

  kill(): Promise<number | null> {
    this.#child.kill('SIGKILL');
    return this.#exited;
  }

  ended(): Promise<number | null> {
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Looks again and again until it holds; real time, for processes beside this one. */
export async function until(holds: () => boolean | Promise<boolean>, why: () => string, deadlineMs = 30_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms: ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs the command line as a user does: a process of its own, its streams and its exit code. Sources run as they are. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const mainPath = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function spawnFlowspan(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [mainPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
}

export function flowspan(...args: string[]): Promise<Finished> {
  return finished(spawnFlowspan(args));
}

export function finished(child: ChildProcess): Promise<Finished> {
  const text = { out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    text.out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    text.err += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...text })));
}

/**
 * Commands inside of the box, by its own way in: ssh with a key that its settings name. One connection for all of a machine's: the
 * firewall lets few new ones in, and an emulated processor takes seconds for each.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Disk, type Machine, seconds } from './machine.ts';

export interface Ran {
  readonly status: number;
  readonly out: string;
}

/** A key of its own for the disk; the public part, for `device.sshKeys`. */
export function makeKey(disk: Disk): string {
  const path = join(disk.folder, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', path]);
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

export class Shell {
  readonly #args: string[];
  readonly #patience: number;
  #held: ChildProcess | undefined;

  /** Port 22 of the machine has to be forwarded. */
  constructor(disk: Disk, machine: Machine) {
    this.#patience = machine.patience;
    this.#args = [
      ...['-F', '/dev/null', '-i', join(disk.folder, 'key'), '-p', String(machine.portOf(22)), '-S', join(disk.folder, 'ssh')],
      ...['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'].flatMap((one) => [
        '-o',
        one,
      ]),
      ...['-o', 'ConnectTimeout=60', 'root@127.0.0.1'],
    ];
  }

  /** Signs in, as soon as the box lets it. */
  async open(deadlineS: number): Promise<this> {
    const endMs = performance.now() + deadlineS * this.#patience * 1_000;
    for (;;) {
      const held = spawn('ssh', ['-M', '-N', ...this.#args], { stdio: ['ignore', 'ignore', 'pipe'] });
      this.#held = held;
      let complaint = '';
      held.stderr.on('data', (chunk: Buffer) => {
        complaint += chunk.toString();
      });
      while (held.exitCode === null && held.signalCode === null) {
        if ((await this.#run(['-O', 'check'], '')).status === 0) return this;
        await seconds(1);
        if (performance.now() > endMs) held.kill();
      }
      if (performance.now() > endMs) throw new Error(`ssh: no way in within ${deadlineS} s: ${complaint}`);
      await seconds(10); // ten new ones a minute
    }
  }

  /** A script of the box's shell; what it writes, both streams. */
  run(script: string, deadlineS = 120): Promise<Ran> {
    return this.#run([], script, deadlineS);
  }

  /** The same, which has to succeed; without the line's end. */
  async says(script: string, deadlineS = 120): Promise<string> {
    const { status, out } = await this.run(script, deadlineS);
    if (status !== 0) throw new Error(`exit code ${status} of: ${script}\n${out}`);
    return out.trimEnd();
  }

  [Symbol.dispose](): void {
    this.#held?.kill();
  }

  #run(options: readonly string[], script: string, deadlineS = 60): Promise<Ran> {
    const command = options.length > 0 ? [] : ['sh -s 2>&1'];
    return new Promise((resolve, reject) => {
      const child = spawn('ssh', [...options, ...this.#args, ...command], {
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: deadlineS * this.#patience * 1_000,
      });
      let out = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stdin.on('error', () => {}); // a connection that is gone: its exit code tells
      child.once('error', reject).once('close', (code) => resolve({ status: code ?? 255, out }));
      child.stdin.end(script);
    });
  }
}

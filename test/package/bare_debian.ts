/**
 * A bare Debian 13 to install packages into: the cached one of `scripts/debian-root` under an overlay that is the test's own, in
 * namespaces of mounts, processes and network. Everything ends with the process that holds them, also when the test is killed.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface Answer {
  readonly code: number | null;
  /** Both streams, in the order in which they came. */
  readonly text: string;
}

export class BareDebian {
  readonly #holder: ChildProcess;
  readonly #folder: string;
  readonly #root: string;

  private constructor(holder: ChildProcess, folder: string) {
    this.#holder = holder;
    this.#folder = folder;
    this.#root = join(folder, 'root');
  }

  static async make(): Promise<BareDebian> {
    const lower = execFileSync('sh', [`${repository}scripts/debian-root`], { encoding: 'utf8' }).trim();
    const folder = mkdtempSync(join(tmpdir(), 'debian-'));
    const set = [
      `mount -t tmpfs -o size=1g none '${folder}'`,
      `cd '${folder}'; mkdir upper work root`,
      `mount -t overlay -o lowerdir='${lower}',upperdir=upper,workdir=work none root`,
      'mount -t proc none root/proc',
      // Not /sys of the machine: what looks for a running systemd must not find this one's.
      'for one in null zero full random urandom; do touch root/dev/$one; mount --bind /dev/$one root/dev/$one; done',
      'ip link set lo up',
      'echo ready',
      // Until the other end is closed, by whatever.
      'exec cat',
    ];
    const isolation = ['--mount', '--pid', '--net', '--fork', '--kill-child', '--propagation', 'private'];
    const holder = spawn('unshare', [...isolation, 'sh', '-ec', set.join('\n')], { stdio: ['pipe', 'pipe', 'inherit'] });
    const failed = once(holder, 'exit').then(([code]) =>
      Promise.reject(new Error(`the bare Debian was not set up: exit code ${code}`)),
    );
    await Promise.race([once(holder.stdout!, 'data'), failed]);
    return new BareDebian(holder, folder);
  }

  /** Around a command: in the namespaces, with the files of this machine. */
  beside(...command: string[]): string[] {
    const pid = String(this.#holder.pid);
    return [
      'nsenter',
      `--mount=/proc/${pid}/ns/mnt`,
      `--net=/proc/${pid}/ns/net`,
      `--pid=/proc/${pid}/ns/pid_for_children`,
      ...command,
    ];
  }

  /** Around a command: inside of the Debian, as root, with an environment of its own. */
  inside(...command: string[]): string[] {
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    return this.beside('chroot', this.#root, 'env', '-i', path, 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8', ...command);
  }

  run([program, ...args]: string[], input = ''): Answer {
    const { status, stdout, stderr, error } = spawnSync(program!, args, { encoding: 'utf8', input, timeout: 60_000 });
    return { code: status, text: `${stdout ?? ''}${stderr ?? ''}${error ?? ''}` };
  }

  /** @throws Error with what it wrote when it fails */
  sh(script: string, input?: string): string {
    const { code, text } = this.run(this.inside('sh', '-ec', script), input);
    if (code !== 0) throw new Error(`${script}: exit code ${code}: ${text}`);
    return text.trim();
  }

  /** Puts a file of this machine there. */
  copy(from: string, to: string): void {
    const { code, text } = this.run(this.beside('cp', from, join(this.#root, to)));
    if (code !== 0) throw new Error(text);
  }

  [Symbol.dispose](): void {
    this.#holder.kill('SIGKILL');
    // Outside of the namespace this folder is empty: the tmpfs goes with its last process.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Why there can be none here, or undefined. */
export function debianMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: nothing can be mounted';
  if (spawnSync('mmdebstrap', ['--version']).status !== 0) return 'mmdebstrap is missing';
  const { status, stderr } = spawnSync('unshare', ['--mount', '--pid', '--net', '--fork', 'true'], { encoding: 'utf8' });
  return status === 0 ? undefined : `no namespaces here: ${stderr.trim()}`;
}

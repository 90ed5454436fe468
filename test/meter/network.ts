/**
 * A network of a test's own: two namespaces with a veth pair between them. The meter runs in a child process inside one, raw
 * frames are sent from the other. Needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN); `networkMissing` says why when it cannot be.
 */
import { execFileSync, spawnSync } from 'node:child_process';

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' });

let numbers = 0;

export class VethPair {
  /** The meter's side: namespace and interface. */
  readonly namespace: string;
  readonly peerNamespace: string;
  readonly port = 'mirror0';
  readonly peer = 'tester0';

  constructor() {
    const tag = `fs${process.pid}n${numbers++}`;
    this.namespace = `${tag}m`;
    this.peerNamespace = `${tag}p`;
    run('ip', 'netns', 'add', this.namespace);
    run('ip', 'netns', 'add', this.peerNamespace);
    this.plug();
  }

  /** Makes the veth pair; a plugged adapter. */
  plug(port: string = this.port, peer: string = this.peer): void {
    const { namespace, peerNamespace } = this;
    run('ip', '-n', namespace, 'link', 'add', port, 'type', 'veth', 'peer', 'name', peer, 'netns', peerNamespace);
    for (const [where, link] of [
      [namespace, port],
      [peerNamespace, peer],
    ] as const) {
      // No address of its own: the kernel must not send neighbour discovery into the counts.
      spawnSync('ip', ['netns', 'exec', where, 'sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${link}/disable_ipv6`]);
      run('ip', '-n', where, 'link', 'set', link, 'mtu', '9000', 'up');
    }
  }

  unplug(): void {
    run('ip', '-n', this.namespace, 'link', 'del', this.port);
  }

  setUp(up: boolean): void {
    this.setUpAs(this.port, up);
  }

  /** After a rename. */
  setUpAs(name: string, up = true): void {
    run('ip', '-n', this.namespace, 'link', 'set', name, up ? 'up' : 'down');
  }

  mtu(octets: number): void {
    run('ip', '-n', this.namespace, 'link', 'set', this.port, 'mtu', String(octets));
  }

  rename(from: string, to: string): void {
    run('ip', '-n', this.namespace, 'link', 'set', from, 'name', to);
  }

  /** Gives the port this address, or takes all of them off. */
  address(given?: string): void {
    const { namespace, port } = this;
    if (given === undefined) run('ip', '-n', namespace, 'addr', 'flush', 'dev', port);
    else run('ip', '-n', namespace, 'addr', 'add', given, 'broadcast', '+', 'dev', port);
  }

  ethtool(...args: string[]): string {
    return run('ip', 'netns', 'exec', this.namespace, 'ethtool', ...args);
  }

  [Symbol.dispose](): void {
    for (const name of [this.namespace, this.peerNamespace]) spawnSync('ip', ['netns', 'del', name]);
  }
}

/** Why there can be no test network here, or undefined. */
export function networkMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: network namespaces cannot be made';
  const probe = `fsprobe${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', probe], { encoding: 'utf8' });
  if (made.status !== 0) return `ip netns does not work here: ${made.stderr ?? made.error}`;
  spawnSync('ip', ['netns', 'del', probe]);
  return undefined;
}

/**
 * The box as a machine: QEMU without hardware help (TCG), with a disk of its own, a management port through which it reaches this
 * host as 10.0.2.2, and a mirror port that takes frames from a socket. Its serial console is what a test reads.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Board, type BoardName, boards } from './boards.ts';
import { type BuiltImage, inTools } from './built.ts';
import { Trunk } from './trunk.ts';

const gibibyte = 1024 ** 3;
/** The boot FAT begins here on the disk (image/make/disk), and is so large. */
export const fatAt = 1024 ** 2;
export const fatOctets = 320 * 1024 ** 2;
export const slotAt = { A: fatAt + fatOctets, B: fatAt + fatOctets + 512 * 1024 ** 2 } as const;
/** And the data partition here. */
export const dataAt = slotAt.B + 512 * 1024 ** 2;
const running = new Set<Machine>();

/** So that a failing test leaves no guest behind. */
export async function endMachines(): Promise<void> {
  for (const machine of running) await machine.cutPower();
}

export interface BootOptions {
  /** Without it the one for the image's processor. */
  readonly board?: BoardName;
  /**
   * A hardware watchdog that resets the machine. Only where it is what is tried: on a busy host a guest that gets no time looks dead.
   * The board has one of its own, which is kept from resetting.
   */
  readonly watchdog?: boolean;
  /** What its clock chip says at power-on (`2001-01-01T00:00:00`); without it, the time. */
  readonly clock?: string;
  /** Ports of the guest's management address that this host reaches beside the page's 443, as in `machine.portOf(22)`. */
  readonly forwarded?: readonly number[];
  /** The switch at the management port carries this VLAN, tagged, and nothing else; `machine.trunk` is that switch. */
  readonly managementVlan?: number;
}

/** A disk with the image on it, larger than the image, as a card is; of its size for 0. */
export class Disk {
  readonly folder: string;
  readonly path: string;
  /** The image of a USB stick that is plugged in when the power comes on. */
  stick: string | undefined;
  readonly #built: BuiltImage;
  readonly #units = new Map<string, string>();

  constructor(built: BuiltImage, sizeGib = 4) {
    // Short: it holds sockets, whose paths end at 107 octets.
    this.folder = mkdtempSync('/tmp/vm-');
    this.path = join(this.folder, 'disk.img');
    this.#built = built;
    execFileSync('cp', ['--sparse=always', built.image, this.path]);
    if (sizeGib > 0) truncateSync(this.path, sizeGib * gibibyte);
  }

  /** Puts a text on the boot FAT, as somebody with a laptop would. */
  write(name: string, text: string): void {
    const file = join(this.folder, 'file');
    writeFileSync(file, text);
    this.#mtools('mcopy', '-o', '-i', `${this.path}@@${fatAt}`, file, `::/${name}`);
  }

  /** On the boot FAT. */
  makeFolder(name: string): void {
    this.#mtools('mmd', '-i', `${this.path}@@${fatAt}`, `::/${name}`);
  }

  /** Undefined when it is not there. */
  read(name: string): string | undefined {
    try {
      return this.#mtools('mtype', '-i', `${this.path}@@${fatAt}`, `::/${name}`);
    } catch {
      return undefined;
    }
  }

  /**
   * A shell script that runs inside once the box is up, without a change to the image: systemd takes units from a virtual machine's
   * firmware (systemd.system-credentials(7)). What it prints is on the console.
   */
  probe(name: string, script: string, parameters = ''): void {
    const unit = `[Unit]\nAfter=local-fs.target\n[Service]\nType=exec\nStandardOutput=journal+console\nExecStart=/bin/sh -c 'set -- ${name}; . /run/credentials/@system/${name}.script'\n`;
    this.#units.set(`systemd.extra-unit.${name}.service`, unit);
    this.#units.set(`${name}.script`, script);
    this.write('flowspan/boot.cfg', `set parameters="$parameters systemd.wants=${name}.service ${parameters}"\n`);
  }

  /** More of a unit than the image has, in the same way. */
  dropIn(unit: string, text: string): void {
    this.#units.set(`systemd.unit-dropin.${unit}`, text);
  }

  /** The data partition on this disk, as the tools of ext4 name it. */
  get dataPartition(): { file: string; offset: number } {
    return { file: this.path, offset: dataAt };
  }

  /** Runs one of the tools with the disk in sight. */
  tool(...command: string[]): string {
    const [program, args] = inTools(this.#built.tools, this.folder, command);
    return execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  }

  boot(options: BootOptions = {}): Machine {
    const board = boards[options.board ?? (this.#built.architecture === 'arm64' ? 'virt' : 'q35')];
    for (const [name, source] of Object.entries(board.beside)) {
      const file = join(this.folder, name);
      if (source.startsWith('/')) copyFileSync(join(this.#built.tools, source), file);
      else this.#mtools('mcopy', '-o', '-i', `${this.path}@@${fatAt}`, `::/${source}`, file);
    }
    const credentials = [...this.#units].flatMap(([name, text]) => [
      '-smbios',
      `type=11,value=io.systemd.credential.binary:${name}=${Buffer.from(text).toString('base64')}`,
    ]);
    return new Machine(this.#built, board, this.folder, this.stick, credentials, options);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #mtools(...command: string[]): string {
    return this.tool('env', 'MTOOLS_SKIP_CHECK=1', ...command);
  }
}

export class Machine {
  /** Of the guest's page on this host; known once it runs. */
  pagePort = 0;
  /** What the guest sent out of its mirror port since power-on: the first octets of it, each frame behind its length. */
  readonly mirrorSent: Buffer[] = [];
  trunk: Trunk | undefined;
  readonly #built: BuiltImage;
  readonly #board: Board;
  readonly #folder: string;
  readonly #stick: string | undefined;
  readonly #credentials: readonly string[];
  readonly #options: BootOptions;
  readonly #ports = new Map<number, number>();
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #complaint = '';
  #mirror: Socket | undefined;
  readonly #trunkEnds: Socket[] = [];

  constructor(
    built: BuiltImage,
    board: Board,
    folder: string,
    stick: string | undefined,
    credentials: readonly string[],
    options: BootOptions,
  ) {
    this.#built = built;
    this.#board = board;
    this.#folder = folder;
    this.#stick = stick;
    this.#credentials = credentials;
    this.#options = options;
  }

  async start(): Promise<this> {
    const at = (name: string): string => join(this.#folder, name);
    for (const name of ['mirror', 'monitor', 'management', 'site', 'serial.log']) rmSync(at(name), { force: true });
    for (const port of [443, ...(this.#options.forwarded ?? [])]) this.#ports.set(port, await freePort());
    this.pagePort = this.portOf(443);
    const forwards = [...this.#ports].map(([inside, outside]) => `,hostfwd=tcp:127.0.0.1:${outside}-:${inside}`).join('');
    const { watchdog: hasWatchdog, clock, managementVlan } = this.#options;
    const { program: emulator, machine, port, serialBefore, withoutWatchdog, hasPci } = this.#board;
    const consoles = [
      ...['-nodefaults', '-display', 'none'],
      ...[...serialBefore, `file:${at('serial.log')}`].flatMap((serial) => ['-serial', serial]),
      ...['-monitor', `unix:${at('monitor')},server=on,wait=off`],
    ];
    const cable = (id: string): string[] => ['-netdev', `stream,id=${id},server=on,addr.type=unix,addr.path=${at(id)}`];
    // Through a hub QEMU's network behind comes to a cable too, and both cables to the switch.
    const behindTrunk = (): string[] => [
      ...['-netdev', `user,id=user${forwards}`, '-netdev', 'hubport,id=user-hub,hubid=0,netdev=user'],
      ...[...cable('site'), '-netdev', 'hubport,id=site-hub,hubid=0,netdev=site', ...cable('management')],
    ];
    const ports = [
      ...(managementVlan === undefined ? ['-netdev', `user,id=management${forwards}`] : behindTrunk()),
      ...[...port.management('management'), ...cable('mirror'), ...port.mirror('mirror')],
    ];
    const rest = [
      ...(hasPci ? ['-device', 'virtio-rng-pci', '-device', 'qemu-xhci,addr=0x12'] : []),
      ...(hasWatchdog ? ['-device', 'i6300esb', '-action', 'watchdog=reset'] : withoutWatchdog),
      ...(clock === undefined ? [] : ['-rtc', `base=${clock}`]),
    ];
    const stick =
      this.#stick === undefined
        ? []
        : ['-drive', `if=none,id=stick,format=raw,file=${this.#stick}`, '-device', 'usb-storage,drive=stick,removable=on'];
    const command = [emulator, ...machine(at), ...consoles, ...ports, ...rest, ...stick, ...this.#credentials];
    const [program, args] = inTools(this.#built.tools, this.#folder, command);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#complaint += chunk.toString();
    });
    this.#child = child;
    running.add(this);
    this.#ended = new Promise((resolve) =>
      child.once('close', () => {
        running.delete(this);
        resolve();
      }),
    );
    await this.#plugMirror();
    if (managementVlan !== undefined) await this.#plugTrunk(managementVlan);
    return this;
  }

  /** Where this host reaches a forwarded port of the guest. */
  portOf(inside: number): number {
    const outside = this.#ports.get(inside);
    if (outside === undefined) throw new Error(`port ${inside} is not forwarded`);
    return outside;
  }

  /** How much longer than a PC its board takes; and a host that others want too, as PATIENCE says. */
  get patience(): number {
    return this.#board.patience * Number(process.env.PATIENCE ?? 1);
  }

  get isRunning(): boolean {
    return running.has(this);
  }

  /** Everything on the serial console since the power came on. */
  get console(): string {
    try {
      return readFileSync(join(this.#folder, 'serial.log'), 'latin1');
    } catch {
      return '';
    }
  }

  /** Waits until the console shows it; what it showed last is in the error. */
  async shows(pattern: RegExp, deadlineS: number): Promise<RegExpExecArray> {
    const endMs = performance.now() + deadlineS * this.patience * 1_000;
    for (;;) {
      const found = pattern.exec(this.console);
      if (found !== null) return found;
      if (!this.isRunning)
        throw new Error(`the machine ended before it showed ${pattern}\n${this.#complaint}\n${this.console.slice(-4_000)}`);
      if (performance.now() > endMs)
        throw new Error(`${deadlineS * this.patience} s without ${pattern} on the console:\n${this.console.slice(-8_000)}`);
      await seconds(0.25);
    }
  }

  /**
   * Frames onto the mirror port: QEMU takes each behind its length (4 octets), and passes on what the guest has room for. Slow enough
   * for an emulated processor, so that whatever is missing afterwards was lost by the box.
   */
  async mirror(frames: readonly Uint8Array[], perSecond: number): Promise<void> {
    const atOnce = Math.max(1, Math.round(perSecond / 20));
    for (let i = 0; i < frames.length; i += atOnce) {
      for (const frame of frames.slice(i, i + atOnce)) {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(frame.length);
        this.#mirror?.write(Buffer.concat([length, frame]));
      }
      await seconds(0.05);
    }
  }

  /** The other end of the mirror port's cable; from power-on, so that nothing that the guest sends is missed. */
  async #plugMirror(): Promise<void> {
    this.#mirror = await this.#endOf('mirror');
    let octets = 0;
    this.#mirror?.on('data', (chunk) => {
      if (octets < 4_096) this.mirrorSent.push(chunk);
      octets += chunk.length;
    });
  }

  async #plugTrunk(vlan: number): Promise<void> {
    const ends = [await this.#endOf('management'), await this.#endOf('site')] as const;
    if (ends[0] === undefined || ends[1] === undefined) return;
    this.#trunkEnds.push(ends[0], ends[1]);
    this.trunk = new Trunk(ends[0], ends[1], vlan);
  }

  /** Undefined when the machine ended before: whoever waits for its console is told why. */
  async #endOf(cable: string): Promise<Socket | undefined> {
    const path = join(this.#folder, cable);
    const endMs = performance.now() + 30_000;
    while (this.isRunning && !existsSync(path) && performance.now() < endMs) await seconds(0.1);
    return this.isRunning ? await connected(path) : undefined;
  }

  /** Plugs a USB stick in while the machine runs: its image lies in the folder of the disk. */
  async plugIn(stick: string): Promise<void> {
    await this.#tell(
      `drive_add 0 if=none,id=plugged,format=raw,file=${stick}`,
      'device_add usb-storage,drive=plugged,removable=on',
    );
  }

  /** By QEMU's monitor. */
  async #tell(...commands: string[]): Promise<void> {
    const monitor = await connected(join(this.#folder, 'monitor'));
    for (const command of commands) monitor.write(`${command}\n`);
    // It reads what was written before the end.
    monitor.end();
  }

  /** Presses the power button and waits for the end. */
  async shutDown(deadlineS: number): Promise<void> {
    await this.#tell('system_powerdown');
    const late = seconds(deadlineS * this.patience).then(() => 'late');
    if ((await Promise.race([this.#ended, late])) === 'late')
      throw new Error(`did not switch off:\n${this.console.slice(-4_000)}`);
  }

  /** A power cut: nothing is flushed. */
  async cutPower(): Promise<void> {
    for (const end of [this.#mirror, ...this.#trunkEnds]) end?.destroy();
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cutPower();
  }
}

export function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1_000));
}

async function connected(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.resume().on('error', () => {}); // the guest may go away
  return socket;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

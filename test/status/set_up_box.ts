/**
 * A box as far as settings from the page go: a root of its own with two ports, the desk of the service, and in place of the image's script
 * the program that it calls. For tests and for looking at the page; not shipped.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { defaultSettings } from '../../src/config/load.ts';
import type { World } from '../../src/core/world.ts';
import { trialS } from '../../src/flow/set_up_shapes.ts';
import { type PageDone, type PageStep, pageSettings } from '../../src/system/provision/page_settings.ts';
import { provision } from '../../src/system/provision/provision.ts';
import { SetUpDesk, type ToldState } from '../../src/system/provision/set_up_desk.ts';

export class SetUpBox {
  readonly folder = mkdtempSync(join(tmpdir(), 'set-up-'));
  readonly root = join(this.folder, 'root');
  readonly own = join(this.folder, 'boot');
  readonly file = join(this.root, 'etc/flowspan/flowspan.yaml');
  readonly events: string[] = [];
  readonly desk: SetUpDesk;
  readonly #world: Pick<World, 'clock' | 'random'>;
  readonly #requests = join(this.folder, 'setup');
  readonly #told = join(this.folder, 'told');
  #timer: NodeJS.Timeout | undefined;

  /** @param isOfImage whether somebody is there who applies settings */
  constructor(world: Pick<World, 'clock' | 'random'>, isOfImage = true) {
    this.#world = world;
    for (const one of [this.own, this.#requests, this.#told]) mkdirSync(one, { recursive: true });
    this.#plug('eth0', 'platform', 'bcmgenet', 'dc:a6:32:01:3f:2a');
    this.#plug('enx001122334455', 'usb', 'r8152', '00:11:22:33:44:55');
    provision({ from: [this.own], root: this.root, nowMs: undefined, dry: false });
    this.desk = new SetUpDesk({
      ...{ world, settings: defaultSettings(), root: this.root },
      place: { file: this.file, folders: isOfImage ? { folder: this.#requests, told: this.#told } : undefined },
      onEvent: (level, event, text) => this.events.push(`${level} ${event}: ${text}`),
    });
  }

  get settings(): string {
    return readFileSync(this.file, 'utf8');
  }

  /** What the unit does when a request is there. */
  apply(step: PageStep = 'asked'): PageDone | undefined {
    const path = join(this.#requests, 'request');
    if (step === 'asked' && !existsSync(path)) return undefined;
    const request = step === 'asked' ? readFileSync(path, 'utf8') : '';
    rmSync(path, { force: true });
    const done = pageSettings({ own: this.own, root: this.root, nowMs: undefined, step, request });
    const { id, who, outcome, reasons } = done;
    const untilS = Number(this.#world.clock.monotonicNs() / 1_000_000_000n) + trialS;
    const told: ToldState = { id, outcome, reasons, restarts: false, trial: outcome === 'onTrial' ? { who, untilS } : null };
    writeFileSync(join(this.#told, 'state.new'), JSON.stringify(told));
    renameSync(join(this.#told, 'state.new'), join(this.#told, 'state'));
    return done;
  }

  /** By itself, as the path unit. */
  serve(): this {
    this.#timer = setInterval(() => this.apply(), 50);
    return this;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.desk.stop();
    rmSync(this.folder, { recursive: true });
  }

  #put(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  #plug(name: string, bus: string, driver: string, mac: string): void {
    const device = join(this.root, 'sys/devices', name);
    this.#put(`sys/class/net/${name}/address`, `${mac}\n`);
    this.#put(`sys/class/net/${name}/speed`, '1000\n');
    this.#put(`sys/class/net/${name}/carrier`, '1\n');
    mkdirSync(device, { recursive: true });
    symlinkSync(device, join(this.root, `sys/class/net/${name}/device`));
    symlinkSync(`/sys/bus/${bus}`, join(device, 'subsystem'));
    symlinkSync(`/sys/bus/${bus}/drivers/${driver}`, join(device, 'driver'));
  }
}

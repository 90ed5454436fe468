/**
 * Settings over a power cut: what was told to be kept, gone back from or reset is so at the next start. On file systems of which nothing
 * reaches the disk within the test unless somebody asks for it; a copy of the disks is what a cut leaves. Both are ext4, since not every
 * kernel has FAT: `test/image/set_up.machine.ts` cuts the power of a box.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.ts';
import { formOf, withForm } from '../../../src/config/set_up_form.ts';
import type { SetUpForm } from '../../../src/flow/set_up_shapes.ts';
import { type PageRequest, pageSettings } from '../../../src/system/provision/page_settings.ts';
import { provision } from '../../../src/system/provision/provision.ts';

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { stdio: 'pipe' }).toString();
const canMount =
  spawnSync('sh', [
    '-c',
    'd=$(mktemp -d) && truncate -s 4M "$d/i" && mkfs.ext4 -q "$d/i" && mkdir "$d/m" && mount -o loop "$d/i" "$d/m" && umount "$d/m"; s=$?; rm -rf "$d"; exit $s',
  ]).status === 0;
const kinds = ['root', 'boot'] as const;
type Kind = (typeof kinds)[number];

/** The data and the boot partition, with what a box has of its own beside its settings. */
class Disks {
  readonly folder: string;
  readonly #mounted: string[] = [];

  constructor(former?: Disks) {
    this.folder = mkdtempSync(join(tmpdir(), 'power-cut-'));
    for (const kind of kinds) {
      const image = join(this.folder, `${kind}.img`);
      if (former) copyFileSync(join(former.folder, `${kind}.img`), image);
      else {
        writeFileSync(image, '');
        truncateSync(image, 16 * 1024 ** 2);
        run('mkfs.ext4', '-q', image);
      }
      this.#mount(kind, image);
    }
  }

  /** What a power cut now leaves. */
  cut(): Disks {
    return new Disks(this);
  }

  at = (kind: Kind, path = ''): string => join(this.folder, kind, path);
  text = (kind: Kind, path: string): string => readFileSync(this.at(kind, path), 'utf8');
  get settings() {
    return loadSettings(this.at('root', 'etc/flowspan/flowspan.yaml'));
  }

  put(kind: Kind, path: string, text: string): void {
    mkdirSync(dirname(this.at(kind, path)), { recursive: true });
    writeFileSync(this.at(kind, path), text);
  }

  start(): void {
    for (const [name, bus] of [
      ['eth0', 'platform'],
      ['eth1', 'usb'],
    ] as const) {
      const device = this.at('root', `sys/devices/${name}`);
      mkdirSync(device, { recursive: true });
      this.put('root', `sys/class/net/${name}/address`, `02:00:00:00:00:0${name.at(-1)}\n`);
      rmSync(this.at('root', `sys/class/net/${name}/device`), { force: true });
      symlinkSync(device, this.at('root', `sys/class/net/${name}/device`));
      rmSync(join(device, 'subsystem'), { force: true });
      symlinkSync(`/sys/bus/${bus}`, join(device, 'subsystem'));
    }
    pageSettings({ ...this.#where, step: 'start', request: '' });
    provision({ from: [this.at('boot')], root: this.at('root'), nowMs: undefined, dry: false });
  }

  asked(request: Partial<PageRequest>): string {
    const whole = { id: '0123456789abcdef', do: 'try', who: 'anna', text: '', files: {}, ...request };
    return pageSettings({ ...this.#where, step: 'asked', request: JSON.stringify(whole) }).outcome;
  }

  changed(change: Partial<SetUpForm>) {
    return withForm(this.text('root', 'etc/flowspan/flowspan.yaml'), { ...formOf(this.settings, true), ...change }, true);
  }

  gone(): void {
    for (const place of this.#mounted) run('umount', place);
    rmSync(this.folder, { recursive: true });
  }

  get #where() {
    return { own: this.at('boot'), root: this.at('root'), nowMs: undefined };
  }

  #mount(kind: Kind, image: string): void {
    mkdirSync(this.at(kind));
    // By itself the kernel writes after that many seconds: the test is over by then.
    run('mount', '-o', 'loop,noatime,commit=300', image, this.at(kind));
    this.#mounted.push(this.at(kind));
  }
}

const all: Disks[] = [];
const hold = (disks: Disks): Disks => {
  all.push(disks);
  return disks;
};
let box: Disks;
beforeEach(() => {
  if (!canMount) return;
  box = hold(new Disks());
  box.start();
  run('sync', '-f', box.at('root'));
  run('sync', '-f', box.at('boot'));
});
afterEach(() => {
  for (const disks of all.splice(0)) disks.gone();
});
const static7 = { ipv4: 'static', addresses: ['192.0.2.7/24'], gateways: ['192.0.2.1'] } as const;
const addressOf = ({ settings }: Disks): string[] => settings.device.addresses;

test.skipIf(!canMount)('kept settings stay, on both partitions', () => {
  expect(box.asked(box.changed(static7))).toBe('onTrial');
  expect(box.asked({ do: 'keep' })).toBe('kept');
  const after = hold(box.cut());
  expect(after.text('boot', 'flowspan.yaml')).toContain('192.0.2.7/24');
  after.start();
  expect(addressOf(after)).toEqual(['192.0.2.7/24']);
});

test.skipIf(!canMount)('settings on trial go with a cut', () => {
  expect(box.asked(box.changed(static7))).toBe('onTrial');
  const after = hold(box.cut());
  after.start();
  expect(addressOf(after)).toEqual([]);
});

test.skipIf(!canMount)('what was gone back from does not return', () => {
  expect(box.asked(box.changed(static7))).toBe('onTrial');
  run('sync', '-f', box.at('root'));
  expect(box.asked({ do: 'undo' })).toBe('undone');
  const after = hold(box.cut());
  expect(addressOf(after)).toEqual([]);
  after.start();
  expect(addressOf(after)).toEqual([]);
});

test.skipIf(!canMount)('a reset is not said to be done before it is', () => {
  box.put('root', 'var/lib/flowspan/identity.json', '{}');
  box.put('boot', 'factory-reset', '');
  run('sync', '-f', box.at('root'));
  run('sync', '-f', box.at('boot'));
  box.start();
  // The kernel may write the boot partition first.
  run('sync', '-f', box.at('boot'));
  const after = hold(box.cut());
  const learned = spawnSync('ls', ['-A', after.at('root', 'var/lib/flowspan')]).stdout.toString();
  expect(learned).toBe('');
});

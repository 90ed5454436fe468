/**
 * The scripts of the image that install and judge updates, in a folder that stands for the box, with stand-ins for the programs they call;
 * those write down how they were called. `update.machine.ts` has the real ones.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const scripts = fileURLToPath(new URL('../../image/system/usr/lib/flowspan-box', import.meta.url));
const folders = [
  'bin',
  'data/rauc',
  'data/update',
  'data/setup',
  'run/flowspan',
  'efi/flowspan',
  'etc/rauc',
  'proc',
  'usr/lib/flowspan',
];

/** RAUC that takes this version, and any other program of one line. */
export const takes = (version: string, compatible = 'flowspan-amd64'): string =>
  `[ $1 != info ] || { echo "RAUC_MF_COMPATIBLE='${compatible}'"; echo "RAUC_MF_VERSION='${version}'"; }\n`;

export class BoxScripts {
  readonly #box = mkdtempSync(join(tmpdir(), 'box-'));

  constructor() {
    for (const folder of folders) mkdirSync(this.at(folder), { recursive: true });
    cpSync(scripts, this.at('usr/lib/flowspan-box'), { recursive: true });
    for (const name of ['install_update', 'before_install', 'update_log', 'slots', 'page_settings']) {
      const path = this.at(`usr/lib/flowspan-box/${name}`);
      const text = readFileSync(path, 'utf8').replaceAll('/usr/bin/flowspan', 'flowspan');
      writeFileSync(path, text.replace(/(?<=[ "'=>])\/(?=(data|run|etc|proc|usr)\/|efi[/ ])/g, `${this.#box}/`));
    }
    writeFileSync(this.at('proc/cmdline'), 'root=PARTLABEL=flowspan-a ro rauc.slot=A quiet');
    writeFileSync(this.at('etc/rauc/system.conf'), '[system]\ncompatible=flowspan-amd64\n');
    writeFileSync(this.at('usr/lib/flowspan/package.json'), '{\n  "name": "flowspan",\n  "version": "1.0.0",\n}\n');
    this.variables('ORDER=A B', 'A_OK=1', 'A_TRY=0', 'A_GOOD=1', 'B_OK=1', 'B_TRY=0', 'B_GOOD=0');
    for (const name of ['systemctl', 'sync', 'flowspan']) this.program(name, '');
    this.program('grub-editenv', `[ "$2" != list ] || cat '${this.#box}/efi/flowspan/grubenv'\n`);
    this.program('setpriv', 'while case $1 in --*) true ;; *) false ;; esac; do shift; done\nexec "$@"\n');
    this.program('rauc', takes('1.1.0'));
  }

  /** A path of the box, here. */
  at(path: string): string {
    return join(this.#box, path);
  }

  program(name: string, text: string): void {
    writeFileSync(this.at(`bin/${name}`), `#!/bin/sh\necho "${name} $*" >>'${this.#box}/calls'\n${text}`);
    chmodSync(this.at(`bin/${name}`), 0o755);
  }

  /** GRUB's. */
  variables(...lines: string[]): void {
    writeFileSync(this.at('efi/flowspan/grubenv'), `${lines.join('\n')}\n`);
  }

  /** What it said and what it called, in order; it ends well. */
  run(script: string, ...args: string[]): { said: string; did: string[] } {
    const { said, did, code } = this.runWith({}, script, ...args);
    expect(code).toBe(0);
    return { said, did };
  }

  runWith(
    environment: NodeJS.ProcessEnv,
    script: string,
    ...args: string[]
  ): { said: string; did: string[]; code: number | null } {
    writeFileSync(this.at('calls'), '');
    const env = { ...process.env, PATH: `${this.at('bin')}:${process.env.PATH}`, ...environment };
    const path = this.at(`usr/lib/flowspan-box/${script}`);
    const { stdout, stderr, status } = spawnSync('sh', [path, ...args], { encoding: 'utf8', env });
    const did = readFileSync(this.at('calls'), 'utf8').replaceAll(this.#box, '').trim().split('\n');
    return { said: stdout + stderr, did, code: status };
  }

  /** What is remembered, without the times. */
  kept(): string[][] {
    const path = this.at('data/rauc/updates');
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    return lines.map((line) => line.split('\t').slice(1));
  }

  [Symbol.dispose](): void {
    rmSync(this.#box, { recursive: true });
  }
}

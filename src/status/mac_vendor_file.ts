/**
 * Reads the registry of MAC vendors and those that lie beside it, and again when it has changed. An edge, owned by the page's
 * thread. Without the file vendors are simply not told. Limits: a registry has `octetsMax` at most.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, systemCode } from '../core/errors.ts';
import type { World } from '../core/world.ts';
import { MacVendors } from './mac_vendors.ts';

const octetsMax = 32 * 1024 * 1024;
const lookEveryMs = 3_600_000;
/** As IEEE and Debian call the registries of smaller blocks. */
const besides = ['mam.csv', 'oui36.csv'];

export class MacVendorFile {
  readonly #world: World;
  readonly #path: string;
  #vendors = new MacVendors([]);
  #seen = '';

  /** @param path empty for none */
  constructor(world: World, path: string) {
    this.#world = world;
    this.#path = path;
  }

  /** Resolves when it was read once, or is not there. */
  async start(): Promise<void> {
    if (this.#path === '') return;
    this.#world.metrics.gauge('mac_vendor_blocks', 'Blocks of MAC addresses whose vendor is known', () => this.#vendors.size);
    const { clock } = this.#world;
    const again = (error: unknown): void => {
      throw error; // `look` keeps its troubles to itself
    };
    clock.every(lookEveryMs, () => this.#look(), again);
    await this.#look();
  }

  readonly of = (mac: string): string | undefined => this.#vendors.of(mac);

  async #look(): Promise<void> {
    try {
      const { mtimeMs, size } = await stat(this.#path);
      const seen = `${mtimeMs} ${size}`;
      if (seen === this.#seen) return;
      this.#seen = seen;
      const texts = [await textOf(this.#path)];
      for (const name of besides) {
        const path = join(dirname(this.#path), name);
        if (path !== this.#path) texts.push(await textOf(path).catch(() => '')); // smaller blocks are an extra
      }
      this.#vendors = new MacVendors(texts);
      if (this.#vendors.size === 0) throw new Error('it is no registry of IEEE as CSV');
    } catch (error) {
      // A box without the registry is a good box.
      if (systemCode(error) !== 'ENOENT')
        this.#world.log.warn('macVendorsUnreadable', { file: this.#path, reason: messageOf(error) });
    }
  }
}

async function textOf(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > octetsMax) throw new Error(`it has ${size} octets; allowed: ${octetsMax} at most`);
  return readFile(path, 'utf8');
}

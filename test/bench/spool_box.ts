/** What the benches of the spool share: rows, a collector that throws everything away, spool and exporter as in production. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { settingsSchema } from '../../src/config/schema.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { systemWorld } from '../../src/core/world.ts';
import type { ProfileName } from '../../src/flow/profiles.ts';
import { type RowBlock, type RowClock, WALL_BOOT_ID } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { Exporters } from '../../src/forward/exporters.ts';
import { Spool, type SpoolOptions } from '../../src/forward/spool.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { addonProjector } from '../../src/meter/projector.ts';
import { startNs, writeRow } from '../forward/rows.ts';

export const rowsPerBlock = 256;
const blocksHeld = 64;
/** As much as may wait before more is made: what a busy meter hands over in some tenths of a second. */
export const waitingMax = 64 * 1_024;
const addon = loadAddon();
export const projector = addonProjector(addon);
export const rowClock: RowClock = { bootId: WALL_BOOT_ID, wallOffsetNs: () => 0n, trusted: () => true };

/** An office's mix: a fifth IPv6, three quarters two-way. */
function makeRows(): Uint8Array {
  const bytes = new Uint8Array(blocksHeld * rowsPerBlock * ROW_BYTES);
  const row = new RowCursor(bytes);
  for (let i = 0; i < blocksHeld * rowsPerBlock; i++) writeRow(row.at(i), i, i % 5 === 0 ? 'ipv6' : 'ipv4', i % 4 !== 0);
  return bytes;
}
const rowBytes = makeRows();

export function blockNumber(n: number): RowBlock {
  const firstRow = (n % blocksHeld) * rowsPerBlock * ROW_BYTES;
  const span = BigInt(blocksHeld * rowsPerBlock) * 1_000_000n;
  return {
    ...{ bytes: rowBytes, firstRow, count: rowsPerBlock, bootId: WALL_BOOT_ID },
    ...{ closedAtNs: startNs + span, firstStartNs: startNs, lastEndNs: startNs + span },
  };
}

/** CPU, wall time and memory of some work on so many rows. */
export class Stretch {
  readonly #began = process.cpuUsage();
  readonly #beganNs = process.hrtime.bigint();
  readonly #rssBefore = rssMiB();
  #rssMost = this.#rssBefore;
  /** To be called now and then. */
  look(): void {
    this.#rssMost = Math.max(this.#rssMost, rssMiB());
  }
  get wallS(): number {
    return Number(process.hrtime.bigint() - this.#beganNs) / 1e9;
  }
  figures(rows: number, records: number) {
    const { user, system } = process.cpuUsage(this.#began);
    const { wallS } = this;
    const cpuS = (user + system) / 1e6;
    this.look();
    return {
      ...{ rows, records, recordsPerS: Math.round(records / wallS), recordsPerCpuS: Math.round(records / cpuS) },
      cpuUsPerRecord: Number(((cpuS / records) * 1e6).toFixed(2)),
      ...{ rssMiBBefore: this.#rssBefore, rssMiBMost: this.#rssMost },
    };
  }
}

const rssMiB = (): number => Math.round(process.memoryUsage.rss() / 1024 / 1024);

/** One line of JSON a case; `goal` and `met` where the figure has one. */
export function print(name: string, figures: object, goal?: { readonly text: string; readonly met: boolean }): void {
  const judged = goal === undefined ? {} : { goal: goal.text, met: goal.met };
  process.stdout.write(`${JSON.stringify({ bench: 'spool', case: name, ...figures, ...judged })}\n`);
}

const sinkProgram = `
  const net = require('node:net'), dgram = require('node:dgram');
  const server = net.createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(Number(process.argv[1]), '127.0.0.1', () => {
    const { port } = server.address();
    const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    socket.bind(port, '127.0.0.1', () => console.log(port));
  });
  process.stdin.resume().on('end', () => process.exit(0));
`;

export class Sink {
  readonly #child: ChildProcess;
  constructor(port: number) {
    this.#child = spawn(process.execPath, ['-e', sinkProgram, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  }
  async port(): Promise<number> {
    const [line] = (await once(createInterface({ input: this.#child.stdout! }), 'line')) as [string];
    return Number(line);
  }
  async end(): Promise<void> {
    this.#child.stdin!.end();
    await once(this.#child, 'exit');
  }
}

export interface Box {
  readonly spool: Spool;
  readonly exporters: Exporters;
  readonly pending: () => number;
  readonly sentRecords: () => number;
  readonly stop: () => Promise<void>;
}

export interface BoxOptions {
  readonly kv: Kv;
  readonly port: number;
  readonly transport?: 'tcp' | 'udp';
  readonly profile?: ProfileName;
  readonly spool?: Partial<SpoolOptions>;
}

export async function startBox({ kv, port, transport = 'tcp', profile = 'standard', spool: more }: BoxOptions): Promise<Box> {
  const world = { ...systemWorld(() => () => {}), log: silentLog };
  const retry = { retryFirstMs: 20, retryCapMs: 20 };
  // The most that is allowed, so that limits are not what is measured.
  const catchUp = { recordsPerSecondMax: 10_000_000, kbitsPerSecondMax: 100_000_000, uplinkPercentMax: 100 };
  const destination = { name: 'sink', host: '127.0.0.1', port, transport, profile, udpMessagesPerSecondMax: 1_000_000, ...retry };
  const settings = settingsSchema.parse({ export: { catchUp, destinations: [destination] } });
  const spool = new Spool({ world, kv, settings: { ...settings.spool, ...more }, destinations: ['sink'], rowClock });
  const exporters = new Exporters({
    ...{ world, settings: settings.export, lane: (name: string) => spool.lane(name), rowClock, projector, measures: addon },
    facts: () => ({
      ...{ domainName: 'bench', startedMs: 0, selectors: [{ selectorId: 1, kind: 'none', interval: 1 }], interfaces: [] },
      ...{ ignoredPackets: 0, ignoredOctets: 0 },
    }),
  });
  await spool.start();
  await exporters.start(new AbortController().signal);
  const stop = async (): Promise<void> => {
    await exporters.stop(2_000);
    await spool.stop(2_000);
    await kv.close();
  };
  const status = () => exporters.statuses()[0]!;
  return {
    ...{ spool, exporters, stop },
    pending: () => status().backlogRecords,
    sentRecords: () => status().sentRecords,
  };
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

/** Waits until no more than so many rows wait. */
export async function arrived({ pending }: Box, look: () => void = () => {}, left = 0): Promise<void> {
  while (pending() > left) {
    look();
    await pause();
  }
}

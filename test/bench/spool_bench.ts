/**
 * From rows to a collector on one core: encoding alone, spool and send together over TCP and over UDP on loopback, and the
 * drain of a backlog that a LevelDB holds. The collector is a process of its own that throws everything away. CPU is this
 * process's, so it is the figure to compare when the machine is shared. Prints one line of JSON a case; asserts nothing.
 *
 *   node test/bench/spool_bench.ts [--rows 1000000] [--profile standard] [--only encode,tcp,udp,backlog]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { settingsSchema } from '../../src/config/schema.ts';
import type { Kv } from '../../src/core/kv.ts';
import { silentLog } from '../../src/core/log.ts';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { systemWorld } from '../../src/core/world.ts';
import { profileSpec } from '../../src/flow/profiles.ts';
import { type RowBlock, type RowClock, WALL_BOOT_ID } from '../../src/flow/row_block.ts';
import { RowCursor } from '../../src/flow/row_cursor.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { Exporters } from '../../src/forward/exporters.ts';
import { IpfixSession } from '../../src/forward/ipfix/session.ts';
import { Spool } from '../../src/forward/spool.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { addonProjector } from '../../src/meter/projector.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { startNs, writeRow } from '../forward/rows.ts';

const cases = ['encode', 'tcp', 'udp', 'backlog'] as const;
type Case = (typeof cases)[number];

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    profile: { type: 'string', default: 'standard' },
    only: { type: 'string', default: cases.join(',') },
  },
});
const rowsWanted = Number(values.rows);
const profile = values.profile as 'standard';

const rowsPerBlock = 256;
const blocksHeld = 64;
/** As much as may wait before more is made: what a busy meter hands over in some tenths of a second. */
const waitingMax = 64 * 1_024;
const addon = loadAddon();
const projector = addonProjector(addon);
const rowClock: RowClock = { bootId: WALL_BOOT_ID, wallOffsetNs: () => 0n, trusted: () => true };

/** An office's mix: a fifth IPv6, three quarters two-way. */
function makeRows(): Uint8Array {
  const bytes = new Uint8Array(blocksHeld * rowsPerBlock * ROW_BYTES);
  const row = new RowCursor(bytes);
  for (let i = 0; i < blocksHeld * rowsPerBlock; i++) writeRow(row.at(i), i, i % 5 === 0 ? 'ipv6' : 'ipv4', i % 4 !== 0);
  return bytes;
}
const rowBytes = makeRows();

function blockNumber(n: number): RowBlock {
  const firstRow = (n % blocksHeld) * rowsPerBlock * ROW_BYTES;
  const span = BigInt(blocksHeld * rowsPerBlock) * 1_000_000n;
  return {
    ...{ bytes: rowBytes, firstRow, count: rowsPerBlock, bootId: WALL_BOOT_ID },
    ...{ closedAtNs: startNs + span, firstStartNs: startNs, lastEndNs: startNs + span },
  };
}

/** CPU and wall time of some work on so many rows. */
class Stretch {
  readonly #began = process.cpuUsage();
  readonly #beganNs = process.hrtime.bigint();
  print(name: string, rows: number, records: number, more: object = {}): void {
    const { user, system } = process.cpuUsage(this.#began);
    const wallS = Number(process.hrtime.bigint() - this.#beganNs) / 1e9;
    const cpuS = (user + system) / 1e6;
    const line = {
      ...{ bench: 'spool', case: name, profile, rows, records },
      recordsPerS: Math.round(records / wallS),
      recordsPerCpuS: Math.round(records / cpuS),
      cpuUsPerRecord: Number(((cpuS / records) * 1e6).toFixed(2)),
      cpuUsPerRow: Number(((cpuS / rows) * 1e6).toFixed(2)),
      ...more,
      rssMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

function encode(messageOctetsMax: number): void {
  const session = new IpfixSession({
    ...{ projector, profile: profileSpec(profile), privatePen: 0, observationDomainId: 1, messageOctetsMax },
  });
  let records = 0;
  let messages = 0;
  const stretch = new Stretch();
  for (let block = 0; block * rowsPerBlock < rowsWanted; block++) {
    const { bytes, firstRow, count } = blockNumber(block);
    for (let done = 0; done < count; ) {
      const encoded = session.dataMessage(bytes, firstRow + done * ROW_BYTES, count - done, 0n, 1_700_000_000);
      done += encoded.rows;
      records += encoded.records;
      messages++;
    }
  }
  stretch.print(`encode ${messageOctetsMax}`, Math.ceil(rowsWanted / rowsPerBlock) * rowsPerBlock, records, { messages });
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

class Sink {
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

interface Box {
  readonly spool: Spool;
  readonly exporters: Exporters;
  readonly pending: () => number;
  readonly sentRecords: () => number;
  readonly stop: () => Promise<void>;
}

async function startBox(kv: Kv, transport: 'tcp' | 'udp', port: number): Promise<Box> {
  const world = { ...systemWorld(() => () => {}), log: silentLog };
  const retry = { retryFirstMs: 20, retryCapMs: 20 };
  // 0 would be the default; the most that is allowed, so that the limit is not what is measured.
  const destination = { name: 'sink', host: '127.0.0.1', port, transport, profile, udpMessagesPerSecondMax: 1_000_000, ...retry };
  const settings = settingsSchema.parse({ export: { destinations: [destination] } });
  const spool = new Spool({ world, kv, settings: settings.spool, destinations: ['sink'], rowClock });
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

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

async function arrived({ pending }: Box): Promise<void> {
  while (pending() > 0) await pause();
}

async function send(transport: 'tcp' | 'udp'): Promise<void> {
  const sink = new Sink(0);
  const box = await startBox(new MemoryKv(), transport, await sink.port());
  // Templates are out and the code is warm.
  box.spool.append(blockNumber(0));
  await arrived(box);
  const before = box.sentRecords();
  const stretch = new Stretch();
  let rows = 0;
  for (let block = 0; rows < rowsWanted; block++) {
    while (box.pending() > waitingMax) await pause();
    box.spool.append(blockNumber(block));
    rows += rowsPerBlock;
    await turn();
  }
  while (box.spool.lane('sink').unread > 0) await pause();
  stretch.print(`spool and send, ${transport}`, rows, box.sentRecords() - before);
  await box.stop();
  await sink.end();
}

async function backlog(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'flowspan-spool-bench-'));
  const kv = await openLevelKv(join(folder, 'spool'));
  // A port where nobody listens until the backlog stands.
  const reserved = createServer().listen(0, '127.0.0.1');
  await once(reserved, 'listening');
  const { port } = reserved.address() as { port: number };
  await new Promise((resolve) => reserved.close(resolve));
  const box = await startBox(kv, 'tcp', port);
  const filling = new Stretch();
  let rows = 0;
  for (let block = 0; rows < rowsWanted; block++) {
    box.spool.append(blockNumber(block));
    rows += rowsPerBlock;
    await turn();
    // Not faster than they are written: a spool with its memory full would give rows up.
    while (box.spool.pressed) await pause();
  }
  const kept = box.pending();
  filling.print('backlog filled', rows, kept, { diskMiB: Math.round(box.spool.status().octetsOnDisk / 1024 / 1024) });
  const draining = new Stretch();
  const sink = new Sink(port);
  await arrived(box);
  draining.print('backlog drained, tcp', kept, box.sentRecords());
  await box.stop();
  await sink.end();
  await rm(folder, { recursive: true });
}

const work: Readonly<Record<Case, () => void | Promise<void>>> = {
  encode: () => {
    for (const octets of [16_384, 1_472, 512]) encode(octets);
  },
  tcp: () => send('tcp'),
  udp: () => send('udp'),
  backlog,
};
for (const name of values.only.split(',')) await work[name as Case]();

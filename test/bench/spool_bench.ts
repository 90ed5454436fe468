/**
 * From rows to a collector on one core: encoding alone, and spool and send together over TCP and over UDP on loopback. The
 * collector is a process of its own that throws everything away. CPU is this process's, so it is the figure to compare when
 * the machine is shared; of several rounds the least counts. Prints one line of JSON a case, with its goal; asserts nothing.
 *
 *   scripts/bench spool [--rows 1000000] [--profile standard] [--only encode,tcp,udp]
 */
import { parseArgs } from 'node:util';
import { MemoryKv } from '../../src/core/memory_kv.ts';
import { type ProfileName, profileSpec } from '../../src/flow/profiles.ts';
import { ROW_BYTES } from '../../src/flow/row_layout.ts';
import { IpfixSession } from '../../src/forward/ipfix/session.ts';
import {
  arrived,
  blockNumber,
  pause,
  print,
  projector,
  rowsPerBlock,
  Sink,
  Stretch,
  startBox,
  turn,
  waitingMax,
} from './spool_box.ts';

const cases = ['encode', 'tcp', 'udp'] as const;
type Case = (typeof cases)[number];

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    profile: { type: 'string', default: 'standard' },
    only: { type: 'string', default: cases.join(',') },
  },
});
const rowsWanted = Number(values.rows);
const profile = values.profile as ProfileName;
const encodeRounds = 10;
const goals = { encodeRecordsPerS: 8e6, sendRecordsPerS: 400_000, rssMiB: 300 } as const;

/** In rounds of a tenth each: the first ones warm the code up, and others on the machine disturb some. */
function encode(messageOctetsMax: number): void {
  const session = new IpfixSession({
    ...{ projector, profile: profileSpec(profile), privatePen: 0, observationDomainId: 1, messageOctetsMax },
  });
  const rounds = Array.from({ length: encodeRounds }, () => {
    const stretch = new Stretch();
    let records = 0;
    let rows = 0;
    for (let block = 0; rows < rowsWanted / encodeRounds; block++) {
      const { bytes, firstRow, count } = blockNumber(block);
      rows += count;
      for (let done = 0; done < count; ) {
        const encoded = session.dataMessage(bytes, firstRow + done * ROW_BYTES, count - done, 0n, 1_700_000_000);
        done += encoded.rows;
        records += encoded.records;
      }
    }
    return stretch.figures(rows, records);
  });
  const best = rounds.reduce((a, b) => (a.recordsPerCpuS > b.recordsPerCpuS ? a : b));
  const figures = { profile, ...best, recordsPerCpuSMedian: rounds.map((one) => one.recordsPerCpuS).sort((a, b) => a - b)[5] };
  const goal = {
    text: `${goals.encodeRecordsPerS / 1e6} M records/s, standard profile`,
    met: best.recordsPerCpuS >= goals.encodeRecordsPerS,
  };
  print(`encode, messages of ${messageOctetsMax}`, figures, messageOctetsMax === 16_384 ? goal : undefined);
}

async function send(transport: 'tcp' | 'udp'): Promise<void> {
  const sink = new Sink(0);
  const box = await startBox({ kv: new MemoryKv(), port: await sink.port(), transport, profile });
  // Templates are out and the code is warm.
  for (let block = 0; block < 200; block++) {
    box.spool.append(blockNumber(block));
    await turn();
  }
  await arrived(box);
  const before = box.sentRecords();
  const stretch = new Stretch();
  let rows = 0;
  for (let block = 0; rows < rowsWanted; block++) {
    while (box.pending() > waitingMax) await pause();
    box.spool.append(blockNumber(block));
    rows += rowsPerBlock;
    if (block % 64 === 0) stretch.look();
    await turn();
  }
  while (box.spool.lane('sink').unread > 0) await pause();
  const figures = stretch.figures(rows, box.sentRecords() - before);
  const met = figures.recordsPerCpuS >= goals.sendRecordsPerS && figures.rssMiBMost <= goals.rssMiB;
  const goal = { text: `${goals.sendRecordsPerS} records/s on one core, ${goals.rssMiB} MiB`, met };
  print(`spool and send, ${transport}`, { profile, ...figures }, transport === 'tcp' ? goal : undefined);
  await box.stop();
  await sink.end();
}

const work: Readonly<Record<Case, () => void | Promise<void>>> = {
  encode: () => {
    for (const octets of [16_384, 1_472, 512]) encode(octets);
  },
  tcp: () => send('tcp'),
  udp: () => send('udp'),
};
for (const name of values.only.split(',')) await work[name as Case]();

/**
 * The export side of a box over a real store and a real connection, until it is killed. Says in lines what a test cannot
 * see from outside: rows before they are handed over, and what is on disk once the store said so. On standard input
 * `slow`: few rows from here on; `drain`: no more rows, everything goes out, then a planned stop.
 */
import { writeSync } from 'node:fs';
import type { Kv } from '../../src/core/kv.ts';
import { decodeIndex, decodeLane, decodeRows, destinationRange, positionOfKey, rowsKey } from '../../src/forward/spool_record.ts';
import { loadAddon } from '../../src/meter/addon.ts';
import { addonProjector } from '../../src/meter/projector.ts';
import { openLevelKv } from '../../src/store/level_kv.ts';
import { startBox } from './export_box.ts';
import { blockOf, flowIdOf } from './rows.ts';

const [path = '', port = '', first = '0'] = process.argv.slice(2);
const say = (...words: readonly unknown[]): void => void writeSync(1, `${words.join(' ')}\n`);

const level = await openLevelKv(path);
const told: Kv = Object.assign(Object.create(level) as Kv, {
  batch: async (...[puts, deletes, options]: Parameters<Kv['batch']>): Promise<void> => {
    await level.batch(puts, deletes, options);
    for (const { key, value } of puts) {
      if (key[0] === destinationRange.gte[0]) {
        const { pending, next } = decodeLane(value)!;
        say('place', next, ...pending.map(({ from, to }) => `${from}-${to}`));
      }
    }
    for (const { key, value } of puts) {
      const position = positionOfKey(key);
      if (position === undefined) continue;
      const { count } = decodeIndex(position, value, 0, 0)!;
      const rows = await decodeRows(puts.find((one) => Buffer.compare(one.key, rowsKey(position)) === 0)!.value, count);
      say('kept', position, flowIdOf(rows!, 0), count);
    }
  },
  get: level.get.bind(level),
  entries: level.entries.bind(level),
  compact: level.compact.bind(level),
  close: level.close.bind(level),
});

const addon = loadAddon();
const box = await startBox({
  kv: told,
  destinations: [{ name: 'a', port: Number(port), profile: 'lean' }],
  spool: { persistAfterS: 1 },
  measures: addon,
  projector: addonProjector(addon),
});
let draining = false;
let periodMs = 10;
process.stdin.on('data', (words) => {
  if (`${words}`.includes('slow')) periodMs = 500;
  if (`${words}`.includes('drain')) draining = true;
});
say('ready');
for (let row = Number(first); !draining; row += 50) {
  const nowMs = Date.now();
  say('rows', row, 50, nowMs);
  box.spool.append(blockOf(row, 50, { originNs: BigInt(nowMs - row) * 1_000_000n }));
  await new Promise((resolve) => setTimeout(resolve, periodMs));
}
while (!box.arrived()) await new Promise((resolve) => setTimeout(resolve, 20));
// Gaps are heard with the next look at what is to be explained.
while (box.spool.lane('a').gaps.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
await box.stop();
say('account', JSON.stringify(box.spool.lane('a').account()));
await level.close();
process.exit(0);

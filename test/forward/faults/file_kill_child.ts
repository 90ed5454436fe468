/** A box that writes files, until it is killed. Says in lines which rows it hands over and up to which all are acknowledged. */
import { writeSync } from 'node:fs';
import { openLevelKv } from '../../../src/store/level_kv.ts';
import { startBox } from '../export_box.ts';
import { blockOf } from '../rows.ts';

const [store = '', folder = '', first = '0'] = process.argv.slice(2);
const say = (...words: readonly unknown[]): void => void writeSync(1, `${words.join(' ')}\n`);
const box = await startBox({
  kv: await openLevelKv(store),
  destinations: [
    {
      name: 'archive',
      transport: 'file',
      host: '',
      profile: 'lean',
      files: { folder, syncMs: 100, rotateBytes: 65_536, compression: 'gzip' },
    },
  ],
  spool: { persistAfterS: 1 },
});
let draining = false;
process.stdin.on('data', () => {
  draining = true;
});
say('ready');
let row = Number(first);
while (!draining) {
  say('rows', row, 50);
  box.spool.append(blockOf(row, 50));
  row += 50;
  // Rows are sent in order: those that are pending are the last.
  say('safe', row - box.exporters.accounts()[0]!.account.pending);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
while (!box.arrived()) await new Promise((resolve) => setTimeout(resolve, 20));
await box.stop(5_000);
say('done', row);
process.exit(0);

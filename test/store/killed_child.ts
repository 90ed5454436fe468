/** Writes batches of 20 records, synced, and says each number once it is on disk; runs until it is killed. */
import { openLevelKv } from '../../src/store/level_kv.ts';

const [path = '', round = '0'] = process.argv.slice(2);
const kv = await openLevelKv(path, { freeOctetsMin: 0, writeBufferOctets: 64 * 1024 });
for (let batch = 0; ; batch++) {
  const name = String(batch).padStart(6, '0');
  const puts = Array.from({ length: 20 }, (_, i) => ({
    key: Buffer.from(`${round}/${name}/${i}`),
    value: Buffer.alloc(500, batch),
  }));
  await kv.batch(puts, [], { sync: true });
  process.stdout.write(`${batch}\n`);
}

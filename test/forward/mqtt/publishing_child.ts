/**
 * A box's MQTT side in a process of its own, to be killed. Arguments: port, data folder, first number. Appends numbered
 * events as fast as the outbox puts them on disk, and prints what is durable: `kept N`.
 */
import { openLevelKv } from '../../../src/store/level_kv.ts';
import { startBox } from './box.ts';

const [port, folder, first] = process.argv.slice(2);
const kv = await openLevelKv(folder as string);
const box = await startBox(
  Number(port),
  { inFlightMax: 20, retryFirstMs: 20, retryCapMs: 50 },
  {
    kv,
    outbox: { outboxPersistAfterS: 1, outboxMemoryBytesMax: 65_536 },
    first: Number(first),
  },
);
process.stdout.write(`open ${box.uplink.status().backlogRecords}\n`);
let said = Number(first);
setInterval(() => {
  box.say(20);
  said += 20;
  process.stdout.write(`said ${said}\n`);
}, 10);

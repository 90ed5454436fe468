/** A broker that ends sessions for reasons of its own: what is lost is the message it will never take, and what is said is said once. */
import { afterEach, expect, test } from 'vitest';
import { type Box, startBox } from './box.ts';
import { until } from './broker.ts';
import { disconnect, type Script, type ScriptedBroker, scriptedBroker } from './scripted_broker.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
async function boxAt(script: Script): Promise<{ box: Box; broker: ScriptedBroker }> {
  const broker = await scriptedBroker(script);
  cleanups.push(() => broker.stop());
  const box = await startBox(broker.port, { retryFirstMs: 10, retryCapMs: 20, inFlightMax: 20 });
  cleanups.push(() => box.stop(500));
  return { box, broker };
}
const numbersOf = ({ taken }: ScriptedBroker): number[] =>
  taken.flatMap((payload) => /"atMs":(\d+),"level"/.exec(payload)?.[1] ?? []).map(Number);

test('ended because a message was too large, without a word of which: that one is given up, and no other', async () => {
  const tooLarge = disconnect(149);
  const { box, broker } = await boxAt({ onPublish: (octets) => (octets > 3_000 ? tooLarge : undefined), acknowledgeAfterMs: 5 });
  await until('it is up', () => box.uplink.status().state === 'up');
  box.say(30);
  box.say(1, 5_000);
  box.say(30);
  box.say(2, 5_000);
  box.say(10);
  await until('all are settled', () => box.uplink.status().backlogRecords === 0);
  expect(box.outbox.lane('main').account()).toMatchObject({ acknowledged: 70, dropped: { refused: 3 } });
  const large = new Set([30, 61, 62]);
  expect([...new Set(numbersOf(broker))]).toEqual(Array.from({ length: 73 }, (_, n) => n).filter((n) => !large.has(n)));
  expect(box.heard.filter(({ event }) => event === 'publishRefused')).toHaveLength(3);
});

test('away for long: each kind of trouble is said once an outage, not at each try; the next outage is said again', async () => {
  let refusal: Uint8Array | undefined = Uint8Array.of(0x20, 3, 0, 136, 0);
  const { box, broker } = await boxAt({ onConnect: () => refusal });
  const said = (event: string): number => box.heard.filter((one) => one.event === event).length;
  await until('it was tried again and again', () => broker.connections > 15);
  expect(said('uplinkLost')).toBe(1);
  expect(box.uplink.status().reason).toContain('not available');
  refusal = undefined;
  await until('it is up', () => box.uplink.status().state === 'up');
  refusal = Uint8Array.of(0x20, 3, 0, 136, 0);
  await broker.stop();
  await until('it is said again', () => said('uplinkLost') > 1);
  expect(said('uplinkUp')).toBe(1);
});

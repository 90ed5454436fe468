/** A box on a mirror of one direction: its page's API, its events and `flowspan doctor` say so while it runs. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { mirrored, siteConversations } from '../captures/conversations.ts';
import { pcapFile } from '../captures/pcap_writer.ts';
import { flowspan } from '../cli/flowspan.ts';
import { Box, endBoxes } from './box.ts';

afterEach(endBoxes);

interface DoctorAnswer {
  readonly running: boolean;
  readonly checks: readonly { readonly check: string; readonly verdict: string; readonly found: string; readonly todo: string }[];
}

test('a one-way mirror is told by the running box, and doctor asks it', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'box-'));
  const path = join(folder, 'one-way.pcap');
  const packets = siteConversations({ conversations: 100, segments: 4, everyNs: 100_000_000n });
  writeFileSync(path, pcapFile(mirrored(packets, (packet) => (packet.fromClient ? [packet] : []))));
  const meter = { source: 'capture' as const, capture: path, loop: true, activeTimeoutS: 1, idleTimeoutS: 1 };
  await using box = new Box({ meter }, folder);
  await box.ready();
  const status = await box.sees('the finding', ({ mirror }) => mirror.findings.length > 0, 60_000);
  expect(status.mirror.findings.map(({ code }) => code)).toEqual(['oneWayMirror']);
  expect(status.events.filter(({ event }) => event === 'oneWayMirror')).toHaveLength(1);
  expect(await (await fetch(`${box.url}/metrics`)).text()).toMatch(/^flowspan_mirror_finding\{code="oneWayMirror"\} 1$/m);

  const config = join(folder, 'doctor.yaml');
  const ask = async (): Promise<DoctorAnswer> =>
    JSON.parse((await flowspan('doctor', '--config', config, '--json')).out) as DoctorAnswer;
  writeFileSync(config, stringify({ dataFolder: join(folder, 'var'), meter, status: { port: Number(new URL(box.url).port) } }));
  const mirrorOf = ({ checks }: DoctorAnswer) => checks.filter(({ check }) => check.startsWith('mirror'));
  const running = mirrorOf(await ask());
  expect(running).toMatchObject([{ check: 'mirror oneWayMirror', verdict: 'fail' }]);
  expect(running[0]!.todo).toMatch(/both directions/);

  await box.interrupt();
  expect(mirrorOf(await ask())).toMatchObject([
    { check: 'mirror', verdict: 'warn', found: expect.stringContaining('service is not running') },
  ]);
});

/**
 * Figures of the whole box on the emulated machine (1 GB), printed as the tables of image/README.md: time to the first metered packet and
 * what the start waits for; memory and octets written to the disk, idle and as a busy branch. `scripts/test-image --figures`
 *
 *   IDLE_S, BUSY_S   seconds that are measured (300, 600); what was written is taken for a day
 *   FULL_S           the busy branch ends earlier: once the flow records that can be searched have been full for so many seconds
 *   FILL_FLOWS       before the busy branch those records are filled by single frames, so many at once and as fast as the machine takes them
 *   FILL_S           and no longer than that (3,600)
 *   SETTLE_S         seconds before each of both, until what the change brings is done (60)
 *   FLOWS            new flows a second of the busy branch (1,000)
 *   FLOWSPAN_RELEASE  the folder of a release, which is measured instead of the image of this checkout
 */
import { statSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { BoxStatus } from '../../src/flow/status_shapes.ts';
import { Collector } from '../appliance/collector.ts';
import { answers, ask, branchSettings, ports, sees, signIn, statusOf } from './boot.ts';
import { branchSecond } from './branch.ts';
import { type BuiltImage, buildImage } from './built.ts';
import { Disk, endMachines, type Machine, seconds } from './machine.ts';
import { releaseImage } from './release.ts';
import { makeKey, Shell } from './shell.ts';

const idleS = Number(process.env.IDLE_S ?? 300);
const busyS = Number(process.env.BUSY_S ?? 600);
const settleS = Number(process.env.SETTLE_S ?? 60);
const fullS = Number(process.env.FULL_S ?? Number.POSITIVE_INFINITY);
const fillFlows = Number(process.env.FILL_FLOWS ?? 0);
const fillS = Number(process.env.FILL_S ?? 3_600);
const flowsPerSecond = Number(process.env.FLOWS ?? 1_000);
const memoryMaxMb = 350;
const writtenADayMaxMb = 300;

let built: BuiltImage;
beforeAll(async () => {
  built = await (process.env.FLOWSPAN_RELEASE === undefined ? buildImage() : releaseImage());
}, 1_500_000);
afterEach(endMachines, 30_000);

interface Reading {
  /** Of the machine's memory, what is not available (proc(5)); and what of that are the service and Node within it. MB. */
  readonly usedMb: number;
  readonly serviceMb: number;
  readonly processMb: number;
  readonly writtenOctets: number;
  readonly writes: number;
  readonly atS: number;
}

/** Kernel documentation, admin-guide/iostats: fields 5 and 7 of a disk are writes and sectors (512 octets) written. */
async function read(shell: Shell): Promise<Reading> {
  const text = await shell.says(`awk '/MemTotal/ { t = $2 } /MemAvailable/ { a = $2 } END { print (t - a) * 1024 }' /proc/meminfo
systemctl show --property MemoryCurrent --value flowspan.service
awk '/VmRSS/ { print $2 * 1024 }' /proc/$(systemctl show --property MainPID --value flowspan.service)/status
awk '{ print $5, $7 * 512 }' /sys/block/vda/stat
cut -d ' ' -f 1 /proc/uptime`);
  const [used, service, process, disk, up] = text.split('\n');
  const [writes, written] = disk!.split(' ').map(Number);
  const mb = (octets: string | undefined): number => Math.round(Number(octets) / 1e6);
  return {
    usedMb: mb(used),
    serviceMb: mb(service),
    processMb: mb(process),
    writtenOctets: written!,
    writes: writes!,
    atS: Number(up),
  };
}

/** What the flow records take that can be searched, and whether older ones had to go for it. */
async function recentFlows(
  machine: Machine,
  cookie: string,
): Promise<{ recentFlows: number; recentMb: number; isFull: boolean }> {
  let { status, body } = await ask(machine.pagePort, '/metrics', { cookie });
  // A machine that gets little time may not have its figures together in time.
  for (let tries = 1; status === 503 && tries < 10; tries++)
    ({ status, body } = await ask(machine.pagePort, '/metrics', { cookie }));
  const value = (name: string): number => {
    const [, text] = new RegExp(`^flowspan_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(body) ?? [];
    if (text === undefined) throw new Error(`/metrics, ${status}: no ${name}`);
    return Number(text);
  };
  const [recentFlows, octets] = [value('recent_flows'), value('recent_flows_bytes')];
  return { recentFlows, recentMb: Math.round(octets / 1e6), isFull: value('recent_flows_dropped') > 0 };
}

/** Between two readings, as if it went on like that for a day. */
function wear(from: Reading, to: Reading): { mbADay: number; text: string } {
  const days = (to.atS - from.atS) / 86_400;
  const octets = to.writtenOctets - from.writtenOctets;
  const mbADay = Math.round(octets / 1e6 / days);
  return {
    mbADay,
    text: `${mbADay} MB a day (${octets} octets in ${to.writes - from.writes} writes within ${Math.round(to.atS - from.atS)} s)`,
  };
}

function say(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The branch's traffic, from one of its seconds to another. */
async function busy(machine: Machine, from: number, to: number): Promise<void> {
  const beganMs = performance.now();
  for (let second = from; second < to; second++) {
    const frames = branchSecond(second, flowsPerSecond);
    // Making them has taken its time.
    await machine.mirror(frames, frames.length * 2);
    await seconds(Math.max(0, beganMs + (second + 1 - from) * 1_000 - performance.now()) / 1_000);
  }
}

/** Questions without answers, until older flow records have to go for newer ones. */
async function fill(machine: Machine, cookie: string, shell: Shell): Promise<void> {
  const taken = ({ ledger }: BoxStatus): number => ledger.received.packets + ledger.droppedByKernel.packets;
  let sent = taken(await statusOf(machine, cookie));
  const endMs = performance.now() + fillS * 1_000;
  for (let part = 0, isFull = false; !isFull && performance.now() < endMs; part++) {
    const frames = branchSecond(1_000_000 + part, fillFlows, false);
    await machine.mirror(frames, 20 * frames.length);
    sent += frames.length;
    await sees(machine, cookie, 'what fills it', (status) => taken(status) >= sent, 300);
    if (part % 8 < 7) continue;
    const recent = await recentFlows(machine, cookie);
    ({ isFull } = recent);
    say(`filling: ${JSON.stringify({ ...(await read(shell)), ...recent })}`);
  }
}

test('start, memory and wear', { timeout: 3_600_000 }, async () => {
  const collector = await new Collector().listen();
  using disk = new Disk(built);
  const device = { managementPort: ports.management, mirrorPorts: [ports.mirror], sshKeys: [makeKey(disk)] };
  disk.write(
    'flowspan.yaml',
    branchSettings(collector.port, { device, meter: { source: 'interface', interfaces: [ports.mirror] } }),
  );
  const beganMs = performance.now();
  const sinceS = (): string => ((performance.now() - beganMs) / 1_000).toFixed(1);
  const machine = await disk.boot({ forwarded: [22] }).start();
  await machine.shows(/flowspan: starting slot A/, 120);
  const stages = [`| GRUB has chosen a slot | ${sinceS()} |`];
  await answers(machine, '/readyz', 200, 600);
  stages.push(`| \`/readyz\` answers | ${sinceS()} |`);
  const cookie = await signIn(machine);
  await sees(machine, cookie, 'metering', ({ meter }) => meter.state === 'metering', 120);
  await machine.mirror(branchSecond(0, 5).slice(0, 1), 20);
  await sees(machine, cookie, 'a packet', ({ ledger }) => ledger.metered.packets > 0, 60);
  stages.push(`| first packet metered, as the page says after sign-in | ${sinceS()} |`);

  using shell = await new Shell(disk, machine).open(300);
  await seconds(settleS);
  const start = await shell.says(
    'systemctl is-system-running --wait; systemctl --failed --no-legend --plain; sysctl vm.min_free_kbytes; systemd-analyze time; systemd-analyze critical-chain --no-pager flowspan.service; systemd-analyze blame --no-pager | head -n 12',
    300,
  );
  // At once: a run that is broken off has told what it knows.
  say('| stage | s since power-on |\n| --- | --- |', ...stages, `\n${start}`);
  const began = await read(shell);
  await seconds(idleS);
  const idle = await read(shell);
  say(`\nidle: ${JSON.stringify(idle)}`);
  if (fillFlows > 0) await fill(machine, cookie, shell);
  await busy(machine, 0, settleS);
  const before = await statusOf(machine, cookie);
  const busyBegan = await read(shell);
  let busyEnded = busyBegan;
  let fullSinceS = Number.POSITIVE_INFINITY;
  for (let second = 0; second < busyS && second - fullSinceS < fullS; second += 60) {
    await busy(machine, settleS + second, settleS + Math.min(second + 60, busyS));
    busyEnded = await read(shell);
    const { isFull, ...recent } = await recentFlows(machine, cookie);
    if (isFull) fullSinceS = Math.min(fullSinceS, second);
    say(`busy: ${JSON.stringify({ ...busyEnded, ...recent, isFull })}`);
  }
  const after = await statusOf(machine, cookie);
  const processes = await shell.says('ps -eo rss,comm --sort=-rss | head -n 12');

  const [idleWear, busyWear] = [wear(began, idle), wear(busyBegan, busyEnded)];
  const count = (of: (status: BoxStatus) => number): number => of(after) - of(before);
  const records = count(({ ledger }) => ledger.handedOver.records);
  say(
    '| | idle | busy |\n| --- | --- | --- |',
    `| memory of the whole box, MB | ${idle.usedMb} | ${busyEnded.usedMb} |`,
    `| of that the service, page cache included | ${idle.serviceMb} | ${busyEnded.serviceMb} |`,
    `| of that its process | ${idle.processMb} | ${busyEnded.processMb} |`,
    `| written to the disk | ${idleWear.text} | ${busyWear.text} |`,
    `| flow records a second | 0 | ${Math.round(records / (busyEnded.atS - busyBegan.atS))} |`,
    `| frames a second, lost | 0 | ${Math.round(count(({ ledger }) => ledger.received.packets) / (busyEnded.atS - busyBegan.atS))}, ${count(({ ledger }) => ledger.droppedByKernel.packets)} |`,
    `\nflows in the cache ${after.meter.cachedFlows}; slot ${Math.round(statSync(built.slot).size / 1e6)} MB\n${processes}\n`,
  );
  expect(after.ledger.balanced).toBe(true);
  if (Number.isFinite(fullS)) expect(Number.isFinite(fullSinceS), 'flow records are full').toBe(true);
  expect(busyEnded.usedMb).toBeLessThanOrEqual(memoryMaxMb);
  expect(idleWear.mbADay).toBeLessThanOrEqual(writtenADayMaxMb);
  expect(busyWear.mbADay).toBeLessThanOrEqual(writtenADayMaxMb);
  await machine.cutPower();
  await collector.vanish();
});

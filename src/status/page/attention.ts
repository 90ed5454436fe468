/**
 * What a technician should look at, worst first, each with what is wrong and what to do. Pure. The rules stand here once:
 * the badge of the navigation, the banner of the overview and the top of the on-call view all read them.
 */
import type { BoxStatus, TrafficSecond, UplinkStatus } from '../../flow/status_shapes.ts';
import { bytes, count, duration, percent } from './format.ts';
import { accountOf } from './ledger_account.ts';

export interface Attention {
  readonly key: string;
  readonly level: 'bad' | 'warn';
  readonly title: string;
  /** A sentence or two: why, and what to do. */
  readonly text: string;
}

export const silentAfterS = 30;
const diskLowPart = 0.05;
/** Above it, a busier minute fills the cache. */
const cacheFullPart = 0.9;
const memoryLowPart = 0.08;
const hotC = 80;
const dropsShown = 1e-3;

export const uplinkHealth = (uplink: UplinkStatus): 'good' | 'warn' | 'bad' => {
  if (uplink.state === 'up') return 'good';
  return uplink.state === 'connecting' ? 'warn' : 'bad';
};

/** Seconds without a packet, up to now; 0 while there is traffic or nothing is known. */
export function silentForS(seconds: readonly TrafficSecond[]): number {
  const newest = seconds.at(-1);
  if (newest === undefined) return 0;
  const last = seconds.findLast((second) => second.packets > 0);
  return Math.round((newest.atMs - (last?.atMs ?? seconds[0]!.atMs)) / 1_000);
}

export function attentionOf(status: BoxStatus, seconds: readonly TrafficSecond[]): Attention[] {
  const found: Attention[] = [];
  const add = (level: Attention['level'], key: string, title: string, text: string): void => {
    found.push({ level, key, title, text });
  };
  meter(status, seconds, add);
  for (const { code, level, title, evidence, todo } of status.mirror.findings) {
    const found = `${evidence.charAt(0).toUpperCase()}${evidence.slice(1)}.`;
    add(level === 'error' ? 'bad' : 'warn', `mirror-${code}`, title, `${found} ${todo}`);
  }
  for (const uplink of status.uplinks) {
    const health = uplinkHealth(uplink);
    if (health === 'good') continue;
    const what = uplink.kind === 'mqtt' ? 'messages wait in the outbox' : 'records wait in the spool';
    const waits = uplink.backlogRecords === 0 ? '' : ` ${count(uplink.backlogRecords)} ${what}.`;
    const state = { connecting: 'is connecting', waiting: 'is down', refused: 'refuses us', stopped: 'is stopped', up: '' };
    add(
      health,
      `uplink-${uplink.name}`,
      `Uplink ${uplink.name} ${state[uplink.state]}`,
      `${uplink.reason === '' ? 'The box does not say why.' : uplink.reason}${waits}`,
    );
  }
  for (const store of status.stores) {
    if (store.state === 'stopped') add('bad', `store-${store.name}`, `The ${store.name} is stopped`, store.reason);
    if (store.state === 'repaired') add('warn', `store-${store.name}`, `The ${store.name} was repaired`, store.reason);
  }
  if (status.restartNeededFor.length > 0) {
    const text = `Changed, but not in force before a restart: ${status.restartNeededFor.join(', ')}.`;
    add('warn', 'restart', 'Settings wait for a restart', text);
  }
  host(status, add);
  const account = accountOf(status.ledger);
  if (!account.balanced) {
    const text =
      'Counters of the meter contradict each other. Figures may be wrong: save the raw JSON under Debug and report it.';
    add('bad', 'ledger', 'The ledger does not balance', text);
  }
  drops(seconds, add);
  return found.sort((a, b) => Number(a.level === 'warn') - Number(b.level === 'warn'));
}

/** Of the last ten minutes: what was lost last week is no alarm today, and the ledger still tells it. */
function drops(seconds: readonly TrafficSecond[], add: Add): void {
  let dropped = 0;
  let received = 0;
  for (const second of seconds) {
    dropped += second.droppedPackets;
    received += second.packets;
  }
  if (dropped <= (dropped + received) * dropsShown) return;
  const text =
    `${count(dropped)} packets (${percent(dropped, dropped + received)}) were lost before the meter in the last ten minutes. ` +
    'Raise meter.ringBytes, or sample.';
  add('warn', 'drops', 'Packets are being dropped', text);
}

type Add = (level: Attention['level'], key: string, title: string, text: string) => void;

function meter(
  { meter: { state, reason, source, interfaces, sampling, cachedFlows, cacheCapacityFlows }, mirror }: BoxStatus,
  seconds: readonly TrafficSecond[],
  add: Add,
): void {
  if (state === 'failed') add('bad', 'meter', 'The meter has failed', reason);
  else if (state === 'waiting') add('bad', 'meter', 'The meter is waiting', reason);
  else if (state === 'stopped' && source !== 'none') add('warn', 'meter', 'The meter is stopped', reason);
  for (const { name, up } of interfaces) {
    if (!up && state === 'metering') add('bad', `link-${name}`, `${name} has no link`, 'Check the cable and the switch port.');
  }
  if (sampling.adaptive && sampling.factor * sampling.kernelInterval > 1) {
    add('warn', 'sampling', 'The box samples to keep up', `It does so because ${sampling.why}. Figures are estimates meanwhile.`);
  }
  if (cachedFlows > cacheCapacityFlows * cacheFullPart) {
    const text =
      'While it is full, short flows share records; no packet is lost. A larger meter.cacheFlows keeps them, 255 octets each.';
    add('warn', 'cache', 'The flow cache is almost full', text);
  }
  const silentS = silentForS(seconds);
  // Once the box itself has judged so, its words are there already.
  const judged = mirror.findings.some(({ code }) => code === 'nothingSeen');
  if (state === 'metering' && silentS >= silentAfterS && !judged) {
    const text = 'The link is up but nothing arrives. Is the mirror session enabled, and does it mirror the right port?';
    add('bad', 'silent', `No traffic for ${duration(silentS * 1_000)}`, text);
  }
}

function host({ host: box, nowMs }: BoxStatus, add: Add): void {
  for (const complaint of box.complaints ?? []) add('warn', `complaint-${complaint}`, 'The board complains', complaint);
  if (box.diskTotalOctets > 0 && box.diskFreeOctets < box.diskTotalOctets * diskLowPart) {
    const text = `${bytes(box.diskFreeOctets)} of ${bytes(box.diskTotalOctets)} are free. Remove what is not needed, or lower history.bytesMax.`;
    add(
      box.diskFreeOctets === 0 ? 'bad' : 'warn',
      'disk',
      box.diskFreeOctets === 0 ? 'The disk is full' : 'The disk is almost full',
      text,
    );
  }
  if (box.memoryTotalOctets > 0 && box.memoryAvailableOctets < box.memoryTotalOctets * memoryLowPart) {
    add('warn', 'memory', 'Memory is almost used up', 'Lower meter.cacheFlows or meter.ringBytes, or stop other programs.');
  }
  if (box.temperatureC !== null && box.temperatureC >= hotC) {
    add(
      'warn',
      'heat',
      `The box is hot: ${Math.round(box.temperatureC)} °C`,
      'The processor slows down from here on. Give it air.',
    );
  }
  if (box.clockSynchronised === false) {
    const zone = nowMs < 1_700_000_000_000 ? 'It has never learned the time. ' : '';
    add('warn', 'clock', 'The clock is not synchronised', `${zone}Times of records may be off. Can the box reach an NTP server?`);
  }
}

/**
 * What is wrong with the box, judged from what it says about itself. Pure: a fact is bad, good, or between the threshold
 * that raises and the lower one that clears; how long it must be so before anybody hears of it, `alert_book.ts` sees to.
 * The texts are for whoever is woken by them.
 */
import type { AlertSettings } from '../../config/schema.ts';
import type { AlertCode, AlertSeverity } from '../../flow/alert_shapes.ts';
import { type BoxStatus, type StoreStatus, type UplinkStatus, wornOctetsPerDay } from '../../flow/status_shapes.ts';
import { updateVerdicts } from './update_rules.ts';

export interface Verdict {
  readonly code: AlertCode;
  /** What it is about where there are several; empty for the box. */
  readonly subject: string;
  readonly severity: AlertSeverity;
  /** `between`: neither; what stood stands. */
  readonly is: 'bad' | 'good' | 'between';
  /** Bad, or good, without a break for so long before it counts. */
  readonly raiseAfterMs: number;
  readonly clearAfterMs: number;
  readonly title: string;
  readonly text: string;
  readonly runbook: string;
}

/** Packets before the meter over the last minutes. */
export interface RecentDrops {
  readonly received: number;
  readonly dropped: number;
}

export interface MissedTarget {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly runbook: string;
  readonly met: boolean;
}

export interface AlertFacts {
  readonly status: Omit<BoxStatus, 'alerts' | 'figures'>;
  readonly drops: RecentDrops;
  readonly targets: readonly MissedTarget[];
}

const minuteMs = 60_000;
const quickMs = 30_000;

/** Bad beyond one threshold, good on the other side of the second. */
function beyond(value: number, bad: number, good: number): Verdict['is'] {
  const isHighBad = bad >= good;
  if (isHighBad ? value >= bad : value <= bad) return 'bad';
  return (isHighBad ? value < good : value > good) ? 'good' : 'between';
}
const whether = (isBad: boolean): Verdict['is'] => (isBad ? 'bad' : 'good');

export function judge(facts: AlertFacts, settings: AlertSettings): Verdict[] {
  const { status } = facts;
  return [
    ...meterVerdicts(status),
    ...trafficVerdicts(facts, settings),
    samplingVerdict(status.meter.sampling),
    ...status.uplinks.flatMap((uplink) => uplinkVerdicts(uplink, settings)),
    ...status.stores.flatMap((store) => storeVerdicts(store, settings)),
    ...hostVerdicts(status, settings),
    ...updateVerdicts(status),
    ...facts.targets.map(targetVerdict),
  ];
}

type Status = AlertFacts['status'];

function meterVerdicts({ meter, ledger }: Status): Verdict[] {
  const isMeant = meter.source !== 'none';
  const steady = { raiseAfterMs: quickMs, clearAfterMs: quickMs } as const;
  return [
    {
      ...steady,
      code: 'meterDown',
      subject: '',
      severity: 'page',
      is: whether(isMeant && meter.state !== 'metering'),
      title: 'Nothing is metered',
      text: `The meter is ${meter.state}: ${meter.reason || 'it does not say why'}.`,
      runbook:
        'Run flowspan doctor: it checks port, rights and capture. Then look at the log. Traffic of this time is missing, and marked as a gap.',
    },
    ...meter.interfaces.map(
      ({ name, up, present }): Verdict => ({
        ...steady,
        code: 'linkDown',
        subject: name,
        severity: 'page',
        is: whether(meter.source === 'interface' && !(up && present)),
        title: `${name} has no link`,
        text: present ? `The mirror port ${name} is there, but has no link.` : `The mirror port ${name} is gone.`,
        runbook: 'Check the cable at both ends, then the switch port: enabled, and still the target of the mirror session.',
      }),
    ),
    {
      code: 'ledgerUnbalanced',
      subject: '',
      severity: 'ticket',
      is: whether(!ledger.balanced),
      raiseAfterMs: minuteMs,
      clearAfterMs: 10 * minuteMs,
      title: 'The ledger does not balance',
      text: 'Counters of the meter contradict each other, so figures may be wrong.',
      runbook: 'Save the raw JSON from Debug and report it: this is a defect of the program. Metering goes on.',
    },
  ];
}

function trafficVerdicts({ status, drops }: AlertFacts, settings: AlertSettings): Verdict[] {
  const { mirror, meter } = status;
  const share = drops.received + drops.dropped === 0 ? 0 : drops.dropped / (drops.received + drops.dropped);
  const limit = settings.dropsPerMillionMax / 1e6;
  const silent = mirror.findings.some(({ code }) => code === 'nothingSeen');
  return [
    {
      code: 'noTraffic',
      subject: '',
      severity: 'page',
      is: whether(silent && meter.state === 'metering'),
      // The finding itself comes after two minutes of silence.
      raiseAfterMs: Math.max(0, settings.noTrafficAfterS * 1_000 - 2 * minuteMs),
      clearAfterMs: minuteMs,
      title: 'No traffic arrives',
      text: `The meter works, but nothing has come for ${Math.round(settings.noTrafficAfterS / 60)} min or more.`,
      runbook:
        'Is the mirrored line in use? Then look at the switch: is the mirror session enabled, and does it still lead to this port? Somebody may have changed or removed it.',
    },
    ...mirror.findings
      .filter(({ code }) => code !== 'nothingSeen')
      .map(
        ({ code, title, evidence, todo, level }): Verdict => ({
          code: 'mirror',
          subject: code,
          severity: level === 'error' ? 'page' : 'ticket',
          is: 'bad', // with its own hysteresis: while it stands it is listed
          raiseAfterMs: 0,
          clearAfterMs: minuteMs,
          title,
          text: `${evidence.charAt(0).toUpperCase()}${evidence.slice(1)}.`,
          runbook: todo,
        }),
      ),
    {
      code: 'drops',
      subject: '',
      severity: 'ticket',
      is: beyond(share, limit, limit / 2),
      raiseAfterMs: minuteMs,
      clearAfterMs: 5 * minuteMs,
      title: 'Packets are lost before the meter',
      text: `${drops.dropped} of ${drops.received + drops.dropped} packets (${(share * 100).toFixed(2)} %) in the last five minutes.`,
      runbook:
        'More comes than this box takes: raise meter.ringBytes, add meter.threads, or turn meter.sampling.adaptive on. If the port itself drops (Debug), mirror less.',
    },
  ];
}

/** Minutes of pressure are what adaptive sampling is for; when it does not end the box is too small for its port. */
function samplingVerdict({ adaptive, factor, kernelInterval, why }: Status['meter']['sampling']): Verdict {
  const kernel =
    kernelInterval === 1 ? '' : `, and the kernel passes on one packet in ${kernelInterval}, also of pools that are to be exact`;
  return {
    code: 'sampledUnderPressure',
    subject: '',
    severity: 'ticket',
    is: whether(adaptive && (factor > 1 || kernelInterval > 1)),
    raiseAfterMs: 15 * minuteMs,
    clearAfterMs: 5 * minuteMs,
    title: 'The box samples, because it cannot keep up',
    text: `Intervals are ${factor} times those of the settings${kernel}: ${why}. Figures are estimates meanwhile.`,
    runbook:
      'Add meter.threads where the box has cores to spare, mirror less, or set a rate for what matters least under meter.sampling.pools, so that the rest stays exact.',
  };
}

function uplinkVerdicts(uplink: UplinkStatus, settings: AlertSettings): Verdict[] {
  const { name, state, reason, address, backlogRecords, backlogAgeMs, kind } = uplink;
  const waits = backlogRecords === 0 ? '' : ` ${backlogRecords} ${kind === 'mqtt' ? 'messages' : 'records'} wait on this box.`;
  const ageS = backlogAgeMs / 1_000;
  return [
    {
      code: 'uplinkDown',
      subject: name,
      severity: 'page',
      is: whether(state !== 'up'),
      raiseAfterMs: settings.uplinkDownAfterS * 1_000,
      clearAfterMs: minuteMs,
      title: `Uplink ${name} ${state === 'refused' ? 'refuses us' : 'is down'}`,
      text: `${reason.includes(address) ? reason : `${address}: ${reason || 'no connection'}`}.${waits}`,
      runbook:
        'Nothing is lost while the spool has room. Is the branch’s WAN up? Does the collector run and listen? flowspan doctor tries each uplink and says what answers.',
    },
    {
      code: 'backlogOld',
      subject: name,
      severity: 'ticket',
      is: beyond(ageS, settings.backlogAgeMaxS, settings.backlogAgeMaxS / 2),
      raiseAfterMs: minuteMs,
      clearAfterMs: minuteMs,
      title: `Records for ${name} wait long`,
      text: `The oldest has waited ${Math.round(ageS / 60)} min; ${backlogRecords} wait.`,
      runbook:
        'If the uplink is down, see there. If it is up, it is slower than what is metered: choose a leaner profile, sample, or widen the line.',
    },
  ];
}

function storeVerdicts({ name, state, reason, octetsOnDisk, octetsMax }: StoreStatus, settings: AlertSettings): Verdict[] {
  const stopped: Verdict = {
    code: 'storeStopped',
    subject: name,
    severity: 'page',
    is: whether(state === 'stopped'),
    raiseAfterMs: quickMs,
    clearAfterMs: minuteMs,
    title: `The ${name} is stopped`,
    text: `${reason || 'It does not say why'}.`,
    runbook:
      'Is the disk full, read-only or failing? Look at dmesg and df. The store opens again by itself once it can; metering and export go on meanwhile.',
  };
  if (name === 'history') return [stopped]; // full is how it should be: the oldest goes
  const part = octetsMax === 0 ? 0 : octetsOnDisk / octetsMax;
  const limit = settings.budgetPercentMax / 100;
  return [
    stopped,
    {
      code: 'backlogFilling',
      subject: name,
      severity: part >= 0.9 ? 'page' : 'ticket',
      is: beyond(part, limit, limit * 0.8),
      raiseAfterMs: minuteMs,
      clearAfterMs: 5 * minuteMs,
      title: `The ${name} is ${Math.floor(part * 100)} % full`,
      text: `What waits takes ${Math.floor(part * 100)} % of its budget; when it is full the oldest is given up, and counted.`,
      runbook: `Bring the uplink back. If that takes longer, raise ${name === 'spool' ? 'spool.diskBytesMax' : 'mqtt.outboxBytesMax'} while there is disk.`,
    },
  ];
}

function hostVerdicts({ host }: Status, settings: AlertSettings): Verdict[] {
  const free = host.diskTotalOctets === 0 ? 1 : host.diskFreeOctets / host.diskTotalOctets;
  const least = settings.diskFreePercentMin / 100;
  const memory = host.memoryTotalOctets === 0 ? 1 : host.memoryAvailableOctets / host.memoryTotalOctets;
  const leastMemory = settings.memoryFreePercentMin / 100;
  const percent = (part: number): string => `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
  const complaints = host.complaints ?? [];
  const box = { subject: '', severity: 'ticket', raiseAfterMs: minuteMs, clearAfterMs: 5 * minuteMs } as const;
  const written = wornOctetsPerDay(host);
  return [
    {
      ...box,
      code: 'diskLow',
      is: beyond(free, least, Math.min(least * 1.2, (least + 1) / 2)), // no disk is freer than empty
      title: 'The disk is filling up',
      text: `${percent(free)} are free.`,
      runbook: 'Remove what is not flowspan’s, or lower history.bytesMax and spool.diskBytesMax: together they must fit.',
    },
    {
      ...box,
      code: 'diskFull',
      severity: 'page',
      is: beyond(free, least / 3, least / 2),
      title: 'The disk is almost full',
      text: `${percent(free)} are free. Stores stop before the last octet, export goes on from memory.`,
      runbook: 'Make room now: du -x / | sort -n | tail. Then lower history.bytesMax or spool.diskBytesMax.',
    },
    {
      ...box,
      code: 'wear',
      is: beyond(written, settings.writtenBytesPerDayMax, settings.writtenBytesPerDayMax * 0.8),
      clearAfterMs: 60 * minuteMs,
      title: 'The card wears fast',
      text: `${(written / 1e9).toFixed(1)} GB were written in the last 24 hours, ${host.wearBy === 'disk' ? 'by the disk’s own count' : 'by this program alone'}.`,
      runbook:
        'An uplink that is down makes the spool write: see there. Otherwise lower history.topK, or raise spool.persistAfterS and the history’s tiers.',
    },
    {
      ...box,
      code: 'clockUnsynchronised',
      is: whether(host.clockSynchronised === false),
      raiseAfterMs: settings.clockUnsynchronisedAfterS * 1_000,
      clearAfterMs: minuteMs,
      title: 'The clock is not synchronised',
      text: 'Times of records may be off; records sent so are marked as uncertain.',
      runbook:
        'Does a time service run (timedatectl), and does it reach its server (UDP 123)? Give it one inside the branch if the WAN blocks it.',
    },
    {
      ...box,
      code: 'hot',
      is: host.temperatureC === null ? 'good' : beyond(host.temperatureC, settings.temperatureMaxC, settings.temperatureMaxC - 6),
      title: 'The box is hot',
      text: `The processor is at ${host.temperatureC ?? '–'} °C, and slows itself down.`,
      runbook: 'Give it air: off other devices, out of the sun, dust off. A heat sink or fan if it stays.',
    },
    {
      ...box,
      code: 'boardComplains',
      is: whether(complaints.length > 0),
      title: 'The board complains',
      text: `${complaints.join('; ')}.`,
      runbook: 'Low voltage: use the board’s own power supply and a short cable. Throttled: see to cooling.',
    },
    {
      ...box,
      code: 'memoryLow',
      is: beyond(memory, leastMemory, leastMemory * 1.5),
      title: 'Memory is almost used up',
      text: `${percent(memory)} are available.`,
      runbook: 'Stop what is not flowspan’s; or lower meter.cacheFlows, meter.ringBytes and history.recentFlowsBytesMax.',
    },
  ];
}

const targetVerdict = ({ name, title, text, runbook, met }: MissedTarget): Verdict => ({
  code: 'targetMissed',
  subject: name,
  severity: 'ticket',
  is: whether(!met),
  raiseAfterMs: 10 * minuteMs,
  clearAfterMs: 10 * minuteMs,
  title,
  text,
  runbook,
});

/**
 * Gathers what `doctor_checks.ts` judges: looks at interfaces twice a second apart, at disk and clock, and tries each uplink
 * once. Changes nothing but a file of its own in the data folder, which it removes. An edge.
 */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Settings } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { MirrorStatus } from '../flow/mirror_findings.ts';
import type { SamplingStatus } from '../flow/status_shapes.ts';
import type { CacheFacts } from './cache_checks.ts';
import { machineEvidence } from './clock_state.ts';
import { clockVerdict, type KernelClock } from './clock_trust.ts';
import type { DiskFacts, DoctorFacts } from './doctor_checks.ts';
import { hostFiles, readText } from './host_files.ts';
import { throttledFile } from './host_health.ts';
import type { InterfaceFacts } from './interface_facts.ts';
import { type InterfaceQuestions, listInterfaces, readInterface } from './interfaces.ts';
import { hasCapability, parseThrottled } from './proc_text.ts';
import { voltageComplaints } from './supply_voltage.ts';
import { probeUplink, uplinkTargets } from './uplink_probe.ts';

export interface DoctorQuestion {
  readonly settings: Settings;
  readonly clock: Clock;
  /** Whether the service runs, by whatever the caller knows (its page answers, its store is locked). */
  readonly running: boolean;
  /** What the running service has recognised from the traffic; null when nobody could be asked. */
  readonly mirror?: MirrorStatus | null;
  readonly sampling?: SamplingStatus | null;
  readonly cache?: CacheFacts | null;
  /** What the addon can ask about ports. */
  readonly ports?: InterfaceQuestions;
  /** Whether the npm package pcap can be loaded, where the caller can try. */
  readonly pcapBuilt?: () => boolean;
  /** What the kernel thinks of its clock, where the addon can ask. */
  readonly kernelClock?: () => KernelClock | null;
}

const lookMs = 1_000;
/** linux/capability.h */
const CAP_NET_RAW = 13;

export async function gatherDoctorFacts(question: DoctorQuestion): Promise<DoctorFacts> {
  const { settings, clock, running } = question;
  const { meter } = settings;
  const names = meter.source === 'interface' ? meter.interfaces : [];
  const look = (): Promise<InterfaceFacts[]> => Promise.all(names.map((name) => readInterface(name, question.ports)));
  const before = await look();
  const [uplinks] = await Promise.all([
    Promise.all(uplinkTargets(settings).map((target) => probeUplink(target, clock))),
    clock.sleep(lookMs),
  ]);
  const interfaces = await look();
  const grown = (counter: 'receivedPackets' | 'sentPackets'): Record<string, number> =>
    Object.fromEntries(interfaces.map((port, i) => [port.name, port[counter] - before[i]![counter]]));
  const wallMs = clock.wallMs();
  return {
    source: meter.source,
    interfaces,
    receivedWhileLooking: grown('receivedPackets'),
    sentWhileLooking: grown('sentPackets'),
    others: (await listInterfaces()).filter((name) => !names.includes(name)),
    running,
    mirror: question.mirror ?? null,
    sampling: question.sampling ?? null,
    cache: question.cache ?? null,
    wantsPromiscuous: meter.promiscuous,
    managesOffloads: meter.manageOffloads,
    wantsEarlyDrop: meter.earlyDrop,
    // Loaded only where it is wanted: a box on the ring has no use for it.
    pcap: meter.captureBy === 'libpcap' ? { built: question.pcapBuilt?.() ?? null } : null,
    canCapture: hasCapability((await readText('/proc/self/status')) ?? '', CAP_NET_RAW) ?? null,
    clock: { ...clockVerdict({ ...(await machineEvidence(question.kernelClock)), wallMs, stepped: false }), wallMs },
    disk: await diskFacts(settings),
    uplinks,
    complaints: parseThrottled((await readText(throttledFile)) ?? '') ?? (await voltageComplaints(hostFiles)) ?? [],
  };
}

async function diskFacts(settings: Settings): Promise<DiskFacts> {
  const { dataFolder, spool, history, mqtt } = settings;
  const writable = await canWrite(dataFolder);
  const room = await hostFiles.room(dataFolder);
  const archives = await archivesOn(dataFolder, settings);
  return {
    folder: dataFolder,
    writable,
    totalOctets: room?.totalOctets ?? 0,
    freeOctets: room?.freeOctets ?? 0,
    budgetOctets: spool.diskBytesMax + (history.enabled ? history.bytesMax : 0) + mqtt.outboxBytesMax + archives.budgetOctets,
    usedOctets: (await folderOctets(dataFolder)) + archives.usedOctets,
  };
}

/** What destinations that write files may take, and take already, of the disk that this folder is on. */
async function archivesOn(folder: string, settings: Settings): Promise<Pick<DiskFacts, 'budgetOctets' | 'usedOctets'>> {
  const sum = { budgetOctets: 0, usedOctets: 0 };
  const device = await deviceOf(folder);
  for (const { transport, files } of settings.export.destinations) {
    if (transport !== 'file' || (await deviceOf(files.folder)) !== device) continue;
    // The finished ones, and the one that is being written.
    sum.budgetOctets += files.bytesMax + files.rotateBytes;
    const isWithin = !relative(resolve(folder), resolve(files.folder)).startsWith('..');
    if (!isWithin) sum.usedOctets += await folderOctets(files.folder);
  }
  return sum;
}

/** Of the folder, or of what it will be made in. */
async function deviceOf(folder: string): Promise<number | undefined> {
  try {
    return (await stat(folder)).dev;
  } catch {
    // Not there yet, or not to be seen: its parent is on the same disk.
    const parent = dirname(resolve(folder));
    return parent === resolve(folder) ? undefined : deviceOf(parent);
  }
}

async function canWrite(folder: string): Promise<boolean> {
  const trial = join(folder, `.doctor-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(trial, 'written by doctor to see whether it can\n');
    await rm(trial);
    return true;
  } catch {
    // Whatever the reason, the stores would not get further either; the check says what to look at.
    return false;
  }
}

async function folderOctets(folder: string): Promise<number> {
  let octets = 0;
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) octets += (await stat(join(entry.parentPath, entry.name))).size;
    }
  } catch {
    // A running service deletes files between the list and the look; what was counted so far is good enough.
  }
  return octets;
}

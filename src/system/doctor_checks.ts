/**
 * What is right and wrong with a box, from facts, in words for a technician: what was found and what to do. Pure;
 * `doctor_facts.ts` gathers. A check that cannot be made says so instead of passing.
 */
import type { MirrorStatus } from '../flow/mirror_findings.ts';
import type { SamplingStatus } from '../flow/status_shapes.ts';
import { type CacheFacts, cacheChecks } from './cache_checks.ts';
import type { ClockVerdict } from './clock_trust.ts';
import { type DoctorCheck, fail, ok, warn } from './doctor_check.ts';
import type { InterfaceFacts } from './interface_facts.ts';
import { mirrorChecks } from './mirror_checks.ts';
import { portChecks } from './port_checks.ts';
import { samplingChecks } from './sampling_checks.ts';

export type { DoctorCheck } from './doctor_check.ts';

export interface UplinkFacts {
  readonly name: string;
  readonly kind: 'ipfix' | 'netflow' | 'mqtt';
  readonly address: string;
  readonly transport: 'udp' | 'tcp' | 'tls' | 'file';
  /** Addresses that the name stands for; none when it could not be resolved. */
  readonly resolved: readonly string[];
  /** Undefined over UDP, where only sending shows anything. */
  readonly connects: boolean | undefined;
  /** Why not, in words; empty when it does. */
  readonly reason: string;
}

export interface DiskFacts {
  readonly folder: string;
  readonly writable: boolean;
  readonly totalOctets: number;
  readonly freeOctets: number;
  /** What the settings allow stores to take in all. */
  readonly budgetOctets: number;
  /** What they take already. */
  readonly usedOctets: number;
}

export interface DoctorFacts {
  /** Where packets come from, as set. */
  readonly source: 'interface' | 'capture' | 'demo' | 'none';
  readonly interfaces: readonly InterfaceFacts[];
  /** Packets received in the second of looking, by interface; undefined where it was not looked at. */
  readonly receivedWhileLooking: Readonly<Record<string, number>>;
  /** Packets sent meanwhile, likewise. */
  readonly sentWhileLooking: Readonly<Record<string, number>>;
  /** Names of other interfaces, to choose from. */
  readonly others: readonly string[];
  /** The service is running: it then has the ports in promiscuous mode. */
  readonly running: boolean;
  /** What the running service has recognised from the traffic; null when it could not be asked. */
  readonly mirror: MirrorStatus | null;
  /** Its sampling; null likewise. */
  readonly sampling: SamplingStatus | null;
  /** Its flow cache; null likewise. */
  readonly cache: CacheFacts | null;
  readonly wantsPromiscuous: boolean;
  readonly managesOffloads: boolean;
  readonly wantsEarlyDrop: boolean;
  /** Null unless ports are read with the npm package pcap; `built` is null where nobody could try. */
  readonly pcap: { readonly built: boolean | null } | null;
  /** Null where the system does not tell. */
  readonly canCapture: boolean | null;
  readonly clock: ClockVerdict & { readonly wallMs: number };
  readonly disk: DiskFacts;
  readonly uplinks: readonly UplinkFacts[];
  readonly complaints: readonly string[];
}

/** All checks, in the order in which a technician would look. */
export function doctorChecks(facts: DoctorFacts): DoctorCheck[] {
  return [
    ...sourceChecks(facts),
    ...pcapChecks(facts),
    ...facts.interfaces.flatMap((port) => portChecks(port, facts)),
    ...mirrorChecks(facts),
    ...samplingChecks(facts.sampling),
    ...cacheChecks(facts.cache),
    clockCheck(facts),
    ...diskChecks(facts.disk),
    ...boardChecks(facts.complaints),
    ...uplinkChecks(facts.uplinks),
  ];
}

/** The worst of them decides the exit code. */
export function worstVerdict(checks: readonly DoctorCheck[]): DoctorCheck['verdict'] {
  if (checks.some(({ verdict }) => verdict === 'fail')) return 'fail';
  return checks.some(({ verdict }) => verdict === 'warn') ? 'warn' : 'ok';
}

function sourceChecks({ source, interfaces, canCapture, others }: DoctorFacts): DoctorCheck[] {
  const choose = others.length === 0 ? '' : ` (this box has ${others.join(', ')})`;
  if (source !== 'interface') {
    return [
      warn(
        'source',
        `packets come from: ${source}`,
        `to meter a mirror port, set meter.source to interface and name it${choose}`,
      ),
    ];
  }
  if (interfaces.length === 0)
    return [fail('source', 'no interface is set', `name the mirror port in meter.interfaces${choose}`)];
  if (canCapture === true) return [ok('capture', 'this user may capture')];
  if (canCapture === null)
    return [warn('capture', 'it cannot be told whether this user may capture', 'start the service and look at its log')];
  return [
    fail(
      'capture',
      'this user may not capture: CAP_NET_RAW is missing',
      'run as root, or grant it: setcap cap_net_raw,cap_net_admin+ep on the Node binary, or AmbientCapabilities= in the unit',
    ),
  ];
}

function pcapChecks({ source, pcap }: DoctorFacts): DoctorCheck[] {
  if (source !== 'interface' || pcap === null) return [];
  const check = 'capture package';
  if (pcap.built === false) {
    return [
      fail(
        check,
        'meter.captureBy is libpcap, but the npm package pcap is not built',
        'sh scripts/build-native -DFLOWSPAN_PCAP_PACKAGE=ON, or set meter.captureBy to ring',
      ),
    ];
  }
  return [
    warn(
      check,
      'ports are read with the npm package pcap: one thread, and packets are lost while the program is busy',
      'set meter.captureBy to ring wherever the kernel has TPACKET_V3 (Linux 3.2 and later)',
    ),
  ];
}

function clockCheck({ clock }: DoctorFacts): DoctorCheck {
  const { synchronised, basis, wallMs } = clock;
  const wallText = new Date(wallMs).toISOString();
  if (synchronised === true) return ok('clock', `${wallText} (${basis})`);
  const todo =
    'check that a time service runs (timedatectl; chronyc tracking; ntpq -p) and reaches its server; ' +
    'records are marked as uncertain until the time is known';
  if (basis === 'implausible') return fail('clock', `${wallText} cannot be right`, todo);
  if (synchronised === false) return warn('clock', `${wallText}, not synchronised yet (${basis})`, todo);
  return warn(
    'clock',
    `${wallText}; nothing on this box tells whether it is synchronised`,
    'with chrony: chronyc tracking; with ntpd: ntpq -p',
  );
}

/** Below this share of free space flash cards wear unevenly and file systems slow down. */
const freeShareMin = 0.05;

function diskChecks(disk: DiskFacts): DoctorCheck[] {
  if (!disk.writable) {
    return [
      fail(
        'disk',
        `${disk.folder} cannot be written`,
        'check its owner, and whether the file system is mounted read-only (a failing card)',
      ),
    ];
  }
  const free = `${mebibytes(disk.freeOctets)} free of ${mebibytes(disk.totalOctets)} at ${disk.folder}`;
  if (disk.freeOctets < disk.totalOctets * freeShareMin) {
    return [
      fail(
        'disk',
        free,
        'make room, or lower spool.diskBytesMax, history.bytesMax, mqtt.outboxBytesMax and files.bytesMax of destinations',
      ),
    ];
  }
  const stillWanted = Math.max(0, disk.budgetOctets - disk.usedOctets);
  if (stillWanted > disk.freeOctets) {
    const todo =
      'an outage would fill the disk before the budget ends it: lower spool.diskBytesMax, history.bytesMax, mqtt.outboxBytesMax or files.bytesMax of destinations';
    return [warn('disk', `${free}; the settings allow ${mebibytes(stillWanted)} more`, todo)];
  }
  return [ok('disk', free)];
}

const boardChecks = (complaints: readonly string[]): DoctorCheck[] =>
  complaints.map((complaint) => warn('board', complaint, 'check power supply and cooling'));

function uplinkChecks(uplinks: readonly UplinkFacts[]): DoctorCheck[] {
  if (uplinks.length === 0) {
    return [warn('uplinks', 'none is set: records stay on this box', 'add export.destinations or mqtt.brokers')];
  }
  return uplinks.map((uplink) => {
    const check = `uplink ${uplink.name}`;
    if (uplink.transport === 'file') {
      return uplink.connects === true
        ? ok(check, `files can be written to ${uplink.address}`)
        : fail(check, uplink.reason, 'change the owner of the folder, or files.folder of this destination');
    }
    if (uplink.resolved.length === 0) {
      return fail(
        check,
        `${uplink.address}: the name is not known (${uplink.reason})`,
        'check the name, and the DNS server of this box',
      );
    }
    if (uplink.connects === undefined) {
      return ok(check, `${uplink.address} is ${uplink.resolved.join(', ')}; whether anybody listens does not show over UDP`);
    }
    if (uplink.connects) return ok(check, `${uplink.address} accepts connections`);
    return fail(
      check,
      `${uplink.address}: ${uplink.reason}`,
      'check address and port, firewalls on the way, and that the other side runs',
    );
  });
}

function mebibytes(octets: number): string {
  const mib = octets / 1_048_576;
  return mib >= 10_240 ? `${(mib / 1_024).toFixed(0)} GiB` : `${mib.toFixed(0)} MiB`;
}

/** What the box says about itself in each scenario. For the page's tests and for looking at the page; not shipped. */
import type { Alert } from '../../src/flow/alert_shapes.ts';
import { type Figure, type FigureName, figureFacts, figureNames } from '../../src/flow/figure_shapes.ts';
import type { Ledger, LedgerTerm } from '../../src/flow/ledger.ts';
import type { MirrorStatus } from '../../src/flow/mirror_findings.ts';
import type { BoxEvent, BoxStatus, SelectorStatus, StoreStatus, UplinkStatus } from '../../src/flow/status_shapes.ts';
import { noUpdates, type UpdateStatus } from '../../src/flow/update_shapes.ts';
import { VERSION } from '../../src/flow/version.ts';
import { type Scenario, startedNow } from './fake_feed.ts';
import { fakeThreads } from './fake_threads.ts';

const bootMs = (scenario: Scenario): number =>
  scenario === 'just-on'
    ? Date.now() - 40_000
    : startedNow - (scenario === 'first-start' ? 9 * 60_000 : (scenario === 'year' ? 365 : 6) * 86_400_000 + 4_123_000);

function ledger(scenario: Scenario, nowMs: number): Ledger {
  const quiet = scenario === 'no-data' ? 190_000 : 0;
  const seconds = Math.floor((Math.max(startedNow - quiet, quiet > 0 ? 0 : nowMs) - bootMs(scenario)) / 1_000);
  const term = (packets: number, octetsEach: number | null): LedgerTerm => ({
    packets,
    octets: octetsEach === null ? null : packets * octetsEach,
  });
  const received = seconds * 5_400;
  const undecodable = Math.floor(seconds / 700);
  const decoded = received - undecodable;
  const duplicates = Math.floor(decoded * 0.021);
  const metered = decoded - duplicates;
  const cached = 18_400;
  const handedOver = metered - cached - (scenario === 'ledger-fault' ? 127 : 0);
  return {
    received: term(received, 640),
    droppedByNic: term(0, null),
    droppedByKernel: term(Math.floor(seconds / 45), null),
    sampledByKernel: term(0, null),
    filtered: term(0, null),
    undecodable: term(undecodable, 640),
    decoded: term(decoded, 640),
    duplicates: term(duplicates, 640),
    sampledOut: term(0, 640),
    metered: term(metered, 640),
    handedOver: { ...term(handedOver, 640), records: Math.floor(handedOver / 41) },
    cached: term(cached, 640),
    annotations: {
      encrypted: Math.floor(seconds * 3.1),
      laterFragmentWithoutFirst: Math.floor(seconds / 90),
      truncatedTransportHeader: Math.floor(seconds / 4_000),
      badIpTotalLength: 12,
    },
    balanced: scenario !== 'ledger-fault',
  };
}

function uplinks(scenario: Scenario, nowMs: number): UplinkStatus[] {
  if (scenario === 'first-start') return [];
  const down = scenario === 'uplink-down';
  const lostMs = startedNow - 2_540_000;
  const nothing = { reason: '', backlogRecords: 0, backlogOctets: 0, backlogAgeMs: 0, droppedRecords: 0, retryAtMs: 0 };
  const up = { ...nothing, catchUp: null, latencyP50Ms: 15_420, latencyP99Ms: 30_840 };
  return [
    {
      name: 'central',
      kind: 'ipfix',
      address: 'tcp://192.0.2.9:4739',
      state: 'up',
      sinceMs: bootMs(scenario) + 2_100,
      sentRecords: 8_812_340,
      acknowledgedRecords: 8_812_340 - 212,
      proof: 'the next hop’s kernel has it',
      ...up,
      backlogRecords: 212,
      backlogOctets: 81_408,
      backlogAgeMs: 900,
      ...(scenario === 'catching-up' ? catchingUp : {}),
    },
    {
      name: 'noc-archive',
      kind: 'ipfix',
      address: 'tls://flows.noc.example.net:4740',
      state: down ? 'waiting' : 'up',
      sinceMs: down ? lostMs : startedNow - 86_400_000,
      sentRecords: 2_201_877,
      acknowledgedRecords: 2_201_800,
      proof: 'the next hop’s kernel has it',
      ...up,
      ...(down
        ? {
            reason: 'The connection timed out: nothing answers at flows.noc.example.net port 4740.',
            backlogRecords: 184_220 + Math.floor((nowMs - startedNow) / 14),
            backlogOctets: 71_845_800,
            backlogAgeMs: nowMs - lostMs,
            retryAtMs: nowMs + 30_000 - (nowMs % 30_000),
          }
        : {}),
    },
    {
      name: 'broker',
      kind: 'mqtt',
      address: 'mqtts://mqtt.example.net:8883',
      state: down ? 'refused' : 'up',
      sinceMs: down ? lostMs + 60_000 : startedNow - 500_000_000,
      sentRecords: 9_211,
      acknowledgedRecords: 9_211,
      proof: 'the broker acknowledged (PUBACK)',
      ...up,
      latencyP50Ms: null,
      latencyP99Ms: null,
      ...(down
        ? {
            reason: 'The broker refuses the user name or password. Check mqtt.brokers.username and passwordFile.',
            backlogRecords: 88,
            backlogOctets: 402_112,
            backlogAgeMs: nowMs - lostMs,
            retryAtMs: nowMs + 55_000,
          }
        : {}),
    },
  ];
}

/** An hour after a night without the collector. */
const behind = { state: 'sending', observationDomainId: 2_147_483_649, recordsLeft: 1_204_000, recordsDone: 2_396_000 } as const;
const catchingUp = {
  catchUp: {
    ...{ ...behind, recordsPerSecond: 640, remainingMs: 1_881_000, bitsPerSecondMax: 1_400_000, uplinkBitsPerSecond: 2_800_000 },
  },
  ...{ backlogRecords: 1_204_212, backlogOctets: 462_417_408, backlogAgeMs: 40_000_000 },
};

function stores(scenario: Scenario): StoreStatus[] {
  const full = scenario === 'disk-full';
  const MB = 1_048_576;
  return [
    {
      name: 'history',
      state: full ? 'stopped' : 'open',
      reason: full ? 'The disk is full. Export goes on; the history opens again by itself once there is room.' : '',
      octetsOnDisk: 187 * MB,
      octetsMax: 512 * MB,
    },
    {
      name: 'spool',
      state: scenario === 'uplink-down' ? 'repaired' : 'open',
      reason: scenario === 'uplink-down' ? 'It was damaged by a power cut and repaired; nothing was lost.' : '',
      octetsOnDisk: scenario === 'uplink-down' ? 69 * MB : 0,
      octetsMax: 2_048 * MB,
    },
    { name: 'outbox', state: 'open', reason: '', octetsOnDisk: scenario === 'uplink-down' ? MB : 0, octetsMax: 64 * MB },
  ];
}

function events(scenario: Scenario): BoxEvent[] {
  const at = (agoS: number, level: BoxEvent['level'], event: string, text: string): BoxEvent => ({
    atMs: startedNow - agoS * 1_000,
    level,
    event,
    text,
  });
  if (scenario === 'first-start') return [at(539, 'info', 'meterStarted', 'Metering eth1.')];
  if (scenario === 'year') {
    return Array.from({ length: 200 }, (_, n) =>
      at(
        (200 - n) * 157_680,
        n % 9 === 0 ? 'warn' : 'info',
        'uplinkUp',
        `central was reached again after ${(n % 50) + 2} s (${n}).`,
      ),
    );
  }
  const list = [
    at(522_000, 'info', 'meterStarted', 'Metering eth1.'),
    at(521_990, 'info', 'uplinkUp', 'central is connected.'),
    at(86_400, 'warn', 'uplinkLost', 'noc-archive: the collector closed the connection.'),
    at(86_391, 'info', 'uplinkUp', 'noc-archive is connected again; 3,112 records caught up.'),
    at(40_100, 'warn', 'gapMarked', 'Not metered from 03:12 to 04:06: the interface was down.'),
    at(312, 'warn', 'interfaceDown', 'eth1 lost its link.'),
    at(290, 'info', 'interfaceUp', 'eth1 has its link again.'),
  ];
  if (scenario === 'uplink-down') {
    list.push(at(2_540, 'error', 'uplinkLost', 'noc-archive: the connection timed out. Records wait in the spool.'));
    list.push(at(2_480, 'error', 'uplinkRefused', 'broker: the user name or password is refused.'));
  }
  if (scenario === 'disk-full') list.push(at(620, 'error', 'historyStopped', 'The history stopped: the disk is full.'));
  return list.sort((a, b) => a.atMs - b.atMs);
}

function mirror(scenario: Scenario): MirrorStatus {
  const oneWay = scenario === 'one-way-mirror';
  return {
    windowS: 300,
    packets: 1_620_000,
    tcpConversations: 5_310,
    tcpOneWay: oneWay ? 5_122 : 3,
    tcpSeenOctets: 812_400_000,
    tcpUnseenOctets: 120_000,
    tcpUnseenOctetsMax: 480_000,
    findings: oneWay
      ? [
          {
            code: 'oneWayMirror',
            level: 'error',
            title: 'The mirror shows one direction only',
            evidence:
              '5,122 of 5,310 TCP conversations in the last 5 min were seen in one direction only, although their acknowledgements prove that the other side answered',
            figures: { oneWayConversations: 5_122, conversations: 5_310 },
            sinceMs: startedNow - 720_000,
            todo: 'On the switch, set the monitor session to both directions (receive and transmit) for every source port.',
          },
        ]
      : [],
  };
}

function alerts(scenario: Scenario, nowMs: number): Alert[] {
  if (scenario !== 'uplink-down') return [];
  const common = { clearedMs: 0, times: 1, acknowledgedBy: '', acknowledgedMs: 0, mutedUntilMs: 0, mutedBy: '' };
  return [
    {
      ...common,
      id: 'uplinkDown.noc-archive',
      code: 'uplinkDown',
      severity: 'page',
      state: 'raised',
      title: 'Uplink noc-archive is down',
      text: 'tcp://192.0.2.9:4739: the connection timed out. 1204881 records wait on this box.',
      runbook: 'Nothing is lost while the spool has room. Is the branch’s WAN up? Does the collector run and listen?',
      raisedMs: nowMs - 840_000,
    },
    {
      ...common,
      id: 'boardComplains',
      code: 'boardComplains',
      severity: 'ticket',
      state: 'raised',
      title: 'The board complains',
      text: 'The supply voltage is too low.',
      runbook: 'Use the board’s own power supply and a short cable.',
      raisedMs: nowMs - 7_200_000,
      acknowledgedBy: 'olaf',
      acknowledgedMs: nowMs - 3_600_000,
    },
    {
      ...common,
      id: 'hot',
      code: 'hot',
      severity: 'ticket',
      state: 'cleared',
      title: 'The box is hot',
      text: 'The processor is at 81 °C, and slows itself down.',
      runbook: 'Give it air.',
      raisedMs: nowMs - 9_000_000,
      clearedMs: nowMs - 5_400_000,
      times: 3,
    },
  ];
}

function figures(scenario: Scenario): Figure[] {
  const usual: Record<FigureName, [value: number | null, target: number | null]> = {
    exportSuccessPercent: [scenario === 'uplink-down' ? 97.2 : 100, 99.9],
    decodeErrorsPpm: [12, 1_000],
    latencyP50Ms: [15_420, 20_000],
    latencyP99Ms: [31_900, 60_000],
    smallFlowRecallPercent: [100, 90],
    topTalkersPercent: [scenario === 'first-start' ? null : 66.7, 20],
    completenessPercent: [93.4, 80],
    alertsPerEntity: [0.2, 2],
    cpuPercent: [7.4, 80],
    memoryPercent: [18, 90],
    temperatureC: [48.3, 75],
    throttledPercent: [0, 1],
    queueRecords: [scenario === 'uplink-down' ? 1_204_881 : 0, null],
    queueOctets: [0, null],
    queueS: [scenario === 'uplink-down' ? 840 : 0, 300],
    queuePercent: [2, 50],
    storageGrowthOctets: [12_400_000, null],
    daysToFull: [820, 30],
    writtenOctets: [41_943_040, 2_147_483_648],
  };
  return figureNames.map((name) => {
    const [value, target] = usual[name];
    const met = value === null || target === null ? null : figureFacts[name].good === 'above' ? value >= target : value <= target;
    const hours = Array.from({ length: 24 }, (_, at) => (value === null || at === 5 ? null : value * (0.9 + 0.1 * Math.sin(at))));
    return { name, value, target, met, metPercentLastDay: met === null ? null : met ? 100 : 91.6, hours };
  });
}

export function fakeStatus(scenario: Scenario, nowMs: number): BoxStatus {
  const GB = 1_073_741_824;
  const first = scenario === 'first-start';
  const book = ledger(scenario, nowMs);
  return {
    version: VERSION,
    site: first ? 'site' : 'lisbon-02',
    node: first ? 'flowspan' : 'fs-lis-02a',
    nowMs,
    startedMs: bootMs(scenario),
    meter: {
      source: 'interface',
      state: 'metering',
      reason: '',
      code: null,
      interfaces: [
        {
          name: 'eth1',
          index: 3,
          present: true,
          up: true,
          mtu: 1_500,
          speedMbps: 1_000,
          receivedPackets: book.received.packets,
          droppedByKernelPackets: book.droppedByKernel.packets,
          droppedByNicPackets: 0,
          sampledByKernelPackets: 0,
          earlyDrop: 'off',
        },
      ],
      cachedFlows: 1_912 + Math.round(60 * Math.sin(nowMs / 9_000)),
      cacheCapacityFlows: 262_144,
      blocksFilled: 1,
      blocksCapacity: 64,
      sampling: {
        ...{
          kind: 'none',
          interval: 1,
          kernelInterval: 1,
          selectorId: 0,
          adaptive: false,
          factor: 1,
          sinceMs: bootMs(scenario),
          why: '',
        },
        selectors: samplingSelectors(book.metered.packets),
      },
      duplicatesSeenPackets: book.duplicates.packets,
      ...fakeThreads(book, 1_912, first ? 1 : 2),
    },
    ledger: book,
    mirror: mirror(scenario),
    uplinks: uplinks(scenario, nowMs),
    stores: stores(scenario),
    dataPlane: { healthy: true, parts: [] },
    host: {
      model: 'Raspberry Pi Compute Module 4 Rev 1.1',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.12.34-v8',
      uptimeS: Math.floor((nowMs - bootMs(scenario)) / 1_000) + 41,
      cpuPercent: 14 + 4 * Math.sin(nowMs / 7_000),
      cpuCores: 4,
      load1: 0.42,
      memoryTotalOctets: 3.7 * GB,
      memoryAvailableOctets: 2.9 * GB,
      processOctets: 212_000_000,
      temperatureC: 51.2 + Math.sin(nowMs / 20_000),
      diskTotalOctets: 29 * GB,
      diskFreeOctets: scenario === 'disk-full' ? 0 : 21.4 * GB,
      writtenOctetsPerDay: 96_000_000,
      diskWrittenOctetsPerDay: 143_000_000,
      wearBy: 'disk',
      clockSynchronised: scenario !== 'uplink-down',
      complaints:
        scenario === 'uplink-down'
          ? ['The supply voltage was too low since the last start: use the board’s own power supply.']
          : [],
    },
    events: events(scenario),
    restartNeededFor: [],
    places: scenario === 'year' ? ['country', 'as'] : [],
    ports: first
      ? null
      : {
          overMs: 6 * 86_400_000,
          portPackets: 2_818_430_112,
          portOctets: 2_412_000_000_000,
          receivedPackets: 2_818_401_003,
          receivedOctets: 2_411_985_000_000,
          leftOutPackets: 0,
          droppedPackets: 28_411,
        },
    enrichment: {
      completePercent: first ? null : 94.6,
      lackingPercent: {
        locality: 0,
        application: 4.1,
        label: first ? null : 1.3,
        country: scenario === 'year' ? 0.4 : null,
        name: 18.6,
      },
    },
    line: first
      ? { kbitsPerSecond: 0, costPerMonth: 0, costPerGigabyte: 0, currency: 'EUR' }
      : { kbitsPerSecond: 200_000, costPerMonth: 420, costPerGigabyte: 0, currency: 'EUR' },
    updates: updates(scenario, nowMs),
    alerts: alerts(scenario, nowMs),
    figures: figures(scenario),
    labelKinds: first ? [] : scenario === 'year' ? ['site', 'tenant', 'service', 'costCentre'] : ['site', 'costCentre'],
    notConfigured: first
      ? [
          'Flow records: no collector is set, so none are exported. Add one under export.destinations.',
          'Summaries: no MQTT broker is set. Add one under mqtt.brokers.',
          'Site: this box does not know its branch. Set site, and siteNetworks for upload and download.',
        ]
      : [],
  };
}

/** A box of the image between two versions; the first start has none, as on a laptop. */
function updates(scenario: Scenario, nowMs: number): UpdateStatus {
  if (scenario === 'first-start') return noUpdates;
  const sha256 = 'c0ffee'.padEnd(64, '0');
  return {
    state: 'waiting',
    reason: '0.2.0 waits: the window is 01:00 to 05:00 (Europe/Lisbon), sat, sun',
    slots: [
      { name: 'A', isRunning: true, version: VERSION, state: 'good' },
      { name: 'B', isRunning: false, version: '0.0.9', state: 'good' },
    ],
    offered: { version: '0.2.0', octets: 148_312_064, doneOctets: 0, source: 'folder', sha256 },
    isFetching: true,
    checkedMs: nowMs - 5_400_000,
    checkFault: '',
    nextCheckMs: nowMs + 16_000_000,
    past: [
      {
        ...{ atMs: nowMs - 6 * 86_400_000, outcome: 'wentBack', version: '0.1.1', slot: 'B', source: 'folder', sha256 },
        reason: 'it did not meter for 120 s within 900 s: capture: not metering: eth1 is missing',
      },
      { atMs: nowMs - 40 * 86_400_000, outcome: 'good', version: VERSION, slot: 'A', source: 'page', sha256, reason: '' },
    ],
  };
}

/** Pools of calls and guests beside all other packets. */
function samplingSelectors(packets: number): SelectorStatus[] {
  const one = (selectorId: number, pool: string, counted: number): SelectorStatus => ({
    ...{ selectorId, pool, kind: 'none', interval: 1, kernelInterval: 1, inForce: true, within95Packets: 0 },
    ...{ observedPackets: counted, selectedPackets: counted, estimatedPackets: counted },
  });
  const [calls, guests] = [Math.floor(packets / 20), Math.floor(packets / 50)];
  const taken = Math.floor(guests / 16.4);
  return [
    one(1, 'calls', calls),
    {
      ...one(2, 'guests', guests),
      ...{ kind: 'flowHash', interval: 16, selectedPackets: taken, estimatedPackets: 16 * taken, within95Packets: null },
    },
    one(0, '', packets - calls - taken),
  ];
}

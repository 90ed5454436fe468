/** A small branch office, as its box would describe it: the examples of `config/mqtt-payloads.md` and of the tests. Pure. */
import type { Alert } from '../../flow/alert_shapes.ts';
import type { Figure } from '../../flow/figure_shapes.ts';
import { emptyVolume, type HistoryWindow, type Volume } from '../../flow/history_shapes.ts';
import type { LedgerTerm } from '../../flow/ledger.ts';
import { type ThreadCounter, type ThreadFigures, threadCounters } from '../../flow/meter_threads.ts';
import type { BoxStatus } from '../../flow/status_shapes.ts';
import { alertPayload, eventPayload, healthPayload, statePayload, summaryPayload } from './payloads.ts';
import type { Topic } from './topics.ts';

export const exampleIdentity = { site: 'branch-17', node: 'box-1' };
const minuteMs = 1_767_264_060_000;

const volume = (outOctets: number, inOctets: number, outPackets: number, inPackets: number, flows: number): Volume => ({
  outOctets,
  inOctets,
  outPackets,
  inPackets,
  flows,
});
const term = (packets: number, octets: number | null): LedgerTerm => ({ packets, octets });

export const exampleWindow: HistoryWindow = {
  tier: '1m',
  startMs: minuteMs,
  partial: false,
  dimensions: [
    {
      dimension: 'total',
      top: [{ key: '', ...volume(9_125_000, 60_870_000, 31_200, 48_900, 412) }],
      other: emptyVolume(),
      distinctKeys: 1,
    },
    {
      dimension: 'host',
      top: [
        { key: '10.20.0.15', ...volume(7_400_000, 41_000_000, 22_000, 33_000, 120) },
        { key: '203.0.113.80', ...volume(41_000_000, 7_400_000, 33_000, 22_000, 96) },
      ],
      other: volume(21_595_000, 21_595_000, 25_100, 25_100, 608),
      distinctKeys: 57,
    },
    {
      dimension: 'conversation',
      top: [{ key: '10.20.0.15 203.0.113.80', ...volume(7_400_000, 41_000_000, 22_000, 33_000, 96) }],
      other: volume(1_725_000, 19_870_000, 9_200, 15_900, 316),
      distinctKeys: 131,
    },
    {
      dimension: 'application',
      top: [{ key: 'tcp/443', ...volume(8_600_000, 59_100_000, 28_400, 46_000, 301) }],
      other: volume(525_000, 1_770_000, 2_800, 2_900, 111),
      distinctKeys: 14,
    },
    {
      dimension: 'siteLabel',
      top: [{ key: 'Zurich', ...volume(9_125_000, 60_870_000, 31_200, 48_900, 412) }],
      other: emptyVolume(),
      distinctKeys: 1,
    },
  ],
};

export const exampleAlert: Alert = {
  id: 'uplinkDown.central',
  code: 'uplinkDown',
  severity: 'page',
  state: 'raised',
  title: 'Uplink central is down',
  text: 'tcp://192.0.2.9:4739: nothing listens on that port. 812 records wait on this box.',
  runbook:
    'Nothing is lost while the spool has room. Is the branch’s WAN up? Does the collector run and listen? flowspan doctor tries each uplink and says what answers.',
  raisedMs: minuteMs + 60_000,
  clearedMs: 0,
  times: 1,
  acknowledgedBy: '',
  acknowledgedMs: 0,
  mutedUntilMs: 0,
  mutedBy: '',
};

/** Two of them: the others look alike. */
export const exampleFigures: readonly Figure[] = [
  {
    name: 'exportSuccessPercent',
    value: 100,
    target: 99.9,
    met: true,
    metPercentLastDay: 100,
    hours: Array.from({ length: 24 }, () => 100),
  },
  {
    name: 'latencyP99Ms',
    value: 71_230,
    target: 60_000,
    met: false,
    metPercentLastDay: 96.4,
    hours: Array.from({ length: 24 }, (_, at) => (at < 23 ? 16_400 : 58_210)),
  },
];

/** Not told over MQTT. */
const exampleThread: ThreadFigures = {
  ...(Object.fromEntries(threadCounters.map((name) => [name, 0])) as Record<ThreadCounter, number>),
  receivedPackets: 118_000_412,
  meteredPackets: 118_000_412,
  cachedFlows: 812,
  cacheCapacityFlows: 65_536,
  blocksCapacity: 64,
  ringFilledPercent: 0,
  packetsPerSecond: 1_204,
  cpuPercent: 2.1,
};

export const exampleStatus: BoxStatus = {
  version: '0.1.0',
  ...exampleIdentity,
  nowMs: minuteMs + 60_000,
  startedMs: minuteMs - 86_400_000,
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
        receivedPackets: 118_000_412,
        droppedByKernelPackets: 0,
        droppedByNicPackets: 0,
        sampledByKernelPackets: 0,
        earlyDrop: 'off',
      },
    ],
    cachedFlows: 812,
    cacheCapacityFlows: 65_536,
    blocksFilled: 0,
    blocksCapacity: 64,
    sampling: {
      kind: 'none',
      interval: 1,
      kernelInterval: 1,
      selectorId: 0,
      adaptive: false,
      factor: 1,
      sinceMs: minuteMs - 86_400_000,
      why: '',
      selectors: [
        {
          selectorId: 0,
          pool: '',
          kind: 'none',
          interval: 1,
          kernelInterval: 1,
          inForce: true,
          observedPackets: 118_000_412,
          selectedPackets: 118_000_412,
          estimatedPackets: 118_000_412,
          within95Packets: 0,
        },
      ],
    },
    duplicatesSeenPackets: 0,
    threads: [{ thread: 0, ...exampleThread }],
    allThreads: exampleThread,
  },
  ledger: {
    received: term(118_000_412, 96_120_000_000),
    droppedByNic: term(0, null),
    droppedByKernel: term(0, null),
    sampledByKernel: term(0, null),
    filtered: term(0, null),
    undecodable: term(0, 0),
    decoded: term(118_000_412, 96_120_000_000),
    duplicates: term(0, 0),
    sampledOut: term(0, 0),
    metered: term(118_000_412, 96_120_000_000),
    handedOver: { ...term(117_984_101, 96_101_500_000), records: 1_204_911 },
    cached: term(16_311, 18_500_000),
    annotations: {},
    balanced: true,
  },
  mirror: {
    windowS: 300,
    packets: 402_118,
    tcpConversations: 96,
    tcpOneWay: 61,
    tcpSeenOctets: 41_220_310,
    tcpUnseenOctets: 0,
    tcpUnseenOctetsMax: 0,
    findings: [
      {
        code: 'oneWayMirror',
        level: 'error',
        title: 'The mirror shows one direction only',
        evidence:
          '61 of 96 TCP conversations in the last 5 min were seen in one direction only, although their acknowledgements prove that the other side answered',
        figures: { oneWayConversations: 61, conversations: 96 },
        sinceMs: minuteMs - 600_000,
        todo: 'On the switch, set the monitor session to both directions (receive and transmit) for every source port; where the way back takes another link (asymmetric routing), mirror that link too.',
      },
    ],
  },
  uplinks: [
    {
      name: 'central',
      kind: 'ipfix',
      address: 'tcp://192.0.2.9:4739',
      state: 'waiting',
      sinceMs: minuteMs,
      reason: 'tcp://192.0.2.9:4739: nothing listens on that port',
      backlogRecords: 812,
      backlogOctets: 311_808,
      backlogAgeMs: 58_000,
      catchUp: {
        state: 'waiting',
        observationDomainId: 2_147_483_649,
        recordsLeft: 406,
        recordsDone: 0,
        recordsPerSecond: 0,
        remainingMs: null,
        bitsPerSecondMax: 4_100_000,
        uplinkBitsPerSecond: 8_200_000,
      },
      sentRecords: 1_204_099,
      acknowledgedRecords: 1_204_099,
      droppedRecords: 0,
      latencyP50Ms: 15_420,
      latencyP99Ms: 30_840,
      proof: 'the collector’s kernel has taken the octets over',
      retryAtMs: minuteMs + 71_000,
    },
  ],
  stores: [{ name: 'spool', state: 'open', reason: '', octetsOnDisk: 311_808, octetsMax: 2_147_483_648 }],
  dataPlane: { healthy: true, parts: [] },
  host: {
    model: 'Raspberry Pi 4 Model B Rev 1.5',
    os: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.6.51+rpt-rpi-v8',
    uptimeS: 86_520,
    cpuPercent: 7.4,
    cpuCores: 4,
    load1: 0.31,
    memoryTotalOctets: 4_025_049_088,
    memoryAvailableOctets: 3_388_997_632,
    processOctets: 171_966_464,
    temperatureC: 48.3,
    diskTotalOctets: 30_966_259_712,
    diskFreeOctets: 24_102_232_064,
    writtenOctetsPerDay: 41_943_040,
    diskWrittenOctetsPerDay: 79_691_776,
    wearBy: 'disk',
    clockSynchronised: true,
  },
  events: [],
  alerts: [exampleAlert],
  figures: exampleFigures,
  notConfigured: [],
  restartNeededFor: [],
  labelKinds: ['site'],
  places: [],
  ports: null,
  enrichment: { completePercent: 96.2, lackingPercent: { locality: 0, application: 3.1, label: 0.9, country: null, name: 21.4 } },
  line: { kbitsPerSecond: 0, costPerMonth: 0, costPerGigabyte: 0, currency: 'EUR' },
  updates: {
    state: 'waiting',
    reason: '0.2.0 waits: the window is 01:00 to 05:00 (Europe/Lisbon)',
    slots: [
      { name: 'A', isRunning: true, version: '0.1.0', state: 'good' },
      { name: 'B', isRunning: false, version: '0.0.9', state: 'good' },
    ],
    offered: {
      version: '0.2.0',
      octets: 148_312_064,
      doneOctets: 0,
      source: 'folder',
      sha256: '6f0a2f6d2a9a8e0e3c5d0d3fb1b1c7b0c1ab2f3e4d5c6b7a8990a1b2c3d4e5f6',
    },
    isFetching: true,
    checkedMs: minuteMs - 600_000,
    checkFault: '',
    nextCheckMs: minuteMs + 21_000_000,
    past: [
      {
        atMs: minuteMs - 86_400_000 * 20,
        outcome: 'good',
        version: '0.1.0',
        slot: 'A',
        source: 'folder',
        sha256: '0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9fa',
        reason: '',
      },
    ],
  },
};

export const examples: Readonly<Record<Topic, object>> = {
  state: statePayload(exampleIdentity, 'connected', '0.1.0', minuteMs),
  health: healthPayload(exampleStatus),
  summary1m: summaryPayload(exampleWindow, exampleIdentity, 10),
  summary1h: summaryPayload({ ...exampleWindow, tier: '1h', startMs: minuteMs - 60_000 }, exampleIdentity, 1),
  alert: alertPayload(exampleIdentity, exampleAlert),
  event: eventPayload(exampleIdentity, {
    atMs: minuteMs,
    level: 'warn',
    event: 'uplinkLost',
    text: 'tcp://192.0.2.9:4739: nothing listens on that port',
  }),
};

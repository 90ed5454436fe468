import { describe, expect, test } from 'vitest';
import type { SamplingStatus } from '../../src/flow/status_shapes.ts';
import { type DoctorFacts, doctorChecks, type UplinkFacts, worstVerdict } from '../../src/system/doctor_checks.ts';
import type { InterfaceFacts } from '../../src/system/interface_facts.ts';

const port: InterfaceFacts = {
  name: 'eth1',
  exists: true,
  enabled: true,
  carrier: true,
  operstate: 'up',
  speedMbps: 1_000,
  fullDuplex: true,
  mtu: 1_500,
  promiscuous: true,
  mac: 'd8:3a:dd:01:02:03',
  addresses: [],
  receivedPackets: 1_000,
  receivedOctets: 500_000,
  sentPackets: 0,
  droppedByNicPackets: 0,
  mergingOffloads: [],
  answersArp: false,
  hasIpv6: false,
  master: null,
  earlyDrop: false,
};
const collector: UplinkFacts = {
  name: 'central',
  kind: 'ipfix',
  address: 'tcp://192.0.2.9:4739',
  transport: 'tcp',
  resolved: ['192.0.2.9'],
  connects: true,
  reason: '',
};
const everyPacket: SamplingStatus = {
  ...{ kind: 'none', interval: 1, kernelInterval: 1, selectorId: 0, adaptive: true, factor: 1, sinceMs: 0, why: '' },
  selectors: [],
};
const sound: DoctorFacts = {
  source: 'interface',
  interfaces: [port],
  receivedWhileLooking: { eth1: 120 },
  sentWhileLooking: { eth1: 0 },
  others: ['eth0'],
  running: true,
  mirror: {
    windowS: 300,
    packets: 9_000,
    tcpConversations: 60,
    tcpOneWay: 0,
    tcpSeenOctets: 4e6,
    tcpUnseenOctets: 0,
    tcpUnseenOctetsMax: 0,
    findings: [],
  },
  sampling: everyPacket,
  cache: { cachedFlows: 900, cacheCapacityFlows: 65_536, allThreads: { flowsAggregated: 0, flowsEndedForResources: 0 } },
  wantsPromiscuous: true,
  managesOffloads: true,
  wantsEarlyDrop: false,
  pcap: null,
  canCapture: true,
  clock: { synchronised: true, basis: 'timesyncd', wallMs: 1_767_264_060_000 },
  disk: { folder: 'var', writable: true, totalOctets: 32e9, freeOctets: 20e9, budgetOctets: 3e9, usedOctets: 1e9 },
  uplinks: [collector],
  complaints: [],
};
const withPort = (changes: Partial<InterfaceFacts>, facts: Partial<DoctorFacts> = {}): DoctorFacts => ({
  ...sound,
  ...facts,
  interfaces: [{ ...port, ...changes }],
});

describe('doctor', () => {
  test('a sound box passes every check, and each says what was found', () => {
    const checks = doctorChecks(sound);
    expect(checks.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      'capture ok',
      'port eth1 link ok',
      'port eth1 traffic ok',
      'port eth1 promiscuous ok',
      'port eth1 offloads ok',
      'port eth1 address ok',
      'port eth1 sending ok',
      'port eth1 quiet ok',
      'mirror ok',
      'sampling ok',
      'flow cache ok',
      'clock ok',
      'disk ok',
      'uplink central ok',
    ]);
    expect(checks.every(({ found }) => found !== '')).toBe(true);
    expect(worstVerdict(checks)).toBe('ok');
  });

  const cases: [string, DoctorFacts, string, 'ok' | 'warn' | 'fail', RegExp][] = [
    ['the demo runs', { ...sound, source: 'demo', interfaces: [] }, 'source', 'warn', /this box has eth0/],
    ['no right to capture', { ...sound, canCapture: false }, 'capture', 'fail', /setcap cap_net_raw/],
    ['a port that is not there', withPort({ exists: false }), 'port eth1', 'fail', /check meter\.interfaces\. This box has eth0/],
    ['a port that is off', withPort({ enabled: false }), 'port eth1 link', 'fail', /ip link set eth1 up/],
    ['no cable', withPort({ carrier: false }), 'port eth1 link', 'fail', /check the cable/],
    [
      'a rate that was set',
      { ...sound, sampling: { ...everyPacket, kind: 'flowHash', interval: 8 } },
      'sampling',
      'ok',
      /flows 1 in 8/,
    ],
    [
      'a box that samples by itself',
      {
        ...sound,
        sampling: { ...everyPacket, kind: 'random', interval: 8, factor: 8, kernelInterval: 2, why: 'the ring is full' },
      },
      'sampling',
      'warn',
      /8 times .* one packet in 2 on, whatever its pool: the ring is full/,
    ],
    [
      'a flow cache that fills',
      { ...sound, cache: { ...sound.cache!, cachedFlows: 60_000 } },
      'flow cache',
      'warn',
      /60000 flows of 65536: when it is full, .*raise meter\.cacheFlows/,
    ],
    [
      'a flow cache that was full',
      { ...sound, cache: { ...sound.cache!, allThreads: { flowsAggregated: 12, flowsEndedForResources: 3 } } },
      'flow cache',
      'warn',
      /12 short flows share records and 3 long ones were cut early; all their packets.*25 times/,
    ],
    ['half duplex', withPort({ fullDuplex: false }), 'port eth1 link', 'warn', /half duplex/],
    [
      'a mirror that is silent',
      { ...sound, receivedWhileLooking: { eth1: 0 } },
      'port eth1 traffic',
      'warn',
      /switch mirrors to this port/,
    ],
    ['a port that loses', withPort({ droppedByNicPackets: 9 }), 'port eth1 traffic', 'warn', /9 of 1009/],
    ['not promiscuous while metering', withPort({ promiscuous: false }), 'port eth1 promiscuous', 'fail', /log of the service/],
    [
      'not promiscuous by setting',
      withPort({ promiscuous: false }, { wantsPromiscuous: false }),
      'port eth1 promiscuous',
      'warn',
      /set meter\.promiscuous/,
    ],
    ['not promiscuous yet', withPort({ promiscuous: false }, { running: false }), 'port eth1 promiscuous', 'ok', /turns it on/],
    [
      'merging offloads while metering',
      withPort({ mergingOffloads: ['GRO'] }),
      'port eth1 offloads',
      'warn',
      /GRO on.*ethtool -K eth1/,
    ],
    [
      'offloads nobody can read or set',
      withPort({ mergingOffloads: null }, { managesOffloads: false }),
      'port eth1 offloads',
      'warn',
      /ethtool -K/,
    ],
    [
      'reading through a package that is not built',
      { ...sound, pcap: { built: false } },
      'capture package',
      'fail',
      /FLOWSPAN_PCAP_PACKAGE=ON/,
    ],
    ['reading through the package', { ...sound, pcap: { built: true } }, 'capture package', 'warn', /captureBy to ring/],
    [
      'a mirror port with an address',
      withPort({ addresses: ['10.0.0.5/24', 'fe80::1/64'] }),
      'port eth1 address',
      'warn',
      /has 10\.0\.0\.5\/24 /,
    ],
    [
      'a mirror port that the kernel gave an address',
      withPort({ addresses: ['fe80::1/64'] }),
      'port eth1 address',
      'warn',
      /sysctl -w net\.ipv6\.conf\.eth1\.disable_ipv6=1/,
    ],
    [
      'a mirror port that sends',
      withPort({ sentPackets: 40 }, { sentWhileLooking: { eth1: 3 } }),
      'port eth1 sending',
      'warn',
      /3 packets sent while looking, 40 since.*only listens/,
    ],
    [
      'a mirror port that has sent before',
      withPort({ sentPackets: 40 }),
      'port eth1 sending',
      'ok',
      /nothing was sent while looking; 40 packets since/,
    ],
    [
      'not promiscuous, and no right to make it so',
      withPort({ promiscuous: false }, { running: false, canCapture: false }),
      'port eth1 promiscuous',
      'fail',
      /ip link set eth1 promisc on/,
    ],
    ['a small MTU', withPort({ mtu: 1_280 }), 'port eth1 mtu', 'warn', /mtu 1500/],
    [
      'a clock in 1970',
      { ...sound, clock: { synchronised: false, basis: 'implausible', wallMs: 5_000 } },
      'clock',
      'fail',
      /1970-01-01T00:00:05/,
    ],
    [
      'a clock nobody vouches for',
      { ...sound, clock: { synchronised: null, basis: 'unknown', wallMs: 1e12 } },
      'clock',
      'warn',
      /chronyc tracking/,
    ],
    ['a read-only disk', { ...sound, disk: { ...sound.disk, writable: false } }, 'disk', 'fail', /mounted read-only/],
    ['a disk that is nearly full', { ...sound, disk: { ...sound.disk, freeOctets: 1e9 } }, 'disk', 'fail', /make room/],
    [
      'a budget larger than the disk',
      { ...sound, disk: { ...sound.disk, budgetOctets: 30e9 } },
      'disk',
      'warn',
      /lower spool\.diskBytesMax/,
    ],
    ['a board that complains', { ...sound, complaints: ['the supply voltage is too low'] }, 'board', 'warn', /voltage/],
    ['no uplink', { ...sound, uplinks: [] }, 'uplinks', 'warn', /stay on this box/],
    [
      'a name that is not known',
      { ...sound, uplinks: [{ ...collector, resolved: [], reason: 'ENOTFOUND' }] },
      'uplink central',
      'fail',
      /DNS/,
    ],
    [
      'a collector that refuses',
      { ...sound, uplinks: [{ ...collector, connects: false, reason: 'nothing listens on that port' }] },
      'uplink central',
      'fail',
      /nothing listens.*firewalls/,
    ],
    [
      'UDP, which shows nothing',
      { ...sound, uplinks: [{ ...collector, transport: 'udp', connects: undefined }] },
      'uplink central',
      'ok',
      /does not show over UDP/,
    ],
  ];
  test.each(cases)('%s', (_, facts, check, verdict, words) => {
    const found = doctorChecks(facts).find((candidate) => candidate.check === check)!;
    expect(found, check).toBeDefined();
    expect(found.verdict).toBe(verdict);
    expect(`${found.found} ${found.todo}`).toMatch(words);
    if (verdict === 'fail') expect(found.todo).not.toBe('');
    if (verdict !== 'ok') expect(worstVerdict(doctorChecks(facts))).toBe(verdict);
  });

  const only = (facts: DoctorFacts, check: string) => doctorChecks(facts).filter((one) => one.check === `port eth1 ${check}`);

  test('a port that could answer what the mirror shows is told, with each thing to turn off', () => {
    const [open] = only(withPort({ answersArp: true, hasIpv6: true, master: 'br0' }), 'quiet');
    expect(open).toMatchObject({ verdict: 'warn' });
    expect(open!.todo).toBe('ip link set eth1 nomaster; ip link set eth1 arp off; sysctl -w net.ipv6.conf.eth1.disable_ipv6=1');
    // Where frames end behind the capture, nothing of this matters.
    expect(only(withPort({ answersArp: true, hasIpv6: true, earlyDrop: true }), 'quiet')[0]).toMatchObject({ verdict: 'ok' });
    expect(only(withPort({ hasIpv6: null }), 'quiet')[0]).toMatchObject({ verdict: 'ok' });
  });

  test.each([
    // on, wanted, running: what is said
    [true, true, true, 'ok'],
    [true, false, true, 'on although meter.earlyDrop is false'],
    [true, true, false, 'on although nothing meters'],
    [false, true, true, 'mirrored frames go on into the kernel’s stack'],
    [false, true, false, undefined],
    [false, false, true, undefined],
    [null, true, true, undefined],
  ] as const)('early drop on: %s, wanted: %s, running: %s', (earlyDrop, wantsEarlyDrop, running, said) => {
    const [check] = only(withPort({ earlyDrop }, { wantsEarlyDrop, running }), 'early drop');
    if (said === undefined || said === 'ok') expect(check?.verdict).toBe(said);
    else expect(check).toMatchObject({ verdict: 'warn', found: expect.stringContaining(said) });
  });

  test('an early drop that an address prevents says which', () => {
    const facts = withPort({ earlyDrop: false, addresses: ['192.0.2.1/24'] }, { wantsEarlyDrop: true });
    expect(only(facts, 'early drop')[0]!.todo).toBe('never on a port with an address (192.0.2.1/24): take it off');
  });
});

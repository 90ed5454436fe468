/** The early drop behind the capture: the kernel's stack sees nothing of the mirror any more, the meter all; and it is put and taken away in time. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ethernet, ipv4, udp } from '../captures/frames.ts';
import { packetsOf, pcapFile } from '../captures/pcap_writer.ts';
import { CaptureFolder } from './metering.ts';
import { networkMissing, VethPair } from './network.ts';
import { RingDriver, type RingFigures, send } from './ring_driver.ts';

const missing = networkMissing();
const folder = new CaptureFolder();
afterAll(() => folder[Symbol.dispose]());

describe.skipIf(missing !== undefined)(`early drop${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let pair: VethPair;
  let capture: string;
  const inside = (...command: string[]): string =>
    execFileSync('ip', ['netns', 'exec', pair.namespace, ...command], { encoding: 'utf8', stdio: 'pipe' });
  /** IP packets that came to the stack of the meter's side. */
  const stackPackets = (): number => {
    const [names, values] = inside('cat', '/proc/net/snmp')
      .split('\n')
      .filter((line) => line.startsWith('Ip:'))
      .map((line) => line.split(' '));
    return Number(values![names!.indexOf('InReceives')]);
  };
  const filters = (): string => inside('tc', 'filter', 'show', 'dev', pair.port, 'ingress').trim();
  const queueing = (): boolean => inside('tc', 'qdisc', 'show', 'dev', pair.port).includes('clsact');
  const open = (meter: RingDriver, earlyDrop = true): Promise<unknown> => meter.ask({ do: 'open', source: { earlyDrop } });
  const words = async (meter: RingDriver): Promise<string> => (await meter.stats()).interfaces[0]!.earlyDrop;

  beforeAll(() => {
    pair = new VethPair();
    const mac = inside('cat', `/sys/class/net/${pair.port}/address`).trim();
    const payload = udp({ sourcePort: 4_000, destinationPort: 53, payload: new Uint8Array(40) });
    const frames = Array.from({ length: 50 }, (_, i) =>
      ethernet({ destination: mac, payload: ipv4({ source: `10.0.0.${i + 1}`, destination: '10.1.0.1', payload }) }),
    );
    capture = folder.write('own.pcap', pcapFile(packetsOf(frames)));
  });
  afterAll(() => pair[Symbol.dispose]());

  it.each([
    [false, 2_000],
    [true, 0],
  ])('%s: of 2000 frames to the box’s own MAC all are metered and %i reach the stack', async (earlyDrop, reaching) => {
    await using meter = new RingDriver(pair);
    await open(meter, earlyDrop);
    expect(await words(meter)).toBe(earlyDrop ? 'on' : 'off');
    const before = stackPackets();
    await send(pair, capture, 2_000, 20_000);
    const seen = await meter.until(({ counts }) => counts.receivedPackets === 2_000);
    expect(seen.counts).toMatchObject({ receivedPackets: 2_000, droppedByKernelPackets: 0, droppedByNicPackets: 0 });
    expect(stackPackets() - before).toBe(reaching);
  });

  it('goes with the meter', async () => {
    const meter = new RingDriver(pair);
    await open(meter);
    expect(filters()).toContain('direct-action');
    await meter[Symbol.asyncDispose]();
    expect([filters(), queueing()]).toEqual(['', false]);
    // Also when the process leaves without closing the meter.
    const leaving = new RingDriver(pair);
    await open(leaving);
    const ended = leaving.exit;
    await leaving.ask({ do: 'exit' }).catch(() => undefined);
    await ended;
    expect([filters(), queueing()]).toEqual(['', false]);
  });

  it.each([true, false])(
    'what a killed process has left is recognised at the next start, which wants it: %s',
    async (earlyDrop) => {
      const killed = new RingDriver(pair);
      await open(killed);
      const ended = killed.exit;
      killed.kill();
      await ended;
      expect(filters()).toContain('direct-action');
      const meter = new RingDriver(pair);
      await open(meter, earlyDrop);
      expect(await words(meter)).toBe(earlyDrop ? 'on' : 'off');
      expect(filters().match(/handle 0xf105/g) ?? []).toHaveLength(earlyDrop ? 1 : 0);
      await meter[Symbol.asyncDispose]();
      expect([filters(), queueing()]).toEqual(['', false]);
    },
  );

  it('is never on a port with an address, also when that comes and goes', async () => {
    pair.address('192.0.2.1/24');
    await using meter = new RingDriver(pair);
    try {
      await open(meter);
      expect(await words(meter)).toBe('skipped: the port has the address 192.0.2.1');
      expect(filters()).toBe('');
      pair.address();
      await meter.until(({ interfaces }) => interfaces[0]!.earlyDrop === 'on');
      expect(filters()).toContain('direct-action');
      pair.address('192.0.2.1/24');
      const again = await meter.until(({ interfaces }) => interfaces[0]!.earlyDrop !== 'on');
      expect(again.interfaces[0]!.earlyDrop).toContain('192.0.2.1');
      expect(filters()).toBe('');
    } finally {
      pair.address();
    }
  });

  it('leaves alone what others have at the hook', async () => {
    inside('tc', 'qdisc', 'add', 'dev', pair.port, 'clsact');
    inside('tc', 'filter', 'add', 'dev', pair.port, 'ingress', 'pref', '7', 'bpf', 'da', 'bytecode', '1,6 0 0 0');
    try {
      const meter = new RingDriver(pair);
      await open(meter);
      expect(await words(meter)).toBe('on');
      await meter[Symbol.asyncDispose]();
      expect(filters()).toContain('pref 7');
      expect(filters()).not.toContain('0xf105');
    } finally {
      inside('tc', 'qdisc', 'del', 'dev', pair.port, 'clsact');
    }
  });

  it('comes again with an interface that was unplugged', async () => {
    await using meter = new RingDriver(pair);
    await open(meter);
    pair.unplug();
    await meter.until(({ sourceError }) => sourceError.startsWith('ENODEV'));
    pair.plug();
    await meter.until(({ sourceError, interfaces }) => sourceError === '' && interfaces[0]!.earlyDrop === 'on');
    expect(filters()).toContain('direct-action');
  });

  describe('when the kernel refuses', () => {
    const fault = folder.write('fault', new Uint8Array());
    const library = folder.write('netlink_fault.so', new Uint8Array());
    /** linux/rtnetlink.h */
    const types = { getAddresses: 22, newFilter: 44, getFilters: 46 } as const;
    const refuse = (type: keyof typeof types | 'nothing'): void =>
      writeFileSync(fault, type === 'nothing' ? '' : `${types[type]}\n`);
    const faulty = (): RingDriver => new RingDriver(pair, ['env', `LD_PRELOAD=${library}`, `FLOWSPAN_NETLINK_FAULT=${fault}`]);
    const wordsLike = (meter: RingDriver, like: RegExp): Promise<RingFigures> =>
      meter.until(({ interfaces }) => like.test(interfaces[0]!.earlyDrop));

    beforeAll(() => {
      const source = fileURLToPath(new URL('netlink_fault.cc', import.meta.url));
      execFileSync('g++', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
    });
    afterEach(() => refuse('nothing'));

    it('the filter, no queueing discipline stays behind', async () => {
      refuse('newFilter');
      await using meter = faulty();
      await open(meter);
      expect(await words(meter)).toMatch(/^skipped: .*buffer space/i);
      expect([filters(), queueing()]).toEqual(['', false]);
      refuse('nothing');
      await wordsLike(meter, /^on$/);
      expect(filters()).toContain('direct-action');
    });

    it('to list addresses, the port is taken for one with an address', async () => {
      await using meter = faulty();
      await open(meter);
      expect(await words(meter)).toBe('on');
      refuse('getAddresses');
      const figures = await wordsLike(meter, /cannot be told/);
      expect(figures.interfaces[0]!.earlyDrop).toMatch(
        /^skipped: whether the port has an address cannot be told: .*buffer space/i,
      );
      expect(filters()).toBe('');
      refuse('nothing');
      await wordsLike(meter, /^on$/);
      expect(filters()).toContain('direct-action');
    });

    it('to list filters, it says that ours stays on a port that has got an address, and takes it off later', async () => {
      await using meter = faulty();
      await open(meter);
      refuse('getFilters');
      pair.address('192.0.2.1/24');
      try {
        const figures = await wordsLike(meter, /cannot be taken off/);
        expect(figures.interfaces[0]!.earlyDrop).toMatch(/^should go, but cannot be taken off: .*buffer space/i);
        refuse('nothing');
        await wordsLike(meter, /192\.0\.2\.1/);
        expect([filters(), queueing()]).toEqual(['', false]);
      } finally {
        pair.address();
      }
    });
  });

  it('is skipped, and says so, without the right to', async () => {
    expect(spawnSync('setpriv', ['--version']).status).toBe(0);
    await using meter = new RingDriver(pair, ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin']);
    await open(meter);
    expect(await words(meter)).toBe('skipped: needs the capability CAP_NET_ADMIN');
    expect(filters()).toBe('');
  });
});

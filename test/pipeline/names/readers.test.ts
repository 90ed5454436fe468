/** What messages teach, and that no octets of whatever kind make a reader fail, loop or believe. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/random.ts';
import { clientHello } from '../../../src/meter/demo/tls_messages.ts';
import { serverNameOf } from '../../../src/pipeline/names/client_hello.ts';
import { DhcpLeases } from '../../../src/pipeline/names/dhcp_leases.ts';
import { parseDhcpMessage } from '../../../src/pipeline/names/dhcp_message.ts';
import { parseDnsMessage } from '../../../src/pipeline/names/dns_message.ts';
import { hostName } from '../../../src/pipeline/names/host_name.ts';
import { isOneHost, learnedFromDns, learnedFromMdns, reverseAddress } from '../../../src/pipeline/names/learned.ts';
import { a, aaaa, atQuestion, dhcp, dns, labels, type Message, pointer, textOption, types } from './messages.ts';

const random = new SeededRandom(20);
const fromDns = (message: Message) => learnedFromDns(parseDnsMessage(dns(message))!);
const fromMdns = (message: Message) => learnedFromMdns(parseDnsMessage(dns({ flags: 0x8400, ...message }))!);

describe('names', () => {
  it.each([
    ['Printer-2.Example.', 'printer-2.example'],
    ['_dmarc.example', '_dmarc.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a'.repeat(63), 'a'.repeat(63)],
    ['12', '12'],
  ])('%s is one', (text, name) => expect(hostName(text)).toBe(name));

  it.each([
    ['', 'empty'],
    ['.', 'empty'],
    ['a..b', 'an empty label'],
    ['-a.example', 'a label that begins with a hyphen'],
    ['a-.example', 'or ends with one'],
    ['<b>x</b>', 'HTML'],
    ['a b', 'a space'],
    ['a\nb', 'a line end'],
    ['bücher.example', 'other letters'],
    ['a'.repeat(64), 'a long label'],
    [`${'a.'.repeat(126)}aa`, 'a long name'],
    ['192.0.2.1', 'an address'],
    ['192.0.2.001', 'like an address'],
    ['2001:db8::1', 'an IPv6 address'],
    ['a\\b.example', 'a label with a dot inside'],
  ])('%j is none: %s', (text) => expect(hostName(text)).toBeUndefined());
});

describe('DNS', () => {
  it('gives addresses the name that was asked for, through aliases in any order, as long as all of them hold', () => {
    const message: Message = {
      name: 'www.Example.com',
      answers: [
        a('198.51.100.7', { owner: labels('edge.cdn.example'), ttlS: 60 }),
        { owner: labels('www.cdn.example'), type: types.cname, value: labels('edge.cdn.example'), ttlS: 20 },
        { type: types.cname, value: labels('www.cdn.example'), ttlS: 3_600 },
        a('198.51.100.8', { owner: labels('edge.cdn.example'), ttlS: 5 }),
        a('198.51.100.9', { owner: labels('unrelated.example') }),
      ],
    };
    expect(fromDns(message)).toEqual([
      { address: '198.51.100.7', name: 'www.example.com', source: 'dns', ttlS: 20 },
      { address: '198.51.100.8', name: 'www.example.com', source: 'dns', ttlS: 5 },
    ]);
    expect(fromDns({ name: 'v6.example', type: types.aaaa, answers: [aaaa('2001:db8::9'), a('192.0.2.1')] })).toEqual([
      { address: '2001:db8::9', name: 'v6.example', source: 'dns', ttlS: 300 },
    ]);
  });

  it('tells of reverse look-ups', () => {
    const four = fromDns({
      name: '7.2.0.192.in-addr.arpa',
      type: types.ptr,
      answers: [{ type: types.ptr, value: labels('srv7.example') }],
    });
    expect(four).toEqual([{ address: '192.0.2.7', name: 'srv7.example', source: 'ptr', ttlS: 300 }]);
    expect(reverseAddress('1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa')).toBe('2001:db8::1');
    expect(reverseAddress('7.2.0.300.in-addr.arpa')).toBeUndefined();
    expect(reverseAddress('7.2.0.in-addr.arpa')).toBeUndefined();
  });

  it.each([
    ['a question', { flags: 0x0100 }],
    ['an answer that there is none', { flags: 0x8183 }],
    ['an update', { flags: 0xa800 }],
    ['a blocker’s answer', { answers: [a('0.0.0.0'), a('127.0.0.1')] }],
    ['another class', { answers: [a('192.0.2.1', { class: 3 })] }],
    ['a name that is none', { name: '<script>.example' }],
    ['an address of the wrong length', { answers: [{ type: types.a, value: [1, 2, 3] }] }],
    [
      'a loop of aliases',
      {
        answers: [
          { type: types.cname, value: labels('b.example') },
          { owner: labels('b.example'), type: types.cname, value: atQuestion },
        ],
      },
    ],
  ])('learns nothing from %s', (_what, change) => {
    expect(fromDns({ name: 'x.example', answers: [a('192.0.2.1')], ...change })).toEqual([]);
  });

  it('follows pointers backwards only, and a bounded number of octets', () => {
    const own = dns({ name: 'x.example', answers: [a('192.0.2.1', { owner: pointer(27) })] });
    expect(parseDnsMessage(own)).toMatchObject({ isCut: true, records: [] });
    const ahead = dns({ name: 'x.example', answers: [a('192.0.2.1', { owner: pointer(40) })] });
    expect(parseDnsMessage(ahead)).toMatchObject({ isCut: true, records: [] });
    const header = dns({ name: 'x.example', answers: [a('192.0.2.1', { owner: pointer(2) })] });
    expect(parseDnsMessage(header)).toMatchObject({ isCut: true, records: [] });
    // Each alias adds a label before the last: the name outgrows 255 octets.
    let at = 12 + labels('x.example').length + 4;
    let owner = atQuestion;
    const growing = Array.from({ length: 100 }, () => {
      const value = [10, ...Buffer.from('0123456789'), ...owner];
      const record = { owner, type: types.cname, value };
      owner = pointer(at + 12);
      at += 12 + value.length;
      return record;
    });
    const { isCut, records } = parseDnsMessage(dns({ name: 'x.example', answers: growing }))!;
    expect(isCut).toBe(true);
    expect(records.length).toBeLessThan(30);
  });

  it.each([
    ['reverse names', types.ptr, [0xc0, 12], 80],
    ['aliases', types.cname, [0xc0, 12], 80],
    ['addresses', types.a, [10, 0, 0, 9], 70],
  ] as const)(
    'costs what its octets cost, also where a hundred pointers of %s lead to the longest name',
    (_what, type, value, count) => {
      const answers = Array.from({ length: count }, () => ({ type, value }));
      const octets = dns({ name: `${'1.'.repeat(125)}x`, type: type === types.cname ? types.a : type, answers });
      const before = process.cpuUsage();
      for (let run = 0; run < 50; run++) {
        const message = parseDnsMessage(octets)!;
        expect(message.records).toHaveLength(count);
        learnedFromDns(message);
        learnedFromMdns(message);
      }
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 50).toBeLessThan(2_000); // µs; reading each name anew takes several times that
    },
  );

  it.each([
    ['a pointer to one that is none', types.cname, (bad: number) => pointer(bad)],
    ['a pointer that leads ahead', types.ptr, () => pointer(4_000)],
    ['more behind the name', types.ptr, () => [...atQuestion, 0]],
    ['an address of five octets', types.a, () => [10, 0, 0, 9, 0]],
  ] as const)('ends at a value that is not what its type says: %s', (_what, type, value) => {
    // In a text, of which nothing is read: labels before an octet that begins none.
    const text = { type: types.txt, value: [...Array.from({ length: 60 }, () => [1, 120]).flat(), 0x40] };
    const bad = 12 + labels('x.example').length + 4 + 16 + 12;
    const again = Array.from({ length: 100 }, () => ({ type, value: [...value(bad)] }));
    const message = parseDnsMessage(dns({ name: 'x.example', answers: [a('192.0.2.1'), text, ...again, a('192.0.2.2')] }))!;
    expect(message).toMatchObject({ isCut: true, records: [{ value: '192.0.2.1' }] });
  });

  it('reads of a cut message what is whole', () => {
    const whole = dns({ name: 'x.example', answers: [a('192.0.2.1'), a('192.0.2.2')] });
    for (let length = 0; length <= whole.length; length++) {
      const message = parseDnsMessage(whole.subarray(0, length));
      const learned = message === undefined ? [] : learnedFromDns(message);
      expect(learned.length).toBe(length < whole.length - 16 ? 0 : length < whole.length ? 1 : 2);
      expect(message?.isCut ?? true).toBe(length < whole.length);
    }
  });
});

describe('mDNS', () => {
  const local = labels('bobs-mac.local');

  it('learns what hosts announce, also beside other answers, and takes back what they take back', () => {
    const learned = fromMdns({
      answers: [{ owner: labels('_ipp._tcp.local'), type: types.ptr, value: labels('Bob’s._ipp._tcp.local') }],
      additional: [
        a('10.0.0.9', { owner: local, ttlS: 120, class: 0x8001 }),
        aaaa('fe80::9', { owner: local, ttlS: 0 }),
        { owner: labels('9.0.0.10.in-addr.arpa'), type: types.ptr, value: labels('bobs-mac.local'), ttlS: 120 },
      ],
    });
    expect(learned).toEqual([
      { address: '10.0.0.9', name: 'bobs-mac.local', source: 'mdns', ttlS: 120 },
      { address: 'fe80::9', name: 'bobs-mac.local', source: 'mdns', ttlS: 0 },
      { address: '10.0.0.9', name: 'bobs-mac.local', source: 'mdns', ttlS: 120 },
    ]);
  });

  it('believes names under .local only', () => {
    expect(fromMdns({ answers: [a('10.0.0.9', { owner: labels('www.bank.example') })] })).toEqual([]);
  });
});

describe('DHCP', () => {
  const lease = { fromServer: true, type: 5, yours: '10.0.0.40' } as const;
  const learn = (...messages: Uint8Array[]) => {
    const leases = new DhcpLeases();
    return messages.map((message) => leases.take(parseDhcpMessage(message)!, 1_000)).at(-1);
  };
  const asked = (...options: (readonly [number, readonly number[]])[]) => dhcp({ type: 3, options });
  const hours = [51, [0, 0, 0x1c, 0x20]] as const;

  it('joins the name of a request with the address of its answer', () => {
    expect(learn(asked(textOption(12, 'LAPTOP-9\0')), dhcp({ ...lease, options: [hours] }))).toEqual({
      address: '10.0.0.40',
      name: 'laptop-9',
      source: 'dhcp',
      ttlS: 7_200,
      mac: '00:1b:21:00:00:09',
    });
  });

  it('takes the whole name of option 81, in either form, before that of option 12', () => {
    const fqdn = [81, [0, 0, 0, ...Buffer.from('laptop-9.corp.example')]] as const;
    expect(learn(asked(textOption(12, 'laptop-9'), fqdn), dhcp(lease))?.name).toBe('laptop-9.corp.example');
    const wire = [81, [4, 0, 0, ...labels('laptop-9.corp.example')]] as const;
    expect(learn(asked(wire), dhcp(lease))?.name).toBe('laptop-9.corp.example');
    const partial = [81, [4, 0, 0, ...labels('laptop-9').slice(0, -1)]] as const;
    expect(learn(asked(partial), dhcp(lease))?.name).toBe('laptop-9');
  });

  it('believes the server’s name before the client’s, and the address that a client keeps', () => {
    expect(learn(asked(textOption(12, 'mine')), dhcp({ ...lease, options: [textOption(12, 'given')] }))?.name).toBe('given');
    expect(learn(asked(textOption(12, 'mine')), dhcp({ fromServer: true, type: 5, client: '10.0.0.41' }))?.address).toBe(
      '10.0.0.41',
    );
  });

  it('learns nothing from an offer, a refusal, another transaction or client, or an answer that comes too late', () => {
    const request = asked(textOption(12, 'laptop-9'));
    expect(learn(request, dhcp({ ...lease, type: 2 }))).toBeUndefined();
    expect(learn(request, dhcp({ ...lease, type: 6 }))).toBeUndefined();
    expect(learn(request, dhcp({ ...lease, transaction: 78 }))).toBeUndefined();
    expect(learn(request, dhcp({ ...lease, mac: '00:1b:21:00:00:0a' }))).toBeUndefined();
    const leases = new DhcpLeases();
    leases.take(parseDhcpMessage(request)!, 0);
    expect(leases.take(parseDhcpMessage(dhcp(lease))!, 60_001)).toBeUndefined();
  });

  it('forgets the oldest of too many requests', () => {
    const leases = new DhcpLeases();
    for (let n = 0; n <= 1_024; n++) {
      leases.take(parseDhcpMessage(dhcp({ type: 3, transaction: n, options: [textOption(12, `host-${n}`)] }))!, 0);
    }
    const answer = (transaction: number) => leases.take(parseDhcpMessage(dhcp({ ...lease, transaction }))!, 0);
    expect(answer(0)).toBeUndefined();
    expect(answer(1)?.name).toBe('host-1');
    expect(answer(1_024)?.name).toBe('host-1024');
  });

  it.each([
    ['another magic', (octets: Uint8Array) => octets.fill(0, 236, 240)],
    ['no Ethernet', (octets: Uint8Array) => octets.fill(6, 1, 2)],
    ['no type', (octets: Uint8Array) => octets.fill(0, 240)],
    ['a cut head', (octets: Uint8Array) => octets.subarray(0, 239)],
  ])('is none with %s', (_what, change) => expect(parseDhcpMessage(change(asked()))).toBeUndefined());
});

describe('TLS', () => {
  const hello = clientHello('shop.example', random);

  it('tells the server’s name, and nothing when the hello was cut before its end', () => {
    expect(serverNameOf(hello)).toBe('shop.example');
    const nameEnd = Buffer.from(hello).indexOf('shop.example') + 'shop.example'.length;
    for (let length = 0; length < hello.length; length++) {
      expect(serverNameOf(hello.subarray(0, length))).toBe(length < nameEnd ? undefined : 'shop.example');
    }
  });

  it.each(['192.0.2.1', '<img src=x>', 'a'.repeat(64)])('refuses %s as a name', (name) => {
    expect(serverNameOf(clientHello(name, random))).toBeUndefined();
  });

  it('refuses lists whose lengths do not agree, and other messages', () => {
    const at = Buffer.from(hello).indexOf('shop.example');
    for (const [offset, value] of [
      [-1, 200],
      [-4, 99],
      [-3, 1],
    ] as const) {
      const wrong = hello.slice();
      wrong[at + offset] = value;
      expect(serverNameOf(wrong)).toBeUndefined();
    }
    for (const [offset, value] of [
      [0, 23],
      [1, 2],
      [5, 2],
    ] as const) {
      const other = hello.slice();
      other[offset] = value;
      expect(serverNameOf(other)).toBeUndefined();
    }
  });
});

describe('any octets', () => {
  const samples = [
    dns({
      name: 'www.example.com',
      answers: [{ type: types.cname, value: labels('b.example') }, a('192.0.2.1', { owner: labels('b.example') })],
    }),
    dns({ flags: 0x8400, answers: [a('10.0.0.9', { owner: labels('x.local') })] }),
    dhcp({ type: 3, options: [textOption(12, 'laptop'), [81, [4, 0, 0, ...labels('a.b')]]] }),
    dhcp({ fromServer: true, type: 5, yours: '10.0.0.1', options: [textOption(12, 'laptop')] }),
    clientHello('shop.example', random),
  ];
  /** A few octets changed, cut or doubled. */
  const spoiled = (octets: Uint8Array): Uint8Array => {
    const copy = [...octets];
    for (let n = random.below(6); n >= 0; n--) {
      const at = random.below(copy.length);
      const how = random.below(4);
      if (how === 0) copy.splice(at, random.below(20));
      else if (how === 1) copy.splice(at, 0, ...copy.slice(0, random.below(30)));
      else copy[at] = random.below(3) === 0 ? 0xc0 | random.below(2) : random.below(256);
      if (copy.length === 0) break;
    }
    return Uint8Array.from(copy);
  };

  it('are read without failing, and what is learned of them is well-formed', () => {
    const leases = new DhcpLeases();
    let learned = 0;
    for (let run = 0; run < 40_000; run++) {
      const octets = spoiled(samples[run % samples.length]!);
      const message = parseDnsMessage(octets);
      const lease = parseDhcpMessage(octets);
      const taken = lease === undefined ? undefined : leases.take(lease, run);
      const all = [
        ...(message === undefined ? [] : [...learnedFromDns(message), ...learnedFromMdns(message)]),
        ...(taken === undefined ? [] : [taken]),
      ];
      const server = serverNameOf(octets);
      if (typeof server === 'string') expect(hostName(server)).toBe(server);
      for (const { address, name, ttlS } of all) {
        learned++;
        expect([hostName(name), isOneHost(address), ttlS >= 0]).toEqual([name, true, true]);
      }
    }
    expect(learned).toBeGreaterThan(1_000);
  });
});

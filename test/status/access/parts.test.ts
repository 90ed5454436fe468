/** The parts of access on their own: time-outs, limits, rules, what a password may be, what is hidden. */
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../../src/config/schema.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { SeededRandom } from '../../../src/core/random.ts';
import { AttemptLimit, addressGroup } from '../../../src/status/access/attempt_limit.ts';
import { parsePhc, passwordFault } from '../../../src/status/access/passwords.ts';
import { sameOrigin, signInWanted, tlsWanted } from '../../../src/status/access/rules.ts';
import { newSetUpCode, parseToken, plainCode } from '../../../src/status/access/secrets.ts';
import { Sessions } from '../../../src/status/access/sessions.ts';
import { asksForHidden, hideInText } from '../../../src/status/hidden_addresses.ts';

describe('sessions', () => {
  const make = () => {
    const clock = new SimulatedClock();
    return { clock, sessions: new Sessions(clock, new SeededRandom(1), { idleMs: 1_000, lifeMs: 5_000 }) };
  };

  it('end when nobody is there, whatever the page asks by itself', async () => {
    const { clock, sessions } = make();
    const { id } = sessions.open('anna', 'admin', 'hash');
    for (let n = 0; n < 9; n++) {
      await clock.advance(100);
      expect(sessions.find(id)).toMatchObject({ name: 'anna', role: 'admin' });
    }
    await clock.advance(100);
    expect(sessions.find(id)).toBeUndefined();
  });

  it('end after their life, however busy, and cannot be woken', async () => {
    const { clock, sessions } = make();
    const { id } = sessions.open('anna', 'admin', 'hash');
    for (let n = 0; n < 6; n++) {
      await clock.advance(900);
      sessions.touch(id);
    }
    expect(sessions.find(id)).toBeUndefined();
    sessions.touch(id);
    expect(sessions.find(id)).toBeUndefined();
    expect(sessions.count).toBe(0);
  });

  it('do not care about the wall clock', async () => {
    const { clock, sessions } = make();
    const { id } = sessions.open('anna', 'admin', 'hash');
    clock.stepWall(10 * 365 * 86_400_000);
    expect(sessions.find(id)).toBeDefined();
    clock.stepWall(-20 * 365 * 86_400_000);
    await clock.advance(1_000);
    expect(sessions.find(id)).toBeUndefined();
  });

  it('are bounded: those idle longest make room, of the same user first', async () => {
    const { clock, sessions } = make();
    const first = sessions.open('anna', 'admin', 'hash').id;
    for (let n = 0; n < 16; n++) {
      await clock.advance(1);
      sessions.open('anna', 'admin', 'hash');
    }
    expect([sessions.find(first), sessions.count]).toEqual([undefined, 16]);
    for (let n = 0; n < 300; n++) sessions.open(`user${n}`, 'viewer', 'hash');
    expect(sessions.count).toBe(256);
  });
});

describe('attempts', () => {
  it('come back one by one, and a good one was none', () => {
    const limit = new AttemptLimit({ burst: 3, refillMs: 1_000, buckets: 64 }, new SeededRandom(2), 0);
    expect([0, 0, 0, 0].map((nowMs) => limit.take('a', nowMs))).toEqual([0, 0, 0, 1_000]);
    expect(limit.take('a', 400)).toBe(600);
    expect(limit.take('a', 1_000)).toBe(0);
    limit.giveBack('a');
    expect([limit.take('a', 1_000), limit.take('a', 1_000)]).toEqual([0, 1_000]);
    expect(limit.take('a', 1e9)).toBe(0);
  });

  it('of a million names take the memory of one table, and other names stay free', () => {
    const limit = new AttemptLimit({ burst: 2, refillMs: 1e9, buckets: 1_024 }, new SeededRandom(3), 0);
    for (let n = 0; n < 20; n++) limit.take('guessed', 0);
    const free = Array.from({ length: 100 }, (_, n) => limit.take(`other${n}`, 0)).filter((wait) => wait === 0);
    expect(free.length).toBeGreaterThan(95);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['', ''],
  ])('from %j count for %j', (address, group) => expect(addressGroup(address)).toBe(group));
});

describe('rules', () => {
  const status = (settings: object) => settingsSchema.parse({ status: settings }).status;
  it.each([
    [{}, false, false, false],
    [{}, true, true, false],
    [{ address: '::1' }, false, false, false],
    [{ address: '0.0.0.0' }, false, true, true],
    [{ address: '::' }, false, true, true],
    [{ address: '192.0.2.7' }, false, true, true],
    [{ allowedHosts: ['flows.example'] }, false, true, false],
    [{ address: '0.0.0.0', signIn: 'off', tls: 'off' }, true, false, false],
    [{ signIn: 'on', tls: 'on' }, false, true, true],
    [{ certificateFile: 'a', keyFile: 'b' }, false, false, true],
  ])('%j with users: %s: sign-in %s, TLS %s', (settings, hasUsers, signIn, tls) => {
    expect([signInWanted(status(settings), hasUsers), tlsWanted(status(settings))]).toEqual([signIn, tls]);
  });

  it.each([
    [{ host: 'box:8480' }, true],
    [{ host: 'box:8480', origin: 'https://box:8480', fetchSite: 'same-origin' }, true],
    [{ host: 'Box', origin: 'http://box' }, true],
    [{ host: 'box:443', origin: 'https://box' }, true],
    [{ host: 'box:8480', origin: 'https://box:8481' }, false],
    [{ host: 'box:8480', origin: 'https://box.evil.example:8480' }, false],
    [{ host: 'box', origin: 'null' }, false],
    [{ host: 'box', origin: 'x' }, false],
    [{ host: 'box', fetchSite: 'none' }, false],
    [{ host: undefined, origin: 'http://box' }, false],
  ])('%j is of our own page: %s', (origins, same) => {
    expect(sameOrigin({ origin: undefined, fetchSite: undefined, ...(origins as { host: string }) })).toBe(same);
  });
});

describe('secrets', () => {
  it.each([
    ['short', /at least 12/],
    ['x'.repeat(257), /at most 256/],
    ['aaaaaaaaaaaab', /too uniform/],
    ['flowspan-2026', /flowspan/],
    ['Password1234', /password/],
    ['wilhelmina-12', /wilhelmina/],
    ['qwertyuiop[]', /row of keys/],
    ['correct horse battery', undefined],
    ['пароль на двери', undefined],
    ['日本語のながいあいことば', undefined],
  ])('%j as a password: %s', (password, fault) => {
    if (fault === undefined) expect(passwordFault(password, 'wilhelmina')).toBeUndefined();
    else expect(passwordFault(password, 'wilhelmina')).toMatch(fault);
  });

  it('hashes that would cost gigabytes, or nothing, are none', () => {
    const tail = `$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    expect(parsePhc(`$scrypt$ln=15,r=8,p=3${tail}`)).toMatchObject({ log2N: 15, r: 8, p: 3 });
    for (const costs of ['ln=31,r=8,p=1', 'ln=15,r=99,p=1', 'ln=15,r=8,p=99', 'ln=1,r=8,p=1', 'ln=15,r=8,p=0'])
      expect(parsePhc(`$scrypt$${costs}${tail}`), costs).toBeUndefined();
    expect(parsePhc('$argon2id$v=19$m=65536,t=3,p=4$x$y')).toBeUndefined();
  });

  it('codes survive being typed, tokens are taken apart only when whole', () => {
    const code = newSetUpCode(new SeededRandom(4));
    expect(plainCode(` ${code.toLowerCase().replaceAll('1', 'l').replaceAll('0', 'O')} `)).toBe(code.replaceAll('-', ''));
    expect(plainCode('x'.repeat(100_000)).length).toBe(64);
    expect(parseToken(`fst_0123456789ab_${'a'.repeat(43)}`)).toEqual({ id: '0123456789ab', secret: 'a'.repeat(43) });
    for (const text of ['', 'fst_', `fst_0123456789ab_${'a'.repeat(42)}`, `fst_0123456789AB_${'a'.repeat(43)}`])
      expect(parseToken(text)).toBeUndefined();
  });
});

describe('hidden addresses', () => {
  const lengths = { ipv4: 24, ipv6: 48 };
  it.each([
    ['10.20.1.14', '10.20.1.0/24'],
    ['10.20.1.14 203.0.113.80', '10.20.1.0/24 203.0.113.0/24'],
    ['10.20.1.0/24', '10.20.1.0/24'],
    ['10.20.0.0/16', '10.20.0.0/16'],
    ['10.20.1.14/32', '10.20.1.0/24'],
    ['tcp://[2001:db8:1:2::9]:4739', 'tcp://[2001:db8:1::/48]:4739'],
    ['::ffff:10.20.1.14', '::/48'],
    ['::1', '::/48'],
    ['from 10.20.1.14:443, eth1', 'from 10.20.1.0/24:443, eth1'],
    ['02:00:5e:10:00:01', '02:00:5e:xx:xx:xx'],
    ['12:30:45 flowspan 0.1.0', '12:30:45 flowspan 0.1.0'],
    ['tcp/443', 'tcp/443'],
    ['10.0.0.1.443 and 999.1.1.1', '10.0.0.0/24.443 and 999.1.1.1'],
    ['{"10.20.1.14":"10.20.1.15"}', '{"10.20.1.0/24":"10.20.1.0/24"}'],
  ])('%j is shown as %j, and once more the same', (text, shown) => {
    expect(hideInText(text, lengths)).toBe(shown);
    expect(hideInText(shown, lengths)).toBe(shown);
  });

  it.each([
    ['key=10.20.1.14', true],
    ['filter=ip in 10.20.1.0/25', true],
    ['filter=ip in 10.20.1.0/24', false],
    ['filter=ip in 2001:db8::/32', false],
    ['filter=ip 2001:db8::1', true],
    ['mac 02:00:5e:10:00:01', true],
    ['mac 02:00:5e:10:00:01', true],
    ['by=host&last=1h', false],
  ])('%j asks for what is hidden: %s', (text, asks) => expect(asksForHidden(text, lengths)).toBe(asks));
});

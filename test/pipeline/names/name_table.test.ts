/** Which name of an address is shown, how long it stays, and that the table stays small. */
import { describe, expect, it } from 'vitest';
import { keptNames, keptText } from '../../../src/pipeline/names/kept_names.ts';
import type { Learned } from '../../../src/pipeline/names/learned.ts';
import { NameTable } from '../../../src/pipeline/names/name_table.ts';

const minute = 60_000;
const table = (addressesMax = 100) => new NameTable({ addressesMax, keepForMs: 10 * minute });
const of = (name: string, source: Learned['source'] = 'dns', ttlS = 60, address = '192.0.2.1'): Learned => ({
  address,
  name,
  source,
  ttlS,
});
const shown = (names: NameTable, nowMs: number, address = '192.0.2.1') => names.nameOf(address, nowMs)?.name;

describe('the name that is shown', () => {
  it('is the host’s own before what clients ask for, and that before a reverse look-up', () => {
    const names = table();
    names.learn(of('reverse.example', 'ptr'), 5);
    expect(shown(names, 5)).toBe('reverse.example');
    names.learn(of('asked.example', 'dns'), 4);
    expect(shown(names, 5)).toBe('asked.example');
    names.learn(of('announced.local', 'mdns'), 3);
    expect(shown(names, 5)).toBe('announced.local');
    names.learn(of('leased', 'dhcp'), 2);
    expect(shown(names, 5)).toBe('leased');
  });

  it('is what clients asked for last, whether by DNS or TLS', () => {
    const names = table();
    names.learn(of('first.example', 'tls'), 1);
    names.learn(of('second.example', 'dns'), 2);
    expect(shown(names, 3)).toBe('second.example');
    names.learn(of('third.example', 'tls'), 3);
    expect(shown(names, 3)).toBe('third.example');
  });

  it('is one that holds before one whose time is over, and the newest when all are', () => {
    const names = table();
    names.learn(of('leased', 'dhcp', 60), 0);
    names.learn(of('asked.example', 'dns', 120), 1);
    expect(names.nameOf('192.0.2.1', 60_000)).toMatchObject({ name: 'leased', aged: false });
    expect(names.nameOf('192.0.2.1', 60_001)).toMatchObject({ name: 'asked.example', aged: false });
    expect(names.nameOf('192.0.2.1', 3 * minute)).toMatchObject({ name: 'asked.example', aged: true });
  });

  it('is taken back by its host only', () => {
    const names = table();
    names.learn(of('a.local', 'mdns'), 0);
    names.learn(of('b.local', 'mdns', 0), 1);
    expect(shown(names, 1)).toBe('a.local');
    names.learn(of('a.local', 'mdns', 0), 2);
    expect(shown(names, 2)).toBeUndefined();
  });
});

describe('bounds', () => {
  it('the address that was not used for longest makes room, and asking is use', () => {
    const names = table(3);
    for (const n of [1, 2, 3]) names.learn(of(`n${n}`, 'dns', 60, `192.0.2.${n}`), n);
    names.nameOf('192.0.2.1', 4);
    names.learn(of('n4', 'dns', 60, '192.0.2.4'), 5);
    expect([1, 2, 3, 4].map((n) => shown(names, 6, `192.0.2.${n}`))).toEqual(['n1', undefined, 'n3', 'n4']);
    expect([names.size, names.evicted]).toEqual([3, 1]);
    names.configure({ addressesMax: 1, keepForMs: minute });
    expect(names.size).toBe(1);
  });

  it('a name that was not heard for long is forgotten, and so is a kind that is off', () => {
    const names = table();
    names.learn(of('old.example', 'dns', 3_600), 0);
    names.learn(of('host', 'dhcp', 3_600), 8 * minute);
    names.forget(10 * minute + 1);
    expect(shown(names, 11 * minute)).toBe('host');
    names.forget(11 * minute, new Set(['dhcp']));
    expect([shown(names, 11 * minute), names.size]).toEqual([undefined, 0]);
  });
});

describe('changes', () => {
  it('are told once, in parts, also that a name is gone', () => {
    const names = table(2);
    for (const n of [1, 2]) names.learn(of(`n${n}`, 'dns', 60, `192.0.2.${n}`), n);
    expect(names.changes(1, 2)).toMatchObject([['192.0.2.1', { name: 'n1' }]]);
    names.learn(of('n3', 'dns', 60, '192.0.2.3'), 3);
    const told = [...names.changes(2, 4), ...names.changes(2, 4), ...names.changes(2, 4)];
    expect(Object.fromEntries(told.map(([address, known]) => [address, known?.name]))).toEqual({
      '192.0.2.1': undefined,
      '192.0.2.2': 'n2',
      '192.0.2.3': 'n3',
    });
    names.learn(of('n3', 'dns', 60, '192.0.2.3'), 50);
    expect(names.changes(9, 50)).toEqual([]);
    names.learn(of('n3', 'dns', 60, '192.0.2.3'), 50 + minute);
    expect(names.changes(9, 50 + minute)).toHaveLength(1);
    names.forgetTold();
    expect(names.changes(9, 50 + minute)).toHaveLength(2);
  });

  it('that wait are of no more addresses than are known or were told, however many come and go meanwhile', () => {
    const names = table(3);
    const learn = (n: number) => names.learn(of(`n${n}`, 'dns', 60, `198.51.${n >> 8}.${n & 255}`), n);
    const waiting = () => names.changes(10_000, 5_000).map(([, known]) => known?.name);
    for (let n = 0; n < 1_000; n++) learn(n);
    expect(waiting()).toEqual(['n997', 'n998', 'n999']);
    for (let n = 1_000; n < 2_000; n++) learn(n);
    expect(waiting()).toEqual([undefined, undefined, undefined, 'n1997', 'n1998', 'n1999']);
    // Gone and back again before that it went was told: it is to be told whatever becomes of it.
    for (const n of [1, 2, 3, 1_998]) learn(n);
    expect(waiting()).toEqual([undefined, 'n2', 'n1998', 'n3', undefined]);
    for (const n of [1, 2, 3, 1_998, 1, 2, 3]) learn(n);
    expect(waiting().filter((name) => name === undefined)).toHaveLength(1);
    // Whoever began anew need not hear of what is gone.
    learn(4);
    names.forgetTold();
    expect(waiting()).toEqual(['n2', 'n3', 'n4']);
  });
});

describe('the file', () => {
  it('brings names back with their age, whatever the time is then', () => {
    const names = table();
    names.learn({ ...of('leased', 'dhcp', 600), mac: '00:1b:21:00:00:09' }, 1_000);
    names.learn(of('asked.example', 'tls', 60), 2_000);
    const text = keptText(names.kept(10, 5_000), 1_000_000);
    const read = keptNames(text, 1_010_000);
    expect(read).toContainEqual({ ...of('leased', 'dhcp', 600), ageMs: 14_000, mac: '00:1b:21:00:00:09' });
    expect(read).toContainEqual({ ...of('asked.example', 'tls', 60), ageMs: 13_000 });
    expect(keptNames(text, 0).every(({ ageMs }) => ageMs === 0)).toBe(true);
  });

  it('keeps the addresses used last', () => {
    const names = table();
    for (const n of [1, 2, 3]) names.learn(of(`n${n}`, 'dns', 60, `192.0.2.${n}`), n);
    names.nameOf('192.0.2.1', 4);
    expect(names.kept(2, 4).map(({ name }) => name)).toEqual(['n3', 'n1']);
  });

  it('is not believed beyond what it can hold', () => {
    expect(() => keptNames('{}', 0)).toThrow('damaged');
    expect(() => keptNames('not JSON', 0)).toThrow();
    const lines = [
      ['192.0.2.1', 'dns', '<script>', 0, 60],
      ['192.0.2.1', 'gossip', 'a', 0, 60],
      ['nowhere', 'dns', 'a', 0, 60],
      ['192.0.2.1', 'dns', 'a', 0, 0],
      ['192.0.2.1', 'dns', 'a', 'yesterday', 60],
      ['192.0.2.1', 'dhcp', 'a', 0, 60, 'mac'],
      null,
    ];
    expect(keptNames(JSON.stringify({ version: 1, names: lines }), 0)).toEqual([]);
  });
});

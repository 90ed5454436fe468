import { describe, expect, it } from 'vitest';
import { parseFilter } from '../../../src/flow/filter/filter_parser.ts';
import {
  boundsOf,
  drilled,
  type ExploreState,
  exploreHash,
  exploreStateOf,
  filterOfKey,
  historyKeyOf,
  moved,
  selected,
  startState,
} from '../../../src/status/page/explore_state.ts';

describe('links', () => {
  it('carry the whole state', () => {
    const states: ExploreState[] = [
      startState,
      { range: { last: '7d' }, by: 'service', filter: 'src net 10.0.0.0/8 and bytes > 1M & "x"', picture: 'matrix' },
      { range: { from: 1_767_264_060_000, to: 1_767_264_120_000 }, by: 'costCentreLabel', filter: '', picture: 'graph' },
    ];
    for (const state of states) expect(exploreStateOf(exploreHash(state))).toEqual(state);
    expect(exploreHash(startState)).toBe('#explore');
  });

  it.each(['#explore?from=9&to=3', '#explore?from=x&to=y', '#explore?last=2y&by=planet&picture=film', '#explore?%'])(
    '%s leads somewhere',
    (hash) => {
      expect(exploreStateOf(hash)).toEqual(startState);
    },
  );
});

describe('time', () => {
  const now = 1_800_000_000_000;
  it('moves by halves, never beyond now', () => {
    const hour = { from: now - 7_200_000, to: now - 3_600_000 };
    expect(moved(hour, 'earlier', now)).toEqual({ from: hour.from - 1_800_000, to: hour.to - 1_800_000 });
    expect(moved({ from: now - 3_000_000, to: now - 600_000 }, 'later', now)).toEqual({ from: now - 2_400_000, to: now });
    expect(moved({ last: '1h' }, 'wider', now)).toEqual({ from: now - 7_200_000, to: now });
    expect(moved(hour, 'wider', now)).toEqual({ from: now - 9_000_000, to: now - 1_800_000 });
    expect(boundsOf({ last: '15m' }, now)).toEqual({ from: now - 900_000, to: now });
  });

  it('a selection is of whole minutes, one at least', () => {
    expect(selected(60_000 * 10.2, 60_000 * 12.1)).toEqual({ from: 600_000, to: 780_000 });
    expect(selected(60_000 * 10.3, 60_000 * 10.2)).toEqual({ from: 600_000, to: 660_000 });
  });
});

describe('going further in', () => {
  it.each([
    ['host', '10.20.1.14', 'host 10.20.1.14'],
    ['host', '02:00:5e:10:00:01', 'mac 02:00:5e:10:00:01'],
    ['host', '2001:db8::1', 'host 2001:db8::1'],
    ['host', 'fd20:1:2:3:4:5:6:7', 'host fd20:1:2:3:4:5:6:7'],
    ['conversation', '10.0.0.1 192.0.2.7', 'host 10.0.0.1 and host 192.0.2.7'],
    ['application', 'tcp/443', 'proto tcp and port 443'],
    ['application', 'icmp', 'proto icmp'],
    ['application', 'arp', 'ethertype 0x0806'],
    ['application', 'ethertype-88b5', 'ethertype 0x88b5'],
    ['protocol', 'proto-143', 'proto 143'],
    ['protocol', 'llc', 'ethertype 0..1500'],
    ['service', '192.0.2.7 udp/53', 'host 192.0.2.7 and proto udp and port 53'],
    ['vlan', 'none', 'vlan none'],
    ['vlan', '20', 'vlan 20'],
    ['country', 'CH', 'country CH'],
    ['country', '(none)', 'country none'],
    ['as', 'AS64500 Example 2 Networks', 'as 64500'],
    ['as', '(none)', 'as none'],
    // As they are seen by whom addresses are hidden from.
    ['host', '10.20.1.0/24', 'net 10.20.1.0/24'],
    ['host', '02:00:5e:xx:xx:xx', 'mac 02:00:5e'],
    ['conversation', '10.20.1.0/24 2001:db8:1::/48', 'net 10.20.1.0/24 and net 2001:db8:1::/48'],
    ['siteLabel', 'the "old" house', 'site "the ""old"" house"'],
  ] as const)('%s %s is %s, which is a filter', (by, key, filter) => {
    expect(filterOfKey(by, key)).toBe(filter);
    expect(parseFilter(filter).trouble).toBeUndefined();
  });

  it('from a host to its conversations to their applications to flows', () => {
    const host = drilled(startState, '10.0.0.1');
    expect(host).toMatchObject({ filter: 'host 10.0.0.1', by: 'conversation' });
    const pair = drilled(host, '10.0.0.1 192.0.2.7');
    expect(pair).toMatchObject({ filter: 'host 10.0.0.1 and host 192.0.2.7', by: 'application' });
    expect(drilled(pair, 'tcp/443').filter).toBe('host 10.0.0.1 and host 192.0.2.7 and proto tcp and port 443');
    expect(drilled({ ...startState, filter: 'tcp or udp', by: 'vlan' }, '20').filter).toBe('(tcp or udp) and vlan 20');
    const zurich = drilled({ ...startState, by: 'siteLabel' }, 'Zürich');
    expect(zurich).toEqual({ ...startState, by: 'host', filter: 'site "Zürich"' });
    expect(historyKeyOf(zurich.filter)).toEqual({ by: 'siteLabel', key: 'Zürich' });
    const none = drilled({ ...startState, by: 'costCentreLabel' }, '(none)');
    expect([none.filter, historyKeyOf(none.filter)]).toEqual(['cost-centre none', { by: 'costCentreLabel', key: '(none)' }]);
    const swiss = drilled({ ...startState, by: 'country' }, 'CH');
    expect(swiss).toEqual({ ...startState, by: 'host', filter: 'country CH' });
    expect(historyKeyOf(swiss.filter)).toEqual({ by: 'country', key: 'CH' });
  });

  it('knows which filters the history answers', () => {
    expect(historyKeyOf('host 10.0.0.1')).toEqual({ by: 'host', key: '10.0.0.1' });
    expect(historyKeyOf('host 10.0.0.1 and host 192.0.2.7')).toEqual({ by: 'conversation', key: '10.0.0.1 192.0.2.7' });
    expect(historyKeyOf('proto tcp and port 443')).toEqual({ by: 'application', key: 'tcp/443' });
    expect(historyKeyOf('site "the ""old"" house"')).toEqual({ by: 'siteLabel', key: 'the "old" house' });
    expect(historyKeyOf('vlan none')).toEqual({ by: 'vlan', key: 'none' });
    expect(historyKeyOf('host 10.0.0.1 and tcp')).toBeUndefined();
    expect(historyKeyOf('')).toBeUndefined();
  });
});

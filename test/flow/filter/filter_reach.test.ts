import { expect, test } from 'vitest';
import { parseFilter } from '../../../src/flow/filter/filter_parser.ts';
import { tellsAddressesApart } from '../../../src/flow/filter/filter_reach.ts';

test.each([
  ['any', false],
  ['tcp and port 443 and bytes > 1M', false],
  ['net 10.20.1.0/24', false],
  ['not src net 10.0.0.0/8', false],
  ['ip 10.20.1.0..10.20.3.255', false],
  ['2001:db8:1::/48', false],
  ['mac 00:1b:44', false],
  ['ip any', false],
  ['tcp or not hostname *.lan', true],
  ['hostname any', true],
  ['host 10.20.1.14', true],
  ['net 10.20.1.0/25', true],
  ['ip 10.20.1.0..10.20.1.7', true],
  ['ip 10.20.0.255..10.20.2.255', true],
  ['udp or not (tcp and dst ip [10.20.1.0/24, 10.20.2.3])', true],
  ['sourceIPv4Address 10.20.1.14', true],
  ['2001:db8:1::/64', true],
  ['mac 00:1b:44:11', true],
  ['destinationMacAddress 00:1b:44:11:3a:b7', true],
])('to whom /24, /48 and vendors are shown, %s tells single ones apart: %s', (text, tells) => {
  const parsed = parseFilter(text);
  if (parsed.trouble !== undefined) throw new Error(parsed.trouble.message);
  expect(tellsAddressesApart(parsed.filter, { ipv4: 24, ipv6: 48 })).toBe(tells);
});

import { describe, expect, test } from 'vitest';
import { biflowDirections } from '../../src/flow/decode_annotations.ts';
import { servicePort } from '../../src/flow/service_port.ts';
import { applicationName, serviceName } from '../../src/flow/services.ts';

const { arbitrary, initiator, reverseInitiator, perimeter } = biflowDirections;

describe('service port', () => {
  test('who began is known: the other end serves, whatever its port', () => {
    expect(servicePort(6, 443, 50_123, initiator)).toBe(50_123);
    expect(servicePort(6, 443, 50_123, reverseInitiator)).toBe(443);
  });

  test.each([
    [6, 443, 50_123, 443, 'a named port against one without'],
    [6, 50_123, 8_080, 8_080, 'also above 1023 and as destination'],
    [17, 5_353, 999, 5_353, 'a named port beats a lower one without a name'],
    [17, 53, 123, 53, 'two named ports: the lower'],
    [6, 40_000, 50_000, 40_000, 'none named: the lower'],
    [132, 3_868, 2_906, 3_868, 'SCTP has names of its own'],
    [33, 50_000, 443, 443, 'DCCP runs what TCP runs'],
  ])('protocol %s, ports %s and %s: %s (%s)', (protocol, source, destination, expected) => {
    expect(servicePort(protocol, source, destination, arbitrary)).toBe(expected);
    expect(servicePort(protocol, destination, source, perimeter)).toBe(expected);
  });

  test('names by protocol and port, and no name where there is none', () => {
    expect(serviceName(6, 443)).toBe('https');
    expect(serviceName(17, 443)).toBe('https');
    expect(serviceName(6, 514)).toBe('shell');
    expect(serviceName(17, 514)).toBe('syslog');
    expect(serviceName(6, 50_123)).toBeUndefined();
    expect(['tcp/443', 'udp/51820', 'tcp/50123', 'icmp', 'arp', 'proto-143'].map(applicationName)).toEqual([
      'https',
      'wireguard',
      'tcp/50123',
      'icmp',
      'arp',
      'proto-143',
    ]);
  });
});

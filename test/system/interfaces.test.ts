import { describe, expect, test } from 'vitest';
import { interfaceFacts } from '../../src/system/interface_facts.ts';
import { listInterfaces, readInterface } from '../../src/system/interfaces.ts';

const port = {
  flags: '0x1103\n',
  operstate: 'up\n',
  carrier: '1\n',
  speed: '1000\n',
  duplex: 'full\n',
  mtu: '1500\n',
  address: 'd8:3a:dd:01:02:03\n',
  master: undefined,
  disableIpv6: '1\n',
  statistics: {
    rx_packets: '412\n',
    rx_bytes: '51200\n',
    tx_packets: '5\n',
    rx_missed_errors: '3\n',
    rx_fifo_errors: '4\n',
    rx_over_errors: '0\n',
  },
};

const nobodyAsked = { mergingOffloads: null, earlyDrop: null };

describe('interface facts', () => {
  test('a mirror port that is metered', () => {
    expect(interfaceFacts('eth1', port, ['10.0.0.2/24'], { mergingOffloads: [], earlyDrop: true })).toEqual({
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
      addresses: ['10.0.0.2/24'],
      receivedPackets: 412,
      receivedOctets: 51_200,
      sentPackets: 5,
      droppedByNicPackets: 7,
      mergingOffloads: [],
      answersArp: true,
      hasIpv6: false,
      master: null,
      earlyDrop: true,
    });
    const files = { ...port, flags: '0x1183\n', master: 'INTERFACE=br0\nIFINDEX=9\n', disableIpv6: '0\n' };
    expect(interfaceFacts('eth1', files, [], nobodyAsked)).toMatchObject({ answersArp: false, hasIpv6: true, master: 'br0' });
    expect(interfaceFacts('eth1', { ...port, disableIpv6: undefined }, [], nobodyAsked).hasIpv6).toBeNull();
  });

  test('a port that is off answers neither carrier nor speed; −1 and its unsigned twin are no speeds', () => {
    const off = interfaceFacts(
      'eth1',
      { ...port, flags: '0x1002\n', carrier: undefined, speed: undefined, operstate: 'down\n' },
      [],
      nobodyAsked,
    );
    expect(off).toMatchObject({ exists: true, enabled: false, carrier: null, speedMbps: null, promiscuous: false });
    for (const speed of ['-1\n', '4294967295\n', ''])
      expect(interfaceFacts('e', { ...port, speed }, [], nobodyAsked).speedMbps).toBeNull();
  });

  test('this machine: loopback is read, not offered; an interface that is not there is said so', async () => {
    const loopback = await readInterface('lo');
    expect(loopback).toMatchObject({ exists: true, enabled: true, promiscuous: false });
    expect(loopback.addresses).toContain('127.0.0.1/8');
    expect(loopback.mtu).toBeGreaterThan(1_500);
    expect(await listInterfaces()).not.toContain('lo');
    expect(await readInterface('nosuch0')).toMatchObject({
      exists: false,
      operstate: 'missing',
      addresses: [],
      mergingOffloads: null,
      earlyDrop: null,
    });
  });
});

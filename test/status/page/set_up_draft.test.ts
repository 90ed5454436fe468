/** The set-up form as it is typed: there and back, what is hidden is not sent, and each fault at the field that somebody sees. */
import { describe, expect, test } from 'vitest';
import { defaultSettings } from '../../../src/config/load.ts';
import { checkForm, formOf } from '../../../src/config/set_up_form.ts';
import type { SetUpForm } from '../../../src/flow/set_up_shapes.ts';
import { addressAfter, draftFaults, draftOf, formOfDraft } from '../../../src/status/page/set_up_draft.ts';

const blank = formOf(defaultSettings(), true);
const full: SetUpForm = {
  ...{ site: 'lisbon-02', hostName: 'fs-lis-02', managementPort: 'eth0', mirrorPorts: ['eth1', 'eth2'] },
  ...{ ipv4: 'static', ipv6: 'static', addresses: ['192.0.2.7/24', '2001:db8::7/64'], gateways: ['192.0.2.1', '2001:db8::1'] },
  ...{ dnsServers: ['192.0.2.53', '2001:db8::53'], vlan: 20 },
  timeServers: [
    { host: 'time.example.net', nts: true },
    { host: '192.0.2.123', nts: false },
  ],
  collector: { host: 'collector.example.net', port: 4_740, transport: 'tls', ca: '' },
  broker: { host: 'broker.example.net', port: 8_883, tls: true, username: 'box', password: '', ca: '' },
  updateFolder: 'https://updates.example.net/flowspan',
};

test.each([
  ['nothing', blank],
  ['everything', full],
])('%s comes back as it was', (_, form) => {
  expect(formOfDraft(draftOf(form))).toEqual(form);
});

test('lists are read as people write them, and what is hidden while an address comes by itself is not sent', () => {
  const draft = { ...draftOf(full), dnsServers: ' 192.0.2.53;192.0.2.54\n', timeServers: 'a.example NTS?, nts.example nts,,' };
  const form = formOfDraft({ ...draft, ipv4: 'dhcp', vlan: ' ' });
  expect(form).toMatchObject({
    dnsServers: ['192.0.2.53', '192.0.2.54'],
    addresses: ['2001:db8::7/64'],
    gateways: ['2001:db8::1'],
    vlan: 0,
  });
  expect(form.timeServers).toEqual([
    { host: 'a.example NTS?', nts: false },
    { host: 'nts.example', nts: true },
  ]);
});

describe('a fault stands at the field that somebody sees', () => {
  test.each<[Partial<ReturnType<typeof draftOf>>, string]>([
    [{ site: 'a b' }, 'site'],
    [{ vlan: 'twenty' }, 'vlan'],
    [{ ipv4: 'static', ipv4Addresses: '' }, 'ipv4Addresses'],
    [{ ipv4: 'static', ipv4Addresses: '192.0.2.7' }, 'ipv4Addresses'],
    [{ ipv6: 'static', ipv6Addresses: '' }, 'ipv6Addresses'],
    [{ ipv6: 'static', ipv6Addresses: '2001:db8::7' }, 'ipv6Addresses'],
    [{ ipv4: 'static', ipv4Addresses: '192.0.2.7/24', ipv6: 'static', ipv6Addresses: '2001:db8::7' }, 'ipv6Addresses'],
    [{ ipv4: 'static', ipv4Addresses: '192.0.2.7/24', ipv4Gateways: 'router' }, 'ipv4Gateways'],
    [{ ipv6: 'static', ipv6Addresses: '2001:db8::7/64', ipv6Gateways: 'router' }, 'ipv6Gateways'],
    [{ ipv4: 'off', ipv6: 'off' }, 'ipv6'],
    [{ dnsServers: 'nobody' }, 'dnsServers'],
    [{ timeServers: 'a b' }, 'timeServers'],
    [{ collectorHost: 'c.example', collectorPort: '', collectorTransport: 'tcp' }, ''],
    [{ collectorHost: 'c.example', collectorPort: 'x' }, 'collectorPort'],
    [{ brokerHost: 'http://b.example' }, 'brokerHost'],
    [{ updateFolder: 'ftp://x' }, 'updateFolder'],
  ])('%j: %s', (change, field) => {
    const form = formOfDraft({ ...draftOf(blank), ...change });
    const found = draftFaults(checkForm('', form, true).faults, form);
    expect(Object.keys(found)).toEqual(field === '' ? [] : [field]);
  });
});

test('where the page will be', () => {
  expect([addressAfter(full), addressAfter({ ...full, addresses: full.addresses.slice(1) })]).toEqual([
    'https://192.0.2.7/',
    'https://[2001:db8::7]/',
  ]);
  expect([addressAfter({ ...full, addresses: [] }), addressAfter(blank)]).toEqual(['https://fs-lis-02.local/', undefined]);
});

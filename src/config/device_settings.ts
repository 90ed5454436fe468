/**
 * The settings of the section `device`: the box as a thing on a network. `flowspan provision` applies them at every boot of the image;
 * where flowspan is a program among others they are ignored. Part of `schema.ts`.
 *
 * What ends up in files of other programs is bound to characters that mean nothing there.
 */
import { z } from 'zod';
import { choice, facts, integer } from './setting_kinds.ts';

/** RFC 1123 2.1. */
const label = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/, 'letters, digits and dashes, at most 63');
const domainName = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'a name of letters, digits, dots and dashes');
const address = z.union([z.ipv4(), z.ipv6()], { error: 'an IP address such as 192.0.2.1 or 2001:db8::1' });
const network = z.union([z.cidrv4(), z.cidrv6()], { error: 'an address with its prefix length, such as 192.0.2.7/24' });
/** One line that shows on a terminal. */
const line = z
  .string()
  .max(253)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'one line without control characters');
const words = (reason: string, secret = false) => line.default('').meta(facts({ reason, secret }));
const orEmpty = <T extends z.ZodType>(kind: T, reason: string) =>
  kind
    .or(z.literal(''))
    .default('' as never)
    .meta(facts({ reason }));
const listOf = <T extends z.ZodType>(kind: T, max: number, reason: string) =>
  z.array(kind).max(max).default([]).meta(facts({ reason }));

const mac = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/, 'a MAC address');
/** linux/if.h: IFNAMSIZ. */
const interfaceName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'the name of an interface');
const portName = z.union([mac, interfaceName], {
  error: 'the name of a port such as eth1, or its MAC address such as 00:11:22:aa:bb:cc',
});

const timeServer = z.strictObject({
  host: z
    .union([address, domainName], { error: 'the name or address of a time server' })
    .meta(facts({ reason: 'Name or address of the NTP server' })),
  nts: z
    .boolean()
    .default(false)
    .meta(facts({ reason: 'It proves who it is (NTS, RFC 8915); by name only' })),
});

const wired8021x = z
  .strictObject({
    method: choice(['off', 'tls', 'peap', 'ttls'], 'off', {
      reason:
        'How the box proves to the switch that it may use the management port (802.1X): by certificate, or by password within PEAP or TTLS',
    }),
    identity: words('802.1X: who the box is'),
    anonymousIdentity: words('802.1X: what is told outside of the tunnel; empty tells identity'),
    password: words('802.1X: password for peap and ttls', true),
    caFile: words('802.1X: certificates that sign the RADIUS server’s'),
    domain: orEmpty(
      domainName,
      '802.1X: the RADIUS server’s name ends in this; without it any server of that authority is believed',
    ),
    certificateFile: words('802.1X: certificate of this box, for tls'),
    keyFile: words('802.1X: private key of certificateFile'),
  })
  .prefault({})
  .superRefine((one, context) => {
    const missing = {
      off: [],
      tls: ['identity', 'caFile', 'certificateFile', 'keyFile'],
      peap: ['identity', 'password', 'caFile'],
      ttls: ['identity', 'password', 'caFile'],
    } as const;
    for (const key of missing[one.method]) {
      if (one[key] === '') context.addIssue({ code: 'custom', path: [key], message: `a value when method is ${one.method}` });
    }
  });

const wifi = z
  .strictObject({
    ssid: words('Name of a wireless network to be managed over, for boxes with one wired port; empty uses none'),
    password: z
      .string()
      .regex(/^([ -~]{8,63})?$/, '8 to 63 printable ASCII characters')
      .default('')
      .meta(facts({ reason: 'Pass phrase of that network (WPA2 or WPA3)', secret: true })),
    country: z
      .string()
      .regex(/^([A-Z]{2})?$/, 'two capital letters')
      .default('')
      .meta(facts({ reason: 'Country whose radio rules hold, such as PT; needed with ssid' })),
  })
  .prefault({})
  .refine((one) => one.ssid === '' || (one.password !== '' && one.country !== ''), {
    path: ['ssid'],
    message: 'password and country beside ssid',
  });

export const device = z
  .strictObject({
    hostName: orEmpty(label, 'What the box is called on the network; empty makes flowspan-XXXX of its serial number'),
    managementPort: orEmpty(portName, 'The port the box is reached by: name or MAC address; empty takes the first built-in port'),
    mirrorPorts: listOf(
      portName,
      8,
      'Ports that hang on the switch’s mirror: names or MAC addresses; empty takes the fastest other port, built-in ones first',
    ),
    ipv4: choice(['dhcp', 'static', 'off'], 'dhcp', { reason: 'How the management port gets its IPv4 address' }),
    ipv6: choice(['auto', 'static', 'off'], 'auto', {
      reason: 'How it gets its IPv6 address: auto by router advertisement and DHCPv6',
    }),
    addresses: listOf(network, 8, 'Its own addresses, for static, such as 192.0.2.7/24'),
    gateways: listOf(address, 2, 'Routers, for static: one of each family'),
    dnsServers: listOf(address, 4, 'DNS servers; empty takes those that the network tells'),
    searchDomains: listOf(domainName, 4, 'Domains in which short names are looked for'),
    vlan: integer(0, 4_094, 0, { reason: 'VLAN of management, tagged; 0 for untagged' }),
    timeServers: listOf(timeServer, 8, 'Time servers; empty takes those that the network tells, and Debian’s'),
    proxy: z
      .string()
      .regex(/^(https?:\/\/[A-Za-z0-9.:[\]-]+\/?)?$/, 'http://HOST:PORT')
      .default('')
      .meta(facts({ reason: 'HTTP proxy by which updates are fetched' })),
    sshKeys: listOf(
      z
        .string()
        .regex(
          /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [ -~]{0,100})?$/,
          'a public key of OpenSSH',
        ),
      16,
      'Public keys that may sign in by SSH; none keeps SSH off',
    ),
    wired8021x,
    wifi,
  })
  .prefault({})
  .superRefine((one, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    const has = (list: readonly string[], family: 4 | 6): boolean => list.some((text) => text.includes(':') === (family === 6));
    if (one.ipv4 === 'static' && !has(one.addresses, 4)) refuse('addresses', 'an IPv4 address when ipv4 is static');
    if (one.ipv6 === 'static' && !has(one.addresses, 6)) refuse('addresses', 'an IPv6 address when ipv6 is static');
    if (one.ipv4 !== 'static' && has(one.addresses, 4)) refuse('addresses', `no IPv4 address while ipv4 is ${one.ipv4}`);
    if (one.ipv6 !== 'static' && has(one.addresses, 6)) refuse('addresses', `no IPv6 address while ipv6 is ${one.ipv6}`);
    if (one.ipv4 === 'off' && one.ipv6 === 'off') refuse('ipv6', 'auto or static while ipv4 is off: nobody could reach the box');
    if (one.managementPort !== '' && one.mirrorPorts.includes(one.managementPort))
      refuse('mirrorPorts', 'other ports than managementPort: a mirror port has no address');
  });

/**
 * Names of services by protocol and port: the part of IANA's Service Name and Transport Protocol Port Number Registry that
 * is met at a branch, and what else listens there by habit. Decides which end of a flow is the server, and how an
 * application is called. Pure; about 250 entries.
 */
import { protocolName, protocolNumber } from './protocols.ts';

/** `port name` where one name serves TCP and UDP alike; a leading `t`, `u` or `s` limits it to TCP, UDP or SCTP. */
const lines = `
7 echo|9 discard|13 daytime|t19 chargen|u19 chargen|t20 ftp-data|t21 ftp|t22 ssh|t23 telnet|t25 smtp|37 time|t43 whois|49 tacacs|53 domain
u67 bootps|u68 bootpc|u69 tftp|t70 gopher|t79 finger|t80 http|88 kerberos|t102 iso-tsap|t104 acr-nema|t110 pop3|111 sunrpc|t113 auth|t119 nntp
u123 ntp|135 epmap|u137 netbios-ns|u138 netbios-dgm|t139 netbios-ssn|t143 imap|161 snmp|162 snmp-trap|u177 xdmcp|t179 bgp|t199 smux
u319 ptp-event|u320 ptp-general|389 ldap|427 svrloc|443 https|t445 microsoft-ds|464 kpasswd|t465 submissions|t502 mbap|u500 isakmp
t512 exec|t513 login|t514 shell|u514 syslog|t515 printer|u520 route|u521 ripng|t540 uucp|u546 dhcpv6-client|u547 dhcpv6-server|t548 afpovertcp
554 rtsp|t563 nntps|t587 submission|u623 asf-rmcp|631 ipp|636 ldaps|646 ldp|t655 tinc|u655 tinc|t749 kerberos-adm|t830 netconf-ssh
853 domain-s|t860 iscsi|t873 rsync|t902 ideafarm-door|t989 ftps-data|t990 ftps|t992 telnets|t993 imaps|t995 pop3s
t1080 socks|t1099 rmiregistry|1194 openvpn|t1352 lotusnote|t1433 ms-sql-s|u1434 ms-sql-m|u1645 radius|u1646 radius-acct|u1701 l2tp|t1720 h323hostcall
t1723 pptp|1812 radius|1813 radius-acct|t1883 mqtt|u1900 ssdp|t2000 cisco-sccp|2049 nfs|t2083 radsec|u2055 netflow|t2121 iprop|u2123 gtp-control
u2152 gtp-user|s2905 m3ua|t2181 zookeeper|t2375 docker|t2376 docker-s|t2379 etcd-client|t2404 iec-104|t2628 dict|t2947 gpsd|t3128 squid-http|t3205 isns
t3260 iscsi-target|t3268 msft-gc|t3269 msft-gc-ssl|t3306 mysql|3389 ms-wbt-server|3478 stun|t3493 nut|u3544 teredo|t3689 daap|t3690 svn|u3702 ws-discovery
s3868 diameter|t3868 diameter|t4190 sieve|u4500 ipsec-nat-t|t4460 ntske|u4569 iax|4739 ipfix|4740 ipfixs|u4789 vxlan|t4840 opcua-tcp|t4949 munin
5060 sip|5061 sips|t5201 iperf3|u5201 iperf3|t5222 xmpp-client|t5269 xmpp-server|5349 stuns|u5351 nat-pmp|u5353 mdns|u5355 llmnr|t5432 postgresql|t5555 adb
t5666 nrpe|t5671 amqps|t5672 amqp|s5672 amqp|u5683 coap|u5684 coaps|t5900 vnc|t5985 wsman|t5986 wsmans|t6000 x11|u6081 geneve|u6343 sflow|t6379 redis
t6443 kubernetes-api|t6514 syslog-tls|u6514 syslog-dtls|t6566 sane-port|t6667 ircd|u6696 babel|t6697 ircs-u|t6881 bittorrent|u6881 bittorrent
t7680 pando-pub|t8000 http-alt|t8008 http-alt|t8009 ajp|t8080 http-alt|t8088 radan-http|t8140 puppet|t8291 winbox|t8443 https-alt|t8530 wsus|t8531 wsus-s
u8472 otv|t8883 secure-mqtt|t9000 cslistener|t9042 cassandra|t9090 websm|t9092 kafka|t9100 pdl-datastream|t9101 bacula-dir|t9102 bacula-fd|t9103 bacula-sd
t9200 elasticsearch|t9300 elasticsearch-node|t9389 adws|t9418 git|u9995 netflow|t10000 ndmp|t10050 zabbix-agent|t10051 zabbix-trapper|t11211 memcache
t11112 dicom|u11211 memcache|u17500 db-lsp-disc|t17500 db-lsp|u19302 stun|t20000 dnp|u20000 dnp|t27017 mongodb|t32400 plex|t44818 ethernet-ip|u44818 ethernet-ip
u47808 bacnet|u51820 wireguard
`;

const protocolsOf: Readonly<Record<string, readonly number[]>> = { t: [6], u: [17], s: [132], '': [6, 17] };

const names = new Map<number, string>();
for (const entry of lines.trim().split(/[|\n]/)) {
  const [, kind, port, name] = /^([tus]?)(\d+) (\S+)$/.exec(entry) as unknown as [string, string, string, string];
  for (const protocol of protocolsOf[kind]!) names.set(protocol * 65_536 + Number(port), name);
}

/** `https` for TCP or UDP port 443; undefined for a port without a common name. */
export function serviceName(protocol: number, port: number): string | undefined {
  return names.get(protocol * 65_536 + port);
}

/** The same from an application key of the history: `https` for `tcp/443`, the key itself where there is no better name. */
export function applicationName(key: string): string {
  const [protocol, port] = key.split('/');
  const number = protocol === undefined || port === undefined ? undefined : protocolNumber(protocol);
  return (number === undefined ? undefined : serviceName(number, Number(port))) ?? key;
}

/** `tcp/443`, or `icmp` for a protocol without ports. */
export function applicationKey(protocol: number, port?: number): string {
  return port === undefined ? protocolName(protocol) : `${protocolName(protocol)}/${port}`;
}

/** One bit a port: whether the table names it for that protocol. For loops that cannot afford a look-up by hash. */
export function knownPorts(protocol: number): Uint8Array {
  const bits = new Uint8Array(8_192);
  for (const key of names.keys()) {
    if (Math.floor(key / 65_536) === protocol) bits[(key & 0xffff) >> 3]! |= 1 << (key & 7);
  }
  return bits;
}

/** What `doctor` says about a mirror port: link, traffic, promiscuous mode, offloads, and whether it only listens. Pure. */
import { type DoctorCheck, fail, ok, warn } from './doctor_check.ts';
import type { DoctorFacts } from './doctor_checks.ts';
import type { InterfaceFacts } from './interface_facts.ts';

export function portChecks(port: InterfaceFacts, facts: DoctorFacts): DoctorCheck[] {
  const name = `port ${port.name}`;
  if (!port.exists) {
    const choose = facts.others.length === 0 ? '' : ` This box has ${facts.others.join(', ')}.`;
    return [fail(name, 'there is no such interface', `check meter.interfaces.${choose}`)];
  }
  return [
    linkCheck(name, port),
    trafficCheck(name, port, facts),
    promiscuousCheck(name, port, facts),
    offloadCheck(name, port, facts),
    addressCheck(name, port),
    sentCheck(name, port, facts),
    quietCheck(name, port),
    ...earlyDropChecks(name, port, facts),
    ...mtuChecks(name, port),
  ];
}

function linkCheck(name: string, port: InterfaceFacts): DoctorCheck {
  if (!port.enabled) return fail(`${name} link`, 'the interface is switched off', `ip link set ${port.name} up`);
  if (port.carrier === false) return fail(`${name} link`, 'no link', 'check the cable, and that the switch port is enabled');
  const speed = port.speedMbps === null ? 'speed unknown' : `${port.speedMbps} Mbit/s`;
  if (port.fullDuplex === false) {
    return warn(`${name} link`, `${speed}, half duplex`, 'let switch and box negotiate: half duplex loses frames of a mirror');
  }
  return ok(`${name} link`, `up, ${speed}`);
}

function trafficCheck(name: string, port: InterfaceFacts, { receivedWhileLooking }: DoctorFacts): DoctorCheck {
  const received = receivedWhileLooking[port.name];
  const check = `${name} traffic`;
  if (port.droppedByNicPackets > 0) {
    return warn(
      check,
      `the port itself has lost ${port.droppedByNicPackets} of ${port.receivedPackets + port.droppedByNicPackets} packets since it was set up`,
      'more arrives than the port can take: mirror fewer ports, or use a faster box',
    );
  }
  if (received === undefined) return warn(check, 'not looked at', '');
  if (received > 0) return ok(check, `${received} packets while looking`);
  return warn(
    check,
    'nothing arrived while looking',
    'check that the switch mirrors to this port, and that the mirrored line is in use',
  );
}

function promiscuousCheck(
  name: string,
  port: InterfaceFacts,
  { running, wantsPromiscuous, canCapture }: DoctorFacts,
): DoctorCheck {
  const check = `${name} promiscuous`;
  if (port.promiscuous) return ok(check, 'on: frames for others are accepted');
  if (!wantsPromiscuous) {
    return warn(
      check,
      'off, and meter.promiscuous is false',
      'a mirror port carries frames for others: set meter.promiscuous to true',
    );
  }
  if (running) return fail(check, 'off although the service is running', 'look for capture errors in the log of the service');
  if (canCapture === false) {
    return fail(
      check,
      'off now, and this user may not turn it on',
      `grant the right as said under capture, or: ip link set ${port.name} promisc on`,
    );
  }
  return ok(check, 'off now; the service turns it on while it meters');
}

function offloadCheck(name: string, port: InterfaceFacts, { managesOffloads, running }: DoctorFacts): DoctorCheck {
  const check = `${name} offloads`;
  const on = port.mergingOffloads;
  const short: Readonly<Record<string, string>> = { GRO: 'gro', LRO: 'lro' };
  const features = (on ?? ['GRO', 'LRO', 'rx-gro-hw']).map((feature) => `${short[feature] ?? feature} off`);
  const byHand = `ethtool -K ${port.name} ${features.join(' ')}`;
  if (on?.length === 0) return ok(check, 'nothing merges packets: GRO, LRO and rx-gro-hw are off');
  if (managesOffloads && !running) {
    const now = on === null ? 'not readable' : `${on.join(' and ')} on now`;
    return ok(check, `${now}; the service turns merging off while it meters`);
  }
  if (on === null) {
    return managesOffloads
      ? ok(check, 'not readable; the service has turned merging off')
      : warn(check, 'not readable, and meter.manageOffloads is false', byHand);
  }
  return warn(check, `${on.join(' and ')} on: packets are merged before they are counted`, byHand);
}

function addressCheck(name: string, port: InterfaceFacts): DoctorCheck {
  const check = `${name} address`;
  if (port.addresses.length === 0) return ok(check, 'none, as it should be');
  // fe80::/10 comes by itself on every enabled port; anything else was given on purpose.
  const given = port.addresses.filter((address) => !/^fe[89ab]/i.test(address));
  if (given.length > 0) {
    return warn(
      check,
      `has ${given.join(', ')}`,
      `a mirror port should have no address; unless this is the port the box is managed by: ip addr flush dev ${port.name}, ` +
        'and take it out of the network configuration (DHCP too)',
    );
  }
  return warn(
    check,
    `has ${port.addresses.join(', ')}, which the kernel gives itself and speaks from`,
    `sysctl -w net.ipv6.conf.${port.name}.disable_ipv6=1 (with systemd-networkd: LinkLocalAddressing=no)`,
  );
}

// What the box sends goes into the switch's mirror port: the switch may learn from it, loop it, or disable the port.
function sentCheck(name: string, port: InterfaceFacts, { sentWhileLooking }: DoctorFacts): DoctorCheck {
  const check = `${name} sending`;
  const sent = sentWhileLooking[port.name];
  if (sent === undefined) return warn(check, 'not looked at', '');
  if (sent === 0) {
    const before = port.sentPackets === 0 ? '' : `; ${port.sentPackets} packets since it was set up`;
    return ok(check, `nothing was sent while looking${before}`);
  }
  return warn(
    check,
    `${sent} packets sent while looking, ${port.sentPackets} since it was set up`,
    `a mirror port only listens: take its addresses off, and end what speaks on ${port.name} (DHCP, LLDP, mDNS, a bridge, a route)`,
  );
}

/**
 * Mirrored frames come into the kernel's stack as well. It asks and answers for addresses of other ports here too: ARP by
 * default (arp_ignore 0), IPv6 as soon as the port is up.
 */
function quietCheck(name: string, port: InterfaceFacts): DoctorCheck {
  const check = `${name} quiet`;
  if (port.earlyDrop === true) return ok(check, 'mirrored frames are dropped right behind the capture');
  const found: string[] = [];
  const todo: string[] = [];
  if (port.master !== null) {
    found.push(`it belongs to ${port.master}, which passes mirrored frames on`);
    todo.push(`ip link set ${port.name} nomaster`);
  }
  if (port.answersArp) {
    found.push('the box answers ARP here for addresses of its other ports');
    todo.push(`ip link set ${port.name} arp off`);
  }
  if (port.hasIpv6 === true) {
    found.push('IPv6 speaks by itself (neighbour discovery, router solicitations)');
    todo.push(`sysctl -w net.ipv6.conf.${port.name}.disable_ipv6=1`);
  }
  return found.length === 0
    ? ok(check, 'no ARP, no IPv6, no bridge: what the mirror shows is answered by nobody')
    : warn(check, found.join('; '), todo.join('; '));
}

function earlyDropChecks(name: string, port: InterfaceFacts, { running, wantsEarlyDrop }: DoctorFacts): DoctorCheck[] {
  const check = `${name} early drop`;
  if (port.earlyDrop === null) return [];
  if (port.earlyDrop) {
    if (running && wantsEarlyDrop) return [ok(check, 'on')];
    const byHand = `tc qdisc del dev ${port.name} clsact`;
    return [
      running
        ? warn(check, 'on although meter.earlyDrop is false', `another process put it there; by hand: ${byHand}`)
        : warn(check, 'on although nothing meters: a service was killed', `the next start takes care of it; by hand: ${byHand}`),
    ];
  }
  if (!wantsEarlyDrop || !running) return [];
  return [
    warn(
      check,
      'meter.earlyDrop is true, but mirrored frames go on into the kernel’s stack',
      port.addresses.length > 0
        ? `never on a port with an address (${port.addresses.join(', ')}): take it off`
        : 'the journal says why: no CAP_NET_ADMIN, or a kernel without clsact or cls_bpf',
    ),
  ];
}

function mtuChecks(name: string, port: InterfaceFacts): DoctorCheck[] {
  if (port.mtu === 0 || port.mtu >= 1_500) return [];
  return [warn(`${name} mtu`, `${port.mtu} octets`, `larger frames may be lost: ip link set ${port.name} mtu 1500`)];
}

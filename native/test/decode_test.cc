// One case for each protocol: frames with hand-worked flows. Frame sizes stand beside the checks.
#include "harness.h"

using namespace flowspan;

namespace {

const Bytes kIp4Udp = ip4({}, udp(1000, 53, octets(4)));               // 20 + 8 + 4
const Bytes kIp6Udp = ip6({}, udp(1000, 53, octets(4)));               // 40 + 8 + 4

const Row& only(Meter& meter) {
  const auto& rows = meter.finish();
  CHECK_EQ(rows.size(), 1u);
  static Row none{};
  return rows.empty() ? none : rows[0];
}

void expectUdp(const Row& row) {
  CHECK_EQ(row.protocolIdentifier, 17);
  CHECK_EQ(port(row.sourceTransportPort), 1000u);
  CHECK_EQ(port(row.destinationTransportPort), 53u);
  CHECK(present(row, presence::kPorts));
}

}  // namespace

TEST("decode: IPv4 UDP, padding is not IP") {
  Meter m;
  m.packet(ethernet(0x0800, kIp4Udp) + zeros(14));  // 46 padded to 60
  const Row& r = only(m);
  expectUdp(r);
  CHECK_EQ(r.family, 0);
  CHECK_EQ(r.ipVersion, 4);
  CHECK_EQ(address4(r.sourceAddress), 0x0a000001u);
  CHECK_EQ(address4(r.destinationAddress), 0x0a000002u);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 32u);
  CHECK_EQ(toNetwork(r.layer2OctetDeltaCount), 60u);
  CHECK_EQ(toNetwork(r.flowStart), kStart + kMs);
  CHECK_EQ(toNetwork(r.ingressInterface), 3u);
  CHECK_EQ(r.sourceMacAddress[5], 1);
  CHECK_EQ(r.destinationMacAddress[5], 2);
  CHECK_EQ(r.flowEndReason, 4);
  CHECK_EQ(r.biflowDirection, 0);
  CHECK(!present(r, presence::kReverse));
  CHECK(!present(r, presence::kVlan));
  CHECK_EQ(r.minimumTTL, 64);
  CHECK_EQ(toNetwork(r.minimumIpTotalLength), 32u);
}

TEST("decode: IPv4 options move the ports") {
  Meter m;
  m.packet(ethernet(0x0800, ip4({.options = octets(8, 1)}, udp(1000, 53))));
  const Row& r = only(m);
  expectUdp(r);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 36u);
}

TEST("decode: one VLAN tag, two, and the kernel's") {
  Meter one;
  one.packet(tagged(0x8100, 0x6000 | 42, 0x0800, kIp4Udp));
  const Row& r = only(one);
  expectUdp(r);
  CHECK(present(r, presence::kVlan));
  CHECK(!present(r, presence::kCustomerVlan));
  CHECK_EQ(port(r.dot1qVlanId), 42u);
  CHECK_EQ(r.dot1qPriority, 3);

  Meter two;
  two.packet(tagged(0x88a8, 100, 0x8100, be16(0xe000 | 7) + be16(0x0800) + kIp4Udp));
  const Row& q = only(two);
  expectUdp(q);
  CHECK_EQ(port(q.dot1qVlanId), 100u);
  CHECK_EQ(port(q.dot1qCustomerVlanId), 7u);
  CHECK_EQ(q.dot1qCustomerPriority, 7);

  Meter kernel;
  kernel.packet(tagged(0x8100, 7, 0x0800, kIp4Udp), kMs, ~0u, 0, 0x88a8, 100);
  const Row& k = only(kernel);
  CHECK_EQ(port(k.dot1qVlanId), 100u);
  CHECK_EQ(port(k.dot1qCustomerVlanId), 7u);
}

TEST("decode: VLANs make flows, unless set otherwise") {
  for (const bool inKey : {true, false}) {
    CoreOptions o = Meter::defaults();
    o.vlanInKey = inKey;
    Meter m(o);
    m.packet(tagged(0x8100, 5, 0x0800, kIp4Udp));
    m.packet(tagged(0x8100, 6, 0x0800, kIp4Udp));
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), inKey ? 2u : 1u);
    CHECK_EQ(port(rows[0].dot1qVlanId), 5u);
  }
}

TEST("decode: frames cut inside tags, IP and transport still land in a flow") {
  const Bytes frame = tagged(0x8100, 5, 0x0800, ip4({.protocol = 6}, tcp({})));
  for (uint32_t captured = 0; captured <= frame.size(); captured++) {
    Meter m;
    m.packet(frame, kMs, captured, 1514);
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), captured < 14 ? 0u : 1u);
    CHECK_EQ(m.counter(MeterCounter::undecodablePackets), captured < 14 ? 1u : 0u);
    if (captured < 14) continue;
    CHECK_EQ(toNetwork(rows[0].layer2OctetDeltaCount), 1514u);
    CHECK_EQ(rows[0].family, captured < 38 ? 2 : 0);
    if (captured >= 18 && captured < 38) CHECK_EQ(rows[0].decodeAnnotation, static_cast<uint8_t>(DecodeAnnotation::truncatedIpHeader));
    if (captured >= 14 && captured < 18) CHECK_EQ(rows[0].decodeAnnotation, static_cast<uint8_t>(DecodeAnnotation::truncatedVlanTag));
    if (captured >= 38) CHECK_EQ(toNetwork(rows[0].octetDeltaCount), 40u);
    if (captured >= 42) CHECK_EQ(port(rows[0].destinationTransportPort), 443u);
    CHECK_EQ(rows[0].decodeAnnotation == 0, captured >= 54);
  }
}

TEST("decode: IPv6 with every extension header") {
  Meter m;
  const Bytes hopByHop = Bytes{43, 0} + zeros(6);
  const Bytes routing = Bytes{60, 0} + zeros(6);
  const Bytes destination = Bytes{51, 1} + zeros(14);
  const Bytes ah = Bytes{139, 4} + zeros(22);
  const Bytes hip = Bytes{135, 0} + zeros(6);
  const Bytes mobility = Bytes{140, 0} + zeros(6);
  const Bytes shim = Bytes{17, 0} + zeros(6);
  m.packet(ethernet(0x86dd, ip6({.next = 0, .label = 0x12345}, hopByHop + routing + destination + ah + hip + mobility + shim + udp(1000, 53))));
  const Row& r = only(m);
  expectUdp(r);
  CHECK_EQ(r.family, 1);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 40u + 8 + 8 + 16 + 24 + 8 + 8 + 8 + 8);
  CHECK(present(r, presence::kFlowLabel));
  CHECK_EQ(toNetwork(r.flowLabelIPv6), 0x12345u);
  CHECK_EQ(r.sourceAddress[15], 1);
}

TEST("decode: IPv6 jumbogram counts by its option") {
  Meter m;
  const Bytes jumbo = Bytes{17, 0, 0xc2, 4} + be32(70000);
  m.packet(ethernet(0x86dd, ip6({.next = 0, .payloadLength = 0}, jumbo + udp(1000, 53))), kMs, ~0u, 70054);
  CHECK_EQ(toNetwork(only(m).octetDeltaCount), 70040u);
}

TEST("decode: super-packets of segmentation offload count by the frame") {
  Meter m;
  m.packet(ethernet(0x0800, ip4({.protocol = 6, .totalLength = 0}, tcp({}))), kMs, ~0u, 40014);
  const Row& r = only(m);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 40000u);
  CHECK_EQ(r.decodeAnnotation, static_cast<uint8_t>(DecodeAnnotation::superPacket));
}

TEST("decode: SCTP, DCCP and UDP-Lite have ports; IGMP, ESP, GRE have none") {
  for (const uint8_t protocol : {132, 33, 136, 2, 50, 47}) {
    Meter m;
    m.packet(ethernet(0x0800, ip4({.protocol = protocol}, be16(1000) + be16(53) + zeros(12))));
    const Row& r = only(m);
    CHECK_EQ(r.protocolIdentifier, protocol);
    CHECK_EQ(present(r, presence::kPorts), protocol > 100 || protocol == 33);
    if (protocol == 50) CHECK_EQ(m.annotation(DecodeAnnotation::encrypted), 1u);
  }
}

TEST("decode: AH in IPv4 shows what it protects") {
  Meter m;
  m.packet(ethernet(0x0800, ip4({.protocol = 51}, Bytes{17, 4} + zeros(22) + udp(1000, 53))));
  expectUdp(only(m));
}

TEST("decode: ICMP echoes pair by identifier, other ICMP is one-way") {
  Meter m;
  const auto echo = [&](uint8_t type, unsigned id, bool back) {
    const Ip4 h = back ? Ip4{.from = 0x0a000002, .to = 0x0a000001, .protocol = 1} : Ip4{.protocol = 1};
    m.packet(ethernet(0x0800, ip4(h, icmp(type, 0, be16(id) + be16(1)))));
  };
  echo(8, 77, false);
  echo(0, 77, true);
  echo(8, 78, false);
  m.packet(ethernet(0x0800, ip4({.protocol = 1}, icmp(11, 0, zeros(4)))));
  m.packet(ethernet(0x0800, ip4({.from = 0x0a000002, .to = 0x0a000001, .protocol = 1}, icmp(11, 0, zeros(4)))));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 4u);
  CHECK_EQ(packets(rows[0]), 1u);
  CHECK_EQ(reversePackets(rows[0]), 1u);
  CHECK_EQ(port(rows[0].icmpTypeCode), 0x0800u);
  CHECK(present(rows[0], presence::kIcmp));
  CHECK(!present(rows[0], presence::kPorts));
  CHECK_EQ(reversePackets(rows[1]), 0u);
  CHECK_EQ(port(rows[2].icmpTypeCode), 0x0b00u);
  CHECK_EQ(address4(rows[3].sourceAddress), 0x0a000002u);
}

TEST("decode: a reply seen first makes its sender the initiator, with its own type") {
  Meter m;
  m.packet(ethernet(0x86dd, ip6({.next = 58}, icmp(129, 0, be16(5) + be16(1)))));
  m.packet(ethernet(0x86dd, ip6({.from = 2, .to = 1, .next = 58}, icmp(128, 0, be16(5) + be16(2)))));
  const Row& r = only(m);
  CHECK_EQ(r.sourceAddress[15], 1);
  CHECK_EQ(port(r.icmpTypeCode), 0x8100u);
  CHECK_EQ(reversePackets(r), 1u);
}

TEST("decode: unreachable credits the quoted flow") {
  Meter m;
  const Bytes sent = ip4({}, udp(1000, 53, octets(20)));
  m.packet(ethernet(0x0800, sent));
  m.packet(ethernet(0x0800, ip4({.from = 0x0a0000fe, .to = 0x0a000001, .protocol = 1}, icmp(3, 3, zeros(4) + Bytes(sent.begin(), sent.begin() + 28)))));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(port(rows[0].icmpUnreachableDeltaCount), 1u);
  CHECK_EQ(port(rows[1].icmpTypeCode), 0x0303u);
}

TEST("decode: all that is not IP is an ethernet flow, both ways in one") {
  Meter m;
  m.packet(ethernet(0x0806, zeros(46)));
  m.packet(ethernet(0x0806, zeros(46), 2, 1));
  const Row& r = only(m);
  CHECK_EQ(r.family, 2);
  CHECK_EQ(port(r.ethernetType), 0x0806u);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 0u);
  CHECK_EQ(toNetwork(r.layer2OctetDeltaCount), 60u);
  CHECK_EQ(toNetwork(r.reverseLayer2OctetDeltaCount), 60u);
  CHECK_EQ(r.sourceMacAddress[5], 1);
  CHECK(!present(r, presence::kAddresses));
}

TEST("decode: 802.3 with LLC has no EtherType, with SNAP it has") {
  Meter stp;
  stp.packet(ethernet(38, Bytes{0x42, 0x42, 3} + zeros(35)));
  CHECK(!present(only(stp), presence::kEtherType));
  Meter snap;
  snap.packet(ethernet(40, Bytes{0xaa, 0xaa, 3, 0, 0, 0} + be16(0x0800) + kIp4Udp));
  expectUdp(only(snap));
}

TEST("decode: MPLS stack down to IP, label kept") {
  Meter m;
  m.packet(ethernet(0x8847, be32(100u << 12 | 64) + be32(200u << 12 | 0x100 | 64) + kIp4Udp));
  const Row& r = only(m);
  expectUdp(r);
  CHECK(present(r, presence::kMpls));
  CHECK_EQ(r.mplsLabelStackDepth, 2);
  CHECK_EQ(load24(r.mplsTopLabelStackSection) >> 4, 100u);
}

TEST("decode: PPPoE session down to IP; discovery is an ethernet flow") {
  Meter m;
  m.packet(ethernet(0x8864, Bytes{0x11, 0} + be16(9) + be16(34) + be16(0x0021) + kIp4Udp));
  m.packet(ethernet(0x8863, Bytes{0x11, 9} + zeros(20)));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  expectUdp(rows[0]);
  CHECK_EQ(port(rows[1].ethernetType), 0x8863u);
}

TEST("decode: link types without MACs give IP rows without them") {
  struct Case {
    LinkType link;
    Bytes frame;
  };
  const Case cases[] = {
      {LinkType::rawIp, kIp4Udp},
      {LinkType::rawIp, kIp6Udp},
      {LinkType::linuxSll, zeros(14) + be16(0x0800) + kIp4Udp},
      {LinkType::linuxSll2, be16(0x86dd) + zeros(18) + kIp6Udp},
      {LinkType::bsdLoopback, Bytes{2, 0, 0, 0} + kIp4Udp},
      {LinkType::bsdLoopback, Bytes{0, 0, 0, 30} + kIp6Udp},
      {LinkType::ppp, Bytes{0xff, 3} + be16(0x0021) + kIp4Udp},
      {LinkType::ppp, Bytes{0x57} + kIp6Udp},
      {LinkType::pppHdlc, Bytes{0xff, 3} + be16(0x0021) + kIp4Udp},
      {LinkType::pppHdlc, Bytes{0x0f, 0} + be16(0x0800) + kIp4Udp},
      {LinkType::pppoe, Bytes{0x11, 0} + be16(9) + be16(34) + be16(0x0021) + kIp4Udp},
  };
  for (const Case& c : cases) {
    Meter m;
    m.link = c.link;
    m.packet(c.frame);
    m.packet(c.frame);
    const Row& r = only(m);
    expectUdp(r);
    CHECK_EQ(packets(r), 2u);
    CHECK(!present(r, presence::kMac));
  }
}

TEST("decode: IP that makes no sense is an ethernet flow, annotated") {
  Meter m;
  Bytes bad = kIp4Udp;
  bad[0] = 0x65;
  m.packet(ethernet(0x0800, bad));
  bad[0] = 0x41;
  m.packet(ethernet(0x0800, bad));
  const Row& r = only(m);
  CHECK_EQ(r.family, 2);
  CHECK_EQ(m.annotation(DecodeAnnotation::badIpVersion), 1u);
  CHECK_EQ(m.annotation(DecodeAnnotation::badIpHeaderLength), 1u);
}

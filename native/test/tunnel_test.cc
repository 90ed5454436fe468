// Tunnels: closed, each is the outer flow; opened, the inner flow with type, id and outer addresses.
#include "harness.h"

using namespace flowspan;

namespace {

const Bytes kInner4 = ip4({.from = 0xc0a80001, .to = 0xc0a80002}, udp(1000, 53, octets(4)));
const Bytes kInner6 = ip6({}, udp(1000, 53, octets(4)));
const Bytes kInnerFrame = ethernet(0x0800, kInner4, 8, 9);

struct Case {
  const char* name;
  TunnelType type;
  uint8_t protocol;
  Bytes payload;
  uint32_t id;
  bool six;
};

const Case kCases[] = {
    {"ip in ip", TunnelType::ipInIp, 4, kInner4, 0, false},
    {"6in4", TunnelType::sixInFour, 41, kInner6, 0, true},
    {"gre", TunnelType::gre, 47, be16(0) + be16(0x0800) + kInner4, 0, false},
    {"gre with checksum, key, sequence", TunnelType::gre, 47, be16(0xb000) + be16(0x86dd) + zeros(4) + be32(77) + zeros(4) + kInner6, 77, true},
    {"nvgre", TunnelType::nvgre, 47, be16(0x2000) + be16(0x6558) + be32(0x123456 << 8 | 5) + kInnerFrame, 0x123456, false},
    {"erspan II", TunnelType::erspan2, 47, be16(0x1000) + be16(0x88be) + zeros(4) + be16(0x1000) + be16(0x0c00 | 99) + zeros(4) + kInnerFrame, 99, false},
    {"erspan III", TunnelType::erspan3, 47, be16(0x1000) + be16(0x22eb) + zeros(4) + be16(0x2000) + be16(98) + zeros(7) + Bytes{1} + zeros(8) + kInnerFrame, 98, false},
    {"vxlan", TunnelType::vxlan, 17, udp(5555, 4789, Bytes{8, 0, 0, 0} + be32(4242 << 8) + kInnerFrame), 4242, false},
    {"geneve", TunnelType::geneve, 17, udp(5555, 6081, Bytes{1, 0} + be16(0x6558) + be32(17 << 8) + zeros(4) + kInnerFrame), 17, false},
    {"gtp-u", TunnelType::gtpu, 17, udp(2152, 2152, Bytes{0x34, 255} + be16(44) + be32(0xabcdef01) + Bytes{0, 0, 0, 0x85, 1, 0, 0, 0} + kInner4), 0xabcdef01, false},
    {"teredo", TunnelType::teredo, 17, udp(5555, 3544, zeros(8) + kInner6), 0, true},
    {"l2tpv3", TunnelType::l2tpv3, 115, be32(55) + zeros(4) + kInnerFrame, 55, false},
    {"l2tpv3 over udp", TunnelType::l2tpv3, 17, udp(1701, 1701, be16(0x0003) + be16(0) + be32(56) + kInnerFrame), 56, false},
};

CoreOptions opening(TunnelType type) {
  CoreOptions o = Meter::defaults();
  o.tunnels = 1u << static_cast<unsigned>(type);
  return o;
}

}  // namespace

TEST("tunnel: opened to the inner flow, id and outer addresses kept") {
  for (const Case& c : kCases) {
    const int before = check::failures();
    Meter m(opening(c.type));
    const Bytes frame = ethernet(0x0800, ip4({.protocol = c.protocol}, c.payload));
    m.packet(frame);
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), 1u);
    const Row& r = rows[0];
    CHECK_EQ(r.family, c.six ? 1 : 0);
    CHECK_EQ(r.protocolIdentifier, 17);
    CHECK_EQ(port(r.sourceTransportPort), 1000u);
    CHECK_EQ(r.tunnelType, static_cast<uint8_t>(c.type));
    CHECK(present(r, presence::kTunnelId));
    CHECK_EQ(static_cast<uint32_t>(toNetwork(r.layer2SegmentId)), c.id);
    CHECK(present(r, presence::kOuterAddresses));
    CHECK_EQ(mapped4(r.outerSourceAddress), 0x0a000001u);
    CHECK_EQ(mapped4(r.outerDestinationAddress), 0x0a000002u);
    CHECK_EQ(toNetwork(r.octetDeltaCount), c.six ? 52u : 32u);
    CHECK_EQ(toNetwork(r.layer2OctetDeltaCount), frame.size());
    if (check::failures() != before) std::printf("  in %s\n", c.name);
  }
}

// There is room for 4,095 pairs of them at a time: what an end did not give back would be missing later.
TEST("tunnel: outer addresses of flows that are over make room for others, also at an end") {
  Meter m(opening(TunnelType::ipInIp));
  for (uint32_t round = 0; round < 60; round++) {
    for (uint32_t i = 0; i < 100; i++) {
      const Bytes inner = ip4({.from = 0xc0a80100 + i, .to = 0xc0a80002}, udp(1000, 53, octets(4)));
      m.packet(ethernet(0x0800, ip4({.from = 0x0c000000u + round * 100 + i, .protocol = 4}, inner)), kMs / 100);
    }
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), (size_t{round} + 1) * 100);
    for (size_t i = rows.size() - 100; i < rows.size(); i++) CHECK(present(rows[i], presence::kOuterAddresses));
  }
}

TEST("tunnel: closed, it is the outer flow") {
  for (const Case& c : kCases) {
    Meter m;
    m.packet(ethernet(0x0800, ip4({.protocol = c.protocol}, c.payload)));
    const Row& r = m.finish()[0];
    CHECK_EQ(r.protocolIdentifier, c.protocol);
    CHECK(!present(r, presence::kTunnelId));
    CHECK_EQ(toNetwork(r.octetDeltaCount), 20 + c.payload.size());
  }
}

TEST("tunnel: cut short at every octet, it is one flow or the other") {
  for (const Case& c : kCases) {
    const Bytes frame = ethernet(0x0800, ip4({.protocol = c.protocol}, c.payload));
    for (uint32_t captured = 14; captured < frame.size(); captured++) {
      CoreOptions o = Meter::defaults();
      o.tunnels = ~0u;
      Meter m(o);
      m.packet(frame, kMs, captured);
      CHECK_EQ(m.finish().size(), 1u);
    }
  }
}

TEST("tunnel: different ids are different flows") {
  Meter m(opening(TunnelType::vxlan));
  for (const uint32_t id : {1u, 2u, 1u}) m.packet(ethernet(0x0800, ip4({.id = static_cast<uint16_t>(id)}, udp(5555, 4789, Bytes{8, 0, 0, 0} + be32(id << 8) + kInnerFrame))));
  CHECK_EQ(m.finish().size(), 2u);
}

TEST("tunnel: nested deeper than the limit ends at an outer flow, annotated") {
  Meter m(opening(TunnelType::ipInIp));
  Bytes packet = kInner4;
  for (int i = 0; i < 7; i++) packet = ip4({.protocol = 4}, packet);
  m.packet(ethernet(0x0800, packet));
  CHECK_EQ(m.finish().size(), 1u);
  CHECK_EQ(m.annotation(DecodeAnnotation::tooManyTunnels), 1u);
}

TEST("tunnel: an inner frame that is not IP is an ethernet flow of the tunnel") {
  Meter m(opening(TunnelType::vxlan));
  m.packet(ethernet(0x0800, ip4({}, udp(5555, 4789, Bytes{8, 0, 0, 0} + be32(5 << 8) + ethernet(0x0806, zeros(28), 8, 9)))));
  const Row& r = m.finish()[0];
  CHECK_EQ(r.family, 2);
  CHECK_EQ(port(r.ethernetType), 0x0806u);
  CHECK_EQ(r.sourceMacAddress[5], 8);
  CHECK_EQ(toNetwork(r.octetDeltaCount), 0u);
}

TEST("tunnel: the key of a GRE flow that is not opened is shown") {
  Meter m;
  m.packet(ethernet(0x0800, ip4({.protocol = 47}, be16(0x2000) + be16(0x0800) + be32(77) + kInner4)));
  const Row& r = m.finish()[0];
  CHECK(present(r, presence::kGreKey));
  CHECK_EQ(toNetwork(r.greKey), 77u);
}

TEST("tunnel: fragments within belong to the flow of their first, by tunnel; those of outer packets to the outer flow") {
  const auto inner = [](bool isFirst, unsigned from) {
    return ip4({.from = 0xc0a80001, .to = 0xc0a80002, .id = 5, .fragment = static_cast<uint16_t>(isFirst ? 0x2000 : 3)},
               isFirst ? be16(from) + be16(53) + zeros(20) : octets(40));
  };
  const auto keyed = [&](bool isFirst, unsigned from) {
    return ethernet(0x0800, ip4({.protocol = 47}, be16(0x2000) + be16(0x0800) + be32(from) + inner(isFirst, from)));
  };
  {
    Meter m(opening(TunnelType::gre));
    m.packet(keyed(true, 1000));
    m.packet(keyed(false, 2000));  // the same datagram's name in another tunnel: waits for its own first
    m.packet(keyed(false, 1000));
    m.packet(keyed(true, 2000));
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), 2u);
    for (const Row& r : rows) {
      CHECK_EQ(packets(r), 2u);
      CHECK_EQ(port(r.sourceTransportPort), static_cast<uint32_t>(toNetwork(r.layer2SegmentId)));
    }
  }
  Meter m(opening(TunnelType::vxlan));
  m.packet(ethernet(0x0800, ip4({.id = 9, .fragment = 0x2000}, udp(5555, 4789, Bytes{8, 0, 0, 0} + be32(7 << 8) + kInnerFrame))));
  m.packet(ethernet(0x0800, ip4({.id = 9, .fragment = 20}, octets(40))));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  for (const Row& r : rows) CHECK_EQ(port(r.destinationTransportPort), present(r, presence::kTunnelId) ? 53u : 4789u);
}

// What counts as a copy, and what only looks like one.
#include "harness.h"

using namespace flowspan;

namespace {

uint64_t copies(const Bytes& a, const Bytes& b, uint64_t apart, DuplicateMode mode = DuplicateMode::report) {
  CoreOptions o = Meter::defaults();
  o.duplicates = mode;
  Meter m(o);
  m.packet(a);
  m.packet(b, apart);
  m.finish();
  CHECK_EQ(m.counter(MeterCounter::duplicatePackets), mode == DuplicateMode::remove ? m.counter(MeterCounter::duplicatesSeenPackets) : 0u);
  return m.counter(MeterCounter::duplicatesSeenPackets);
}

Bytes v4(uint16_t id, uint32_t seq = 5, uint8_t ttl = 64) {
  return ip4({.protocol = 6, .ttl = ttl, .id = id, .fragment = 0x4000}, tcp({.seq = seq, .ack = 9}, octets(30)));
}
constexpr uint64_t kUs = 1000;

}  // namespace

TEST("duplicate: the same frame twice, in another VLAN, and routed") {
  for (const DuplicateMode mode : {DuplicateMode::report, DuplicateMode::remove}) {
    CHECK_EQ(copies(ethernet(0x0800, v4(7)), ethernet(0x0800, v4(7)), 20 * kUs, mode), 1u);
    CHECK_EQ(copies(ethernet(0x0800, v4(7)), tagged(0x8100, 9, 0x0800, v4(7)), 20 * kUs, mode), 1u);
    CHECK_EQ(copies(ethernet(0x0800, v4(7)), ethernet(0x0800, v4(7, 5, 63), 8, 9), 20 * kUs, mode), 1u);
    const Bytes six = ip6({.next = 6}, tcp({.seq = 5}, octets(30)));
    CHECK_EQ(copies(ethernet(0x86dd, six), tagged(0x8100, 9, 0x86dd, six), 20 * kUs, mode), 1u);
  }
  CHECK_EQ(copies(ethernet(0x0800, v4(7)), ethernet(0x0800, v4(7)), 20 * kUs, DuplicateMode::off), 0u);
}

TEST("duplicate: a segment sent again has another identification") {
  CHECK_EQ(copies(ethernet(0x0800, v4(7)), ethernet(0x0800, v4(8)), 20 * kUs), 0u);
}

TEST("duplicate: without identification only what follows at once is a copy") {
  CHECK_EQ(copies(ethernet(0x0800, v4(0)), ethernet(0x0800, v4(0)), 20 * kUs), 1u);
  CHECK_EQ(copies(ethernet(0x0800, v4(0)), ethernet(0x0800, v4(0)), 5 * kMs), 0u);
  const Bytes six = ethernet(0x86dd, ip6({.next = 6}, tcp({.seq = 5}, octets(30))));
  CHECK_EQ(copies(six, six, 5 * kMs), 0u);
}

TEST("duplicate: beyond the window it is another packet") {
  CHECK_EQ(copies(ethernet(0x0800, v4(7)), ethernet(0x0800, v4(7)), 90 * kMs), 1u);
  CHECK_EQ(copies(ethernet(0x0800, v4(7)), ethernet(0x0800, v4(7)), 110 * kMs), 0u);
}

TEST("duplicate: a burst of datagrams that differ in identification alone is no copy") {
  Meter m;
  for (uint16_t id = 1; id < 2000; id++) m.packet(ethernet(0x0800, ip4({.id = id}, udp(1000, 53, octets(40)))), kUs);
  m.finish();
  CHECK_EQ(m.counter(MeterCounter::duplicatesSeenPackets), 0u);
}

TEST("duplicate: tunnelled packets in datagrams without a checksum are told apart by what is within") {
  const auto within = [](uint8_t version, uint8_t mark, unsigned checksum, size_t at) {
    Bytes payload = octets(120);
    payload[at] = mark;
    const Bytes datagram = udp(50'000, 4789, payload, checksum);
    return version == 4 ? ethernet(0x0800, ip4({.protocol = 17, .id = 0, .fragment = 0x4000}, datagram)) : ethernet(0x86dd, ip6({.next = 17}, datagram));
  };
  for (const uint8_t version : {4, 6}) {
    // Of VXLAN over IPv4 these are, within: the identification, the sequence number's end, and a checksum.
    for (const size_t at : {26u, 49u, 65u}) {
      CHECK_EQ(copies(within(version, 1, 0, at), within(version, 2, 0, at), 20 * kUs), 0u);
      CHECK_EQ(copies(within(version, 1, 0, at), within(version, 1, 0, at), 20 * kUs), 1u);
    }
    // A checksum stands for what is not looked at.
    CHECK_EQ(copies(within(version, 1, 7, 65), within(version, 2, 8, 65), 20 * kUs), 0u);
  }
}

TEST("duplicate: every packet twice is found, and removal leaves half") {
  CoreOptions o = Meter::defaults();
  o.duplicates = DuplicateMode::remove;
  Meter m(o);
  for (uint16_t id = 1; id <= 1000; id++) {
    const Bytes frame = ethernet(0x0800, ip4({.id = id}, udp(1000u + id % 7, 53, octets(10))));
    m.packet(frame, 50 * kUs);
    m.packet(tagged(0x8100, 5, 0x0800, Bytes(frame.begin() + 14, frame.end())), 3 * kUs);
  }
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 7u);
  CHECK_EQ(m.counter(MeterCounter::duplicatePackets), 1000u);
}

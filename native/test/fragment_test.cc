// Fragments join the flow of their first, in order and out of it; what never finds it goes to port 0.
#include "harness.h"

using namespace flowspan;

namespace {

Bytes first(uint16_t id, unsigned from = 1000) { return ethernet(0x0800, ip4({.id = id, .fragment = 0x2000}, be16(from) + be16(53) + zeros(20))); }
Bytes later(uint16_t id, uint16_t offset = 3) { return ethernet(0x0800, ip4({.id = id, .fragment = offset}, octets(40))); }
Bytes six(bool isFirst, uint32_t id) {
  const Bytes header = Bytes{17, 0} + be16(isFirst ? 1 : 3 << 3) + be32(id);
  return ethernet(0x86dd, ip6({.next = 44}, header + (isFirst ? be16(1000) + be16(53) + zeros(20) : octets(40))));
}

}  // namespace

TEST("fragment: later parts get the ports of the first") {
  Meter m;
  m.packet(first(7));
  m.packet(later(7));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 1u);
  CHECK_EQ(packets(rows[0]), 2u);
  CHECK_EQ(port(rows[0].sourceTransportPort), 1000u);
  CHECK_EQ(toNetwork(rows[0].fragmentDeltaCount), 2u);
}

TEST("fragment: parts before the first wait for it, counted as cached") {
  for (const bool v6 : {false, true}) {
    Meter m;
    m.packet(v6 ? six(false, 7) : later(7, 0x2003));
    m.packet(v6 ? six(false, 7) : later(7, 9));
    CHECK_EQ(m.counter(MeterCounter::cachedPackets), 2u);
    CHECK_EQ(m.counter(MeterCounter::cachedFlows), 0u);
    m.packet(v6 ? six(true, 7) : first(7));
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), 1u);
    CHECK_EQ(packets(rows[0]), 3u);
    CHECK_EQ(port(rows[0].sourceTransportPort), 1000u);
    CHECK_EQ(m.annotation(DecodeAnnotation::laterFragmentWithoutFirst), 0u);
    CHECK_EQ(toNetwork(rows[0].flowStart), kStart + kMs);
  }
}

TEST("fragment: without a first they are a flow of port 0, annotated and counted") {
  Meter m;
  m.packet(later(7));
  m.core.tick(m.now + 2 * kS);
  CHECK_EQ(m.counter(MeterCounter::cachedFlows), 1u);
  m.packet(first(8));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(m.counter(MeterCounter::fragmentTableMisses), 1u);
  CHECK_EQ(rows[0].decodeAnnotation, static_cast<uint8_t>(DecodeAnnotation::laterFragmentWithoutFirst));
  CHECK_EQ(port(rows[0].sourceTransportPort), 0u);
}

TEST("fragment: a first that comes too late finds nothing, also when both are in one batch") {
  for (const uint64_t afterMs : {999u, 1000u}) {
    Meter m;
    const Bytes frames[] = {later(7), first(7)};
    PacketView batch[2];
    for (unsigned i = 0; i < 2; i++) {
      const auto length = static_cast<uint32_t>(frames[i].size());
      batch[i] = PacketView{frames[i].data(), kStart + i * afterMs * kMs, length, length, m.interfaceIndex, 0, m.link, 0};
    }
    m.core.process(batch, 2);
    m.now = batch[1].ns;
    CHECK_EQ(m.finish().size(), afterMs < 1000 ? 1u : 2u);
    CHECK_EQ(m.annotation(DecodeAnnotation::laterFragmentWithoutFirst), afterMs < 1000 ? 0u : 1u);
  }
}

TEST("fragment: more early parts than are held go their own way, none is lost") {
  Meter m;
  for (unsigned i = 0; i < 600; i++) m.packet(later(static_cast<uint16_t>(i)), 1000);
  CHECK_EQ(m.counter(MeterCounter::meteredPackets), 600u);
  m.finish();
}

TEST("fragment: a datagram of another identification does not lend its ports") {
  Meter m;
  m.packet(first(7, 1000));
  m.packet(first(8, 2000));
  m.packet(later(8));
  const auto& rows = m.finish();
  CHECK_EQ(rows.size(), 2u);
  CHECK_EQ(packets(rows[1]), 2u);
}

TEST("fragment: an atomic fragment is a whole datagram") {
  Meter m;
  m.packet(ethernet(0x86dd, ip6({.next = 44}, Bytes{17, 0} + be16(0) + be32(9) + udp(1000, 53))));
  const Row& r = m.finish()[0];
  CHECK_EQ(port(r.sourceTransportPort), 1000u);
  CHECK_EQ(toNetwork(r.fragmentDeltaCount), 0u);
}

// Count-based and random selection, and that a record never mixes two rates.
#include <cmath>

#include "harness.h"

using namespace flowspan;

namespace {

Bytes frameOf(uint16_t id) { return ethernet(0x0800, ip4({.id = id}, udp(1000, 53))); }

}  // namespace

TEST("sampling: one of N by count, the first of each N") {
  CoreOptions o = Meter::defaults();
  o.sampling.others = {SamplingKind::countBased, 10, 4};
  Meter m(o);
  for (uint16_t i = 0; i < 1005; i++) m.packet(frameOf(i), 1000);
  const Row& r = m.finish()[0];
  CHECK_EQ(packets(r), 101u);
  CHECK_EQ(port(r.selectorId), 4u);
  CHECK_EQ(m.counter(MeterCounter::sampledOutPackets), 904u);
}

TEST("sampling: random selection hits one of N, within four standard deviations") {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    CoreOptions o = Meter::defaults();
    o.sampling.others = {SamplingKind::uniformRandom, 16, 1};
    o.seed = seed;
    Meter m(o);
    for (unsigned i = 0; i < 32000; i++) m.packet(frameOf(static_cast<uint16_t>(i)), 1000);
    const double hits = static_cast<double>(m.counter(MeterCounter::meteredPackets));
    CHECK(std::fabs(hits - 2000) < 4 * std::sqrt(32000.0 / 16 * 15 / 16));
  }
}

TEST("sampling: a change splits a flow at its next packet, whatever room there is") {
  for (const bool room : {true, false}) {
    Meter m;
    m.packet(frameOf(1));
    m.packet(frameOf(2));
    m.core.setSampling({{SamplingKind::countBased, 2, 9}});
    if (!room) m.sink.allow(0);
    m.packet(frameOf(3));
    m.packet(frameOf(4));
    m.packet(frameOf(5));
    m.sink.allow(100);
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), 2u);
    for (const Row& r : rows) {
      CHECK_EQ(packets(r), 2u);
      CHECK(port(r.selectorId) == 9 || port(r.selectorId) == 0);
    }
    CHECK(port(rows[0].selectorId) != port(rows[1].selectorId));
  }
}

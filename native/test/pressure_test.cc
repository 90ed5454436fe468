// Floods, full hand-over, random everything: nothing is lost, and the equations hold after every packet.
#include <algorithm>
#include <random>
#include <vector>

#include "../core/flow_index.h"
#include "harness.h"

using namespace flowspan;

namespace {

Bytes scan(uint32_t i) { return ethernet(0x0800, ip4({.from = 0x0b000000u + i, .protocol = 6, .id = static_cast<uint16_t>(i + 1)}, tcp({.from = i & 0xffff, .bits = SYN}))); }

CoreOptions tiny(uint32_t flows) {
  CoreOptions o = Meter::defaults();
  o.cacheFlows = flows;
  return o;
}

}  // namespace

TEST("pressure: a scan becomes aggregates, a long flow survives it") {
  Meter m(tiny(64));
  const Bytes talk = ethernet(0x0800, ip4({.id = 0x7777}, udp(1000, 53, octets(100))));
  for (int i = 0; i < 5; i++) m.packet(talk, 10 * kMs);
  for (uint32_t i = 0; i < 5000; i++) {
    m.packet(scan(i), 1000);
    if (i % 50 == 0) m.packet(talk, 1000);
  }
  const size_t capacity = m.core.memoryBytes();
  const auto& rows = m.finish();
  CHECK_EQ(m.core.memoryBytes(), capacity);
  size_t aggregates = 0;
  uint64_t longest = 0;
  for (const Row& r : rows) {
    if (r.family == 3) {
      aggregates++;
      CHECK_EQ(r.protocolIdentifier, 6);
      CHECK_EQ(r.flowEndReason, 5);
      CHECK(!present(r, presence::kAddresses));
      CHECK(!present(r, presence::kPorts));
    } else if (r.protocolIdentifier == 17) {
      longest = packets(r);
    }
  }
  CHECK(aggregates >= 1 && aggregates < 20);
  CHECK_EQ(longest, 105u);
  CHECK(m.counter(MeterCounter::flowsAggregated) > 4800);
  CHECK_EQ(m.counter(MeterCounter::flowsCreated), 5001u);
  CHECK_EQ(m.counter(MeterCounter::handedOverFlows), 5001u);
}

// Short flows that all do the same, more than the cache has room for: what each has is worked out by hand, so sums are multiples.
TEST("pressure: sums tell what is known of their flows, and nothing of what is not") {
  for (const bool sameCode : {true, false}) {
    Meter m(tiny(64));
    constexpr uint32_t kFlows = 1000;
    for (uint32_t i = 0; i < kFlows; i++) {
      const uint32_t client = 0x0b000000u + i, server = 0x0a000002;
      const auto tos = static_cast<uint8_t>(sameCode ? 0x20 : i % 2 * 0x20);
      const auto id = static_cast<uint16_t>(i);
      // A segment that is sent again; the server closes its window, then acknowledges ten octets that nobody saw.
      const Bytes segment = ethernet(0x0800, ip4({.from = client, .to = server, .protocol = 6, .tos = tos, .id = id}, tcp({.seq = 100}, octets(30))));
      m.packet(segment, 1000);
      m.packet(segment, 10 * kMs);
      const auto answer = [&](uint32_t ack, unsigned window) {
        return ethernet(0x0800, ip4({.from = server, .to = client, .protocol = 6, .ttl = 57}, tcp({.from = 443, .to = 40000, .seq = 7, .ack = ack, .window = window})));
      };
      m.packet(answer(130, 0), 1000);
      m.packet(answer(140, 9), 10 * kMs);
    }
    const auto& rows = m.finish();
    size_t sums = 0;
    for (const Row& r : rows) {
      if (r.family != static_cast<uint8_t>(RowFamily::aggregate)) continue;
      sums++;
      const uint32_t n = toNetwork(r.deltaFlowCount);
      CHECK(n > 1);
      CHECK_EQ(packets(r), 2ull * n);
      CHECK_EQ(toNetwork(r.retransmittedPacketDeltaCount), n);
      CHECK_EQ(toNetwork(r.reverseRetransmittedPacketDeltaCount), 0u);
      CHECK_EQ(toNetwork(r.unseenAcknowledgedOctetDeltaCount), 10 * n);
      CHECK_EQ(port(r.reverseZeroWindowPacketDeltaCount), n);
      CHECK_EQ(toNetwork(r.fragmentDeltaCount), 0u);
      CHECK_EQ(toNetwork(r.diffServCodePointSet), sameCode ? 1ull << 8 : 1ull << 8 | 1);
      CHECK_EQ(toNetwork(r.reverseDiffServCodePointSet), 1u);
      CHECK_EQ(r.minimumTTL, 64);
      CHECK_EQ(r.reverseMaximumTTL, 57);
      CHECK_EQ(r.ipVersion, 4);
      CHECK_EQ(r.ipClassOfService, sameCode ? 0x20 : 0);
      CHECK_EQ(present(r, presence::kClassOfService), sameCode);
      for (const uint64_t known : {presence::kReverse, presence::kProtocol, presence::kIp, presence::kTcp}) CHECK(present(r, known));
      for (const uint64_t unknown : {presence::kAddresses, presence::kPorts, presence::kSourcePort, presence::kMac, presence::kVlan, presence::kPriority,
                                     presence::kTcpSequence, presence::kRtt, presence::kReverseRtt, presence::kEtherType, presence::kIcmp})
        CHECK(!present(r, unknown));
    }
    CHECK(sums > 10);
  }
}

TEST("pressure: frames without IP are summed by EtherType; of TCP whose headers were cut nothing is told but that it was TCP") {
  Meter m(tiny(16));
  for (uint32_t i = 0; i < 600; i++) {
    Bytes frame = ethernet(static_cast<uint16_t>(i % 2 == 0 ? 0x88cc : 0x0806), octets(46));
    frame[10] = static_cast<uint8_t>(i >> 8), frame[11] = static_cast<uint8_t>(i);  // another station each
    m.packet(frame, 1000);
    m.packet(ethernet(0x0800, ip4({.from = 0x0b000000u + i, .protocol = 6}, tcp({}, octets(100)))), 1000, 38);
  }
  uint64_t frames[2] = {}, cut = 0;
  for (const Row& r : m.finish()) {
    if (r.family != static_cast<uint8_t>(RowFamily::aggregate)) continue;
    CHECK(!present(r, presence::kTcp));
    if (r.protocolIdentifier == 6) {
      CHECK(present(r, presence::kProtocol) && present(r, presence::kIp));
      cut += packets(r);
      continue;
    }
    CHECK(present(r, presence::kEtherType) && !present(r, presence::kProtocol) && !present(r, presence::kIp));
    CHECK(port(r.ethernetType) == 0x88cc || port(r.ethernetType) == 0x0806);
    frames[port(r.ethernetType) == 0x0806] += packets(r);
  }
  CHECK(frames[0] > 280 && frames[1] > 280 && cut > 580);
}

TEST("pressure: with no room at all the cache holds its bound and finish waits") {
  Meter m(tiny(32));
  m.sink.allow(0);
  for (uint32_t i = 0; i < 2000; i++) m.packet(scan(i), kMs);
  CHECK(m.counter(MeterCounter::cachedFlows) <= 32);
  CHECK(!m.core.finish(m.now));
  m.balance();
  m.sink.allow(3);
  CHECK(!m.core.finish(m.now));
  m.balance();
  m.sink.allow(1000);
  m.finish();
  CHECK_EQ(m.counter(MeterCounter::cachedPackets), 0u);
}

// Index and wheel forget all flows at once in the end: what comes then is as in a new cache.
TEST("pressure: after an end that had to wait for room the same flows begin anew, each a record of its own") {
  Meter m(tiny(32));
  for (unsigned time = 1; time <= 3; time++) {
    m.sink.allow(0);
    for (uint32_t i = 0; i < 20; i++) m.packet(scan(i), kMs);
    CHECK(!m.core.finish(m.now));
    m.sink.allow(7);
    CHECK(!m.core.finish(m.now));
    m.balance();
    m.sink.allow(1000);
    CHECK_EQ(m.finish().size(), 20u * time);
    CHECK_EQ(m.counter(MeterCounter::cachedFlows), 0u);
    CHECK_EQ(m.counter(MeterCounter::flowsCreated), 20u * time);
    // Long after: nothing of them is due once more.
    m.now += 600'000 * kMs;
    m.core.tick(m.now);
    CHECK_EQ(m.finish().size(), 20u * time);
  }
}

TEST("pressure: one entry is enough to be exact") {
  Meter m(tiny(1));
  for (uint32_t i = 0; i < 300; i++) m.packet(scan(i % 3), kMs);
  m.finish();
}

TEST("pressure: a flood of protocol numbers, VLANs and rates stays within the sums") {
  Meter m(tiny(16));
  m.sink.allow(0);
  for (uint32_t i = 0; i < 4000; i++) {
    if (i % 50 == 0) m.core.setSampling({{SamplingKind::none, 1, static_cast<uint16_t>(i / 50)}});
    m.packet(tagged(0x8100, i % 11, 0x0800, ip4({.from = i, .protocol = static_cast<uint8_t>(i * 7)}, octets(20))), 1000);
  }
  m.sink.allow(100000);
  const auto& rows = m.finish();
  CHECK(rows.size() <= 512 + 16);
}

// Who knew the seed could choose flows that all belong into one bucket of the index. Under another seed they are flows as any others.
TEST("pressure: flows aimed at one bucket under one seed are spread under another, and exact under both") {
  constexpr uint32_t kBuckets = 4096 / FlowIndex::kFlowsPerBucket + 2;
  const auto home = [](const Row& r) { return static_cast<uint32_t>((__builtin_bswap64(r.flowId) >> 32) * kBuckets >> 32); };
  const auto flow = [](uint32_t i) { return ethernet(0x0800, ip4({.from = 0x0b000000u + i, .id = 7}, udp(1000, 53))); };
  std::vector<uint32_t> aimed;
  {
    CoreOptions o = tiny(1u << 18);
    Meter known(o);
    for (uint32_t i = 0; i < 120'000; i++) {
      const Bytes frame = flow(i);
      const auto length = static_cast<uint32_t>(frame.size());
      const PacketView view{frame.data(), known.now, length, length, 3, 0, LinkType::ethernet, 0};
      known.core.process(&view, 1);
    }
    for (const Row& r : known.finish()) {
      if (home(r) == 99) aimed.push_back(address4(r.sourceAddress) - 0x0b000000u);
    }
  }
  CHECK(aimed.size() > 200);
  for (const uint64_t seed : {7, 8}) {
    CoreOptions o = tiny(4096);
    o.seed = seed;
    Meter m(o);
    for (unsigned round = 0; round < 3; round++) {
      for (const uint32_t i : aimed) m.packet(flow(i), 1000);
    }
    const auto& rows = m.finish();
    CHECK_EQ(rows.size(), aimed.size());
    std::vector<unsigned> inBucket(kBuckets);
    for (const Row& r : rows) {
      CHECK_EQ(packets(r), 3u);
      inBucket[home(r)]++;
    }
    const unsigned most = *std::ranges::max_element(inBucket);
    CHECK(seed == 7 ? most == aimed.size() : most < FlowIndex::kSlots);
  }
}

TEST("pressure: random traffic, clocks, rooms and settings keep every equation after every step") {
  for (uint32_t seed = 1; seed <= 12; seed++) {
    std::mt19937 random(seed);
    const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    CoreOptions o = tiny(1 + below(60));
    o.tunnels = below(2) != 0 ? ~0u : 0;
    o.vlanInKey = below(2) != 0;
    o.duplicates = static_cast<DuplicateMode>(below(3));
    o.seed = seed;
    Meter m(o);
    for (int i = 0; i < 2500; i++) {
      const uint32_t what = below(100);
      if (what == 0) m.sink.allow(below(30));
      if (what == 1) m.core.tick(m.now + below(5) * kS);
      if (what == 2) m.core.setSampling({{static_cast<SamplingKind>(below(4)), 1 + below(4), static_cast<uint16_t>(i)}});
      if (what == 3) m.core.setTimeouts((1 + below(100)) * kS, (1 + below(20)) * kS);
      if (what == 4) m.now -= below(3) * kS;
      if (what == 5) m.now += uint64_t{below(4)} * 100 * kS;
      const uint8_t protocols[] = {6, 6, 6, 17, 17, 1, 47, 4, 41, 132, 51, 50, 99};
      Ip4 h{.from = 1 + below(6), .to = 1 + below(6), .protocol = protocols[below(13)], .id = static_cast<uint16_t>(below(40))};
      if (below(8) == 0) h.fragment = static_cast<uint16_t>(below(3) | (below(2) != 0 ? 0x2000 : 0));
      Bytes payload = tcp({.from = below(4), .to = below(4), .seq = below(3000), .ack = below(3000), .bits = below(64), .window = below(3)}, octets(below(60)));
      if (h.protocol == 1) payload = icmp(static_cast<uint8_t>(below(13)), 0, be16(below(3)) + zeros(2) + ip4({.from = h.to, .to = h.from}, udp(1, 2)));
      if (h.protocol == 4) payload = ip4({.from = below(4)}, udp(below(3), 53));
      Bytes packet = ip4(h, payload);
      if (below(6) == 0 && !packet.empty()) packet[below(static_cast<uint32_t>(packet.size()))] ^= static_cast<uint8_t>(1u << below(8));
      Bytes frame = below(3) == 0 ? tagged(0x8100, below(3), 0x0800, packet) : ethernet(below(20) == 0 ? 0x0806 : 0x0800, packet);
      m.packet(frame, below(50) * kMs, below(10) == 0 ? below(80) : ~0u);
    }
    m.sink.allow(1u << 20);
    m.finish();
    CHECK_EQ(m.counter(MeterCounter::cachedPackets), 0u);
    CHECK_EQ(m.counter(MeterCounter::cachedFlows), 0u);
  }
}

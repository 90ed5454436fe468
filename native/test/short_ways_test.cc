// Conversations as they are and as they go wrong, through a meter that takes short ways (decode_usual.h, quick_update.h) and
// through one that sends every packet the general way: rows, counters and what the cache holds must be the same.
#include <algorithm>
#include <array>
#include <random>

#include "harness.h"

using namespace flowspan;

namespace {

class Conversation {
 public:
  // `calm`: how much rarer odd headers are, and `steady`, what goes wrong with a connection.
  Conversation(std::mt19937_64& random, unsigned number, unsigned calm, unsigned steady)
      : random_(random), number_(number), calm_(calm), steady_(steady), six_(below(4) == 0), tcp_(below(3) != 0), oneWay_(below(8) == 0), vlan_(below(3) == 0 ? below(4) : kNone) {
    for (uint32_t& n : next_) n = static_cast<uint32_t>(random_());
  }

  Bytes frame() {
    const unsigned side = oneWay_ ? 0 : below(2), other = side ^ 1;
    const unsigned length = below(4) == 0 ? below(2000) : below(3) * 500;
    const uint8_t ttl = static_cast<uint8_t>(odd(60) ? below(256) : 60 + side), tos = static_cast<uint8_t>(odd(50) ? below(256) : 0);
    Bytes payload = tcp_ ? segment(side, other, length) : udp(port(side), port(other), octets(length));
    if (odd(60)) payload.resize(below(30));
    const auto id = static_cast<uint16_t>(below(4) == 0 ? 0 : random_());
    const uint8_t protocol = odd(100) ? static_cast<uint8_t>(below(256)) : tcp_ ? 6 : 17;
    const auto from = static_cast<uint8_t>(side + 1), to = static_cast<uint8_t>(other + 1);
    const Bytes packet = six_ ? ip6({.from = from, .to = to, .next = protocol, .hops = ttl, .trafficClass = tos, .label = number_}, payload)
                              : ip4({.from = 0x0a000000u + from, .to = 0x0a000000u + to, .protocol = protocol, .ttl = ttl, .tos = tos, .id = id,
                                     .fragment = static_cast<uint16_t>(odd(40) ? 0x2000 : odd(40) ? 3 : below(9) == 0 ? 0 : 0x4000),
                                     .options = odd(40) ? zeros(8) : Bytes{}}, payload);
    const unsigned type = six_ ? 0x86dd : 0x0800;
    return vlan_ == kNone ? ethernet(type, packet, from, to) : tagged(0x8100, vlan_, type, packet, from, to);
  }

 private:
  static constexpr unsigned kNone = ~0u;
  unsigned below(uint64_t n) { return static_cast<unsigned>(random_() % n); }
  bool odd(unsigned n) { return below(uint64_t{n} * calm_) == 0; }
  bool seldom(unsigned n) { return below(uint64_t{n} * steady_) == 0; }
  unsigned port(unsigned side) const { return side == 0 ? 1024 + number_ : 443; }

  // In order more often than not; else sent again, ahead, acknowledging what nobody saw, with a closed window, and so on.
  Bytes segment(unsigned side, unsigned other, unsigned length) {
    const unsigned bits = seldom(40) ? SYN | (below(2) * ACK) : seldom(60) ? FIN | ACK : seldom(150) ? RST : seldom(100) ? below(512) : ACK | below(2) * PSH;
    uint32_t sequence = next_[side], acknowledgment = next_[other];
    switch (below(24 * steady_)) {
      case 0: sequence -= below(3000); break;
      case 1: sequence += below(3000); break;
      case 2: acknowledgment += below(3000); break;
      case 3: acknowledgment -= below(3000); break;
      case 4: sequence = static_cast<uint32_t>(random_()); break;
      default: break;
    }
    if (!seldom(5)) next_[side] = sequence + length;
    return tcp({.from = port(side), .to = port(other), .seq = sequence, .ack = acknowledgment, .bits = bits, .window = seldom(30) ? 0 : 1000u}, octets(length));
  }

  std::mt19937_64& random_;
  const unsigned number_, calm_, steady_;
  const bool six_, tcp_, oneWay_;
  const unsigned vlan_;
  uint32_t next_[2];
};

// Two meters that differ in nothing but `shortWays`.
class Twins {
 public:
  explicit Twins(CoreOptions options) : options_(options), quick_(options_, quickSink_), general_(without(options), generalSink_) {}

  void process(const std::vector<PacketView>& views) { both([&](MeterCore& core) { core.process(views.data(), views.size()); }); }
  void tick(uint64_t ns) { both([&](MeterCore& core) { core.tick(ns); }); }
  void setSampling(const SamplingPlan& plan) { both([&](MeterCore& core) { core.setSampling(plan); }); }
  void allow(size_t rows) {
    quickSink_.allow(rows);
    generalSink_.allow(rows);
  }
  void finish(uint64_t ns) {
    both([&](MeterCore& core) { CHECK(core.finish(ns)); });
    quickSink_.commit();
    generalSink_.commit();
  }
  void compare() {
    const CounterArray &a = quick_.counters(), &b = general_.counters();
    CHECK(a == b);
    CHECK(quick_.annotations() == general_.annotations());
    CHECK_EQ(quickSink_.rows.size(), generalSink_.rows.size());
    size_t differing = 0;
    for (size_t i = 0; i < std::min(quickSink_.rows.size(), generalSink_.rows.size()); i++) {
      differing += std::memcmp(&quickSink_.rows[i], &generalSink_.rows[i], sizeof(Row)) != 0;
    }
    CHECK_EQ(differing, 0u);
  }
  size_t rows() const { return quickSink_.rows.size(); }

 private:
  static CoreOptions without(CoreOptions options) {
    options.shortWays = false;
    return options;
  }
  template <typename Action>
  void both(Action action) {
    action(quick_);
    action(general_);
  }
  CoreOptions options_;
  KeepingSink quickSink_, generalSink_;
  MeterCore quick_, general_;
};

}  // namespace

TEST("short ways: the same rows and counters as without them, octet for octet") {
  for (uint32_t seed = 1; seed <= 16; seed++) {
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t n) { return static_cast<uint32_t>(random() % n); };
    CoreOptions options = Meter::defaults();
    options.seed = seed;
    options.cacheFlows = seed % 4 == 0 ? 12 : 4096;
    options.vlanInKey = seed % 3 != 0;
    options.duplicates = static_cast<DuplicateMode>(seed % 3);
    Twins twins(options);
    std::vector<Conversation> conversations;
    // Where few flows with calm headers follow each other, most are recognised by them (recent_headers.h), or nearly all.
    const unsigned calm = seed % 2 != 0 ? 1 : seed % 4 == 0 ? 8 : 400;
    const unsigned others = calm == 1 ? 8 : calm * 12, snapLength = calm == 400 ? 80 : 40;
    for (unsigned i = 0; i < 40; i++) conversations.emplace_back(random, i, calm, calm == 400 ? 20 : 1);
    uint64_t now = kStart;
    std::vector<Bytes> frames(32);
    std::vector<PacketView> views;
    for (int i = 0; i < 30000; i++) {
      now += below(300) == 0 ? below(20 * kS) : below(20) == 0 ? below(300 * kMs) : below(kMs);
      const uint64_t ns = below(30) == 0 ? now - below(2 * kMs) : now;
      Bytes& frame = frames[views.size()];
      // Now and then a copy of the packet before.
      if (!views.empty() && below(50) == 0) frame = frames[views.size() - 1];
      else frame = conversations[below(others) == 0 ? below(40) : below(4)].frame();
      const auto wire = static_cast<uint32_t>(frame.size());
      views.push_back({frame.data(), ns, below(2) == 0 ? wire : std::min(wire, snapLength + below(100)), wire, 1 + below(200) / 199, 0, LinkType::ethernet, 0});
      if (views.size() < 32 && below(20) != 0) continue;
      twins.process(views);
      views.clear();
      if (below(100) == 0) twins.tick(now += below(kS));
      if (seed > 8 && below(60) == 0) twins.allow(below(20));
      if (below(200) == 0) twins.setSampling({.others = {SamplingKind::countBased, 1 + below(3), static_cast<uint16_t>(below(5))}});
    }
    twins.allow(100000);
    twins.finish(now);
    twins.compare();
    CHECK(twins.rows() > (calm == 400 ? 40 : 100));
  }
}

TEST("short ways: packets that are counted at once make time pass") {
  CoreOptions options = Meter::defaults();
  options.idleTimeoutNs = 5 * kS;
  Meter meter(options);
  meter.packet(ethernet(0x0800, ip4({.from = 0x0a000009, .protocol = 17}, udp(1, 2, octets(100))), 1, 2));
  for (int i = 0; i < 1'200; i++) meter.packet(ethernet(0x0800, ip4({.protocol = 17, .id = static_cast<uint16_t>(i + 1)}, udp(1024, 53, octets(100))), 1, 2), 10 * kMs);
  meter.sink.commit();
  CHECK_EQ(meter.sink.rows.size(), 1u);
  CHECK_EQ(meter.counter(MeterCounter::cachedPackets), 1'200u);
}

// Random plain traffic through the meter and through a model that is too slow to be wrong: a map from key to sums, no
// wheel, no index, no batches. Both must give the same set of flows. And the short way of decoding against the general one.
#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "../core/decode_recent.h"
#include "../core/decoder.h"
#include "harness.h"

using namespace flowspan;

namespace {

struct Packet {
  uint64_t ns;
  uint32_t from, to;
  unsigned fromPort, toPort;
  uint8_t protocol;
  unsigned bits, vlan, length;
};

// Comparable form of a finished flow.
using Flow = std::tuple<uint64_t, uint64_t, uint32_t, uint32_t, unsigned, unsigned, unsigned, unsigned, uint64_t, uint64_t, uint64_t, uint64_t, unsigned, unsigned, unsigned>;

class Model {
 public:
  std::vector<Flow> flows;

  // Of a packet that was selected, under this selector.
  void packet(const Packet& p, unsigned selector = 0) {
    const auto end = std::make_pair(p.from, p.fromPort), other = std::make_pair(p.to, p.toPort);
    const Key key{std::min(end, other), std::max(end, other), p.protocol, p.vlan};
    auto found = open_.find(key);
    if (found != open_.end()) {
      State& s = found->second;
      const uint64_t limit = s.ended ? kS : 15 * kS;
      const bool syn = (p.bits & (SYN | ACK | RST)) == SYN && p.protocol == 6;
      if (p.ns - s.last > limit || (s.ended && syn)) {
        close(key, s, s.ended ? 3u : boundary(s.last) <= s.last + limit && boundary(s.last) <= p.ns ? 2u : 1u);
        open_.erase(found);
        found = open_.end();
      } else if (p.ns / (60 * kS) != s.window) {
        close(key, s, s.ended ? 3u : 2u);
        const State before = s;
        if (s.ended) {
          open_.erase(found);
          found = open_.end();
        } else {
          s = State{};
          s.from = before.from, s.fromPort = before.fromPort, s.fin[0] = before.fin[0], s.fin[1] = before.fin[1], s.known = before.known;
        }
      } else if (s.selector != selector) {
        close(key, s, 2u);
        for (unsigned i = 0; i < 2; i++) s.packets[i] = s.octets[i] = s.bits[i] = 0;
      }
    }
    if (found == open_.end()) {
      found = open_.emplace(key, State{}).first;
      found->second.from = p.from, found->second.fromPort = p.fromPort;
    }
    State& s = found->second;
    if (p.protocol == 6 && (p.bits & (SYN | ACK)) == SYN && !s.known) {
      if (s.from != p.from || s.fromPort != p.fromPort) {
        std::swap(s.packets[0], s.packets[1]), std::swap(s.octets[0], s.octets[1]), std::swap(s.bits[0], s.bits[1]), std::swap(s.fin[0], s.fin[1]);
      }
      s.from = p.from, s.fromPort = p.fromPort, s.known = true;
    }
    const unsigned side = s.from == p.from && s.fromPort == p.fromPort ? 0 : 1;
    if (s.packets[0] + s.packets[1] == 0) s.first = p.ns;
    s.last = p.ns;
    s.selector = selector;
    s.window = p.ns / (60 * kS);
    s.packets[side]++;
    s.octets[side] += p.length;
    s.bits[side] |= p.bits;
    if (p.protocol == 6) {
      if ((p.bits & RST) != 0) s.ended = true;
      else if ((p.bits & FIN) != 0) s.fin[side] = true;
      if (s.fin[0] && s.fin[1]) s.ended = true;
    }
  }

  void finish(uint64_t now) {
    for (auto& [key, s] : open_) {
      const uint64_t due = s.last + 15 * kS;
      close(key, s, s.ended ? 3u : boundary(s.last) <= due && boundary(s.last) <= now ? 2u : now > due ? 1u : 4u);
    }
    open_.clear();
  }

 private:
  using Key = std::tuple<std::pair<uint32_t, unsigned>, std::pair<uint32_t, unsigned>, unsigned, unsigned>;
  struct State {
    uint32_t from = 0;
    unsigned fromPort = 0;
    bool known = false, ended = false, fin[2] = {};
    unsigned selector = 0;
    uint64_t first = 0, last = 0, window = 0, packets[2] = {}, octets[2] = {};
    unsigned bits[2] = {};
  };
  static uint64_t boundary(uint64_t ns) { return (ns / (60 * kS) + 1) * 60 * kS; }
  void close(const Key& key, const State& s, unsigned reason) {
    const auto& a = std::get<0>(key);
    const auto& b = std::get<1>(key);
    const bool fromA = a.first == s.from && a.second == s.fromPort;
    const auto& source = fromA ? a : b;
    const auto& destination = fromA ? b : a;
    flows.emplace_back(s.first, s.last, source.first, destination.first, source.second, destination.second, std::get<2>(key), std::get<3>(key),
                       s.packets[0], s.octets[0], s.packets[1], s.octets[1], s.bits[0] << 16 | s.bits[1], reason, s.selector);
  }
  std::map<Key, State> open_;
};

Flow flowOf(const Row& r) {
  const auto bits = [](uint16_t field) { return unsigned{toNetwork(field)}; };
  return {toNetwork(r.flowStart), toNetwork(r.flowEnd), load32(r.sourceAddress), load32(r.destinationAddress), port(r.sourceTransportPort),
          port(r.destinationTransportPort), r.protocolIdentifier, present(r, presence::kVlan) ? port(r.dot1qVlanId) : 0xffff,
          toNetwork(r.packetDeltaCount), toNetwork(r.octetDeltaCount), toNetwork(r.reversePacketDeltaCount), toNetwork(r.reverseOctetDeltaCount),
          bits(r.tcpControlBits) << 16 | bits(r.reverseTcpControlBits), r.flowEndReason, port(r.selectorId)};
}

// Pools by rules simple enough to be said twice, every selector one of N by count, some rate changed now and then.
class SlowSelection {
 public:
  explicit SlowSelection(std::mt19937_64& random) : random_(random) {
    AddressPrefix low{.bits = 30};  // 0.0.0.0 to 0.0.0.3
    plan.pools = {{{.ports = {{1, 2}}}, {}}, {{.prefixes = {low}, .protocols = {6}}, {}}, {{.vlans = {1}}, {}}};
    for (unsigned pool = 0; pool < 4; pool++) change(pool);
  }
  void changeOne() { change(static_cast<unsigned>(random_() % 4)); }

  // The selectorId, or −1 when the packet is not selected.
  int select(const Packet& p) {
    const auto port = [](unsigned n) { return n == 1 || n == 2; };
    const unsigned pool = port(p.fromPort) || port(p.toPort) ? 0 : p.protocol == 6 && (p.from < 4 || p.to < 4) ? 1 : p.vlan == 1 ? 2 : 3;
    const SelectorPlan& selector = of(pool);
    if (count_[pool]++ % selector.interval != 0) return -1;
    return selector.selectorId;
  }
  SamplingPlan plan;

 private:
  SelectorPlan& of(unsigned pool) { return pool < 3 ? plan.pools[pool].selector : plan.others; }
  void change(unsigned pool) {
    const auto interval = static_cast<uint32_t>(2 + random_() % 4);
    if (of(pool).interval == interval) return;
    of(pool) = {SamplingKind::countBased, interval, ++used_};
    count_[pool] = 0;
  }
  std::mt19937_64& random_;
  uint64_t count_[4] = {};
  uint16_t used_ = 0;
};

}  // namespace

TEST("model: the same set of flows as the slow way, in whatever batches") {
  for (uint32_t seed = 1; seed <= 12; seed++) {
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t n) { return static_cast<uint32_t>(random() % n); };
    KeepingSink sink;
    CoreOptions o = Meter::defaults();
    o.seed = seed;
    MeterCore core(o, sink);
    Model model;
    const bool sampling = seed > 4;
    SlowSelection selection(random);
    if (sampling) core.setSampling(selection.plan);
    uint64_t now = kStart;
    std::vector<Bytes> frames;
    std::vector<PacketView> views;
    const auto send = [&] {
      core.process(views.data(), views.size());
      views.clear();
      frames.clear();
    };
    frames.reserve(64);
    for (int i = 0; i < 20000; i++) {
      now += below(200) == 0 ? below(20 * kS) : below(30 * kMs);
      Packet p{now, 1 + below(8), 1 + below(8), below(6), below(6), static_cast<uint8_t>(below(3) == 0 ? 17 : 6), 0, below(4) == 0 ? below(2) : 0xffff, 0};
      if (p.protocol == 6) p.bits = below(12) == 0 ? FIN | ACK : below(12) == 0 ? SYN : below(40) == 0 ? RST : ACK;
      const Bytes payload = p.protocol == 6 ? tcp({.from = p.fromPort, .to = p.toPort, .bits = p.bits}, octets(below(50))) : udp(p.fromPort, p.toPort, octets(below(50)));
      const Bytes packet = ip4({.from = p.from, .to = p.to, .protocol = p.protocol, .id = static_cast<uint16_t>(i)}, payload);
      p.length = static_cast<unsigned>(packet.size());
      frames.push_back(p.vlan == 0xffff ? ethernet(0x0800, packet) : tagged(0x8100, p.vlan, 0x0800, packet));
      const Bytes& frame = frames.back();
      views.push_back({frame.data(), now, static_cast<uint32_t>(frame.size()), static_cast<uint32_t>(frame.size()), 1, 0, LinkType::ethernet, 0});
      const int selector = sampling ? selection.select(p) : 0;
      if (selector >= 0) model.packet(p, static_cast<unsigned>(selector));
      if (views.size() == 1 + below(32) || views.size() == 32) send();
      if (sampling && below(300) == 0) {
        send();
        selection.changeOne();
        core.setSampling(selection.plan);
      }
    }
    send();
    CHECK(core.finish(now));
    sink.commit();
    model.finish(now);
    std::vector<Flow> flows;
    for (const Row& row : sink.rows) flows.push_back(flowOf(row));
    std::sort(flows.begin(), flows.end());
    std::sort(model.flows.begin(), model.flows.end());
    CHECK_EQ(flows.size(), model.flows.size());
    size_t differing = 0;
    for (size_t i = 0; i < std::min(flows.size(), model.flows.size()); i++) differing += flows[i] != model.flows[i];
    CHECK_EQ(differing, 0u);
  }
}

namespace {

// What the general way answers of a packet is what `a` says.
void checkAgainstGeneral(Decoder& decoder, const PacketView& view, const DecodedPacket& a) {
  DecodedPacket b;
  std::memset(static_cast<void*>(&b), 0, sizeof b);
  CHECK(decoder.anyPacket(view, 2, b));
  CHECK(std::memcmp(&a.key, &b.key, sizeof a.key) == 0);
  CHECK_EQ(a.hash, b.hash);
  CHECK_EQ(a.digest, b.digest);
  CHECK_EQ(a.flags | kTransportAt, b.flags);
  CHECK_EQ(a.side, b.side);
  CHECK_EQ(a.ns, b.ns);
  CHECK_EQ(a.ipOctets, b.ipOctets);
  CHECK_EQ(a.wireOctets, b.wireOctets);
  CHECK_EQ(a.shape, b.shape);
  CHECK_EQ(a.classOfService, b.classOfService);
  CHECK_EQ(a.annotation, b.annotation);
  CHECK_EQ(a.priorities, b.priorities);
  CHECK_EQ(a.identified, b.identified);
  CHECK(a.frameMacs == b.frameMacs);
  if ((b.flags & kFlowLabelled) != 0) CHECK_EQ(a.flowLabel, b.flowLabel);
  // Both have the same flags; without kTcpHeader the rest has no meaning.
  if ((b.flags & kTcpHeader) != 0) {
    CHECK_EQ(a.numbers, b.numbers);
    CHECK_EQ(a.control, b.control);
    CHECK_EQ(a.payloadOctets, b.payloadOctets);
  }
}

}  // namespace

TEST("model: the short ways of decoding answer what the general way answers") {
  std::mt19937 random(3);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const KeyedHash hash(5);
  Decoder decoder(0, hash, ~0ull);
  const auto recent = std::make_unique<RecentHeaders>(true);
  size_t common = 0, recognised[2][2] = {};
  for (int i = 0; i < 60000; i++) {
    const bool six = below(2) == 0, isTcp = below(2) == 0, isTagged = below(2) == 0;
    const Bytes payload = isTcp ? tcp({.from = below(2), .to = below(3), .seq = static_cast<uint32_t>(random())}, octets(below(60))) : udp(below(2), below(3), octets(below(60)));
    const uint8_t next = isTcp ? 6 : 17;
    Bytes packet = six ? ip6({.from = static_cast<uint8_t>(below(2)), .to = static_cast<uint8_t>(below(3)), .next = next, .label = below(2)}, payload)
                       : ip4({.from = below(3), .to = below(3), .protocol = next, .id = static_cast<uint16_t>(below(3))}, payload);
    if (below(3) == 0) packet[below(static_cast<uint32_t>(packet.size()))] ^= static_cast<uint8_t>(random());
    const unsigned tci = below(4) == 0 ? below(0x10000) : 5;
    Bytes frame = isTagged ? tagged(0x8100, tci, six ? 0x86dd : 0x0800, packet) : ethernet(six ? 0x86dd : 0x0800, packet);
    if (below(3) == 0) frame = frame + octets(below(9));
    const uint32_t captured = below(3) == 0 ? below(static_cast<uint32_t>(frame.size()) + 1) : static_cast<uint32_t>(frame.size());
    // An exact copy on the heap, so that a sanitizer sees every read past it.
    const std::unique_ptr<uint8_t[]> data(new uint8_t[captured]);
    std::memcpy(data.get(), frame.data(), captured);
    const PacketView view{data.get(), 1, captured, static_cast<uint32_t>(frame.size()), 1, 0, LinkType::ethernet, 0};
    DecodedPacket a, b;
    std::memset(static_cast<void*>(&a), 0, sizeof a);
    std::memset(static_cast<void*>(&b), 0, sizeof b);
    if (decoder.recentPacket(view, 2, *recent, b)) {
      checkAgainstGeneral(decoder, view, b);
      recognised[six][isTagged]++;
    }
    if (!decoder.commonPacket(view, 2, a)) continue;
    common++;
    checkAgainstGeneral(decoder, view, a);
    if (below(8) == 0) a.key.interfaceSlot = 3;  // what came in elsewhere says nothing about here
    decoder.keepRecent(view, *recent, a);
    CHECK(a.recent->flow == nullptr);
    if (check::failures() > 20) return;
  }
  CHECK(common > 20000);
  for (const auto& ofVersion : recognised) {
    for (const size_t number : ofVersion) CHECK(number > 50);
  }
}

TEST("recent headers: looked for while most packets are recognised, and tried again after a while") {
  RecentHeaders recent(true), unused(false);
  constexpr size_t kBatch = 128, kTrial = RecentHeaders::kTrialPackets / kBatch, kRest = RecentHeaders::kRestPackets / kBatch;
  // The first half of a stretch fills the places.
  for (size_t i = 0; i < kTrial; i++) {
    CHECK(recent.isAsked());
    CHECK(recent.isMost());
    CHECK(!recent.judge(kBatch, i < kTrial / 2 ? 0 : kBatch));
  }
  CHECK(recent.isMost());
  for (size_t i = 0; i < kTrial; i++) CHECK(!recent.judge(kBatch, kBatch - kBatch / 16));
  CHECK(!recent.isMost());
  for (size_t i = 0; i < kTrial; i++) CHECK_EQ(recent.judge(kBatch, kBatch / 2), i == kTrial - 1);
  CHECK(!recent.isAsked());
  for (size_t i = 0; i < kRest; i++) CHECK_EQ(recent.judge(kBatch, 0), i == kRest - 1);
  CHECK(recent.isAsked());
  for (size_t i = 0; i < 2 * kRest; i++) CHECK(!unused.judge(kBatch, 0) && !unused.isAsked() && !unused.isMost());
}

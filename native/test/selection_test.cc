// Selection of whole flows by hash, and pools with rates of their own: what is selected, under which selector, and that a
// record never mixes two.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "../core/pool_table.h"
#include "harness.h"

using namespace flowspan;

namespace {

// A packet of flow `n`, in either direction.
Bytes ofFlow(uint32_t n, bool back, uint16_t id) {
  const uint32_t a = 0x0a000000 + n, b = 0xc0a80001;
  return ethernet(0x0800, back ? ip4({.from = b, .to = a, .id = id}, udp(53, 1000)) : ip4({.from = a, .to = b, .id = id}, udp(1000, 53)));
}

CoreOptions byFlow(uint32_t interval, uint64_t seed) {
  CoreOptions o = Meter::defaults();
  o.cacheFlows = 30000;
  o.duplicates = DuplicateMode::off;
  o.seed = seed;
  o.sampling.others = {SamplingKind::flowHash, interval, 3};
  return o;
}

std::set<uint32_t> flowsSelected(uint32_t interval, uint64_t seed, uint32_t flows) {
  KeepingSink sink;
  MeterCore core(byFlow(interval, seed), sink);
  for (uint16_t round = 0; round < 3; round++) {
    for (uint32_t n = 0; n < flows; n++) {
      const Bytes frame = ofFlow(n, round == 1, round);
      const PacketView view{frame.data(), kStart + n, uint32_t(frame.size()), uint32_t(frame.size()), 1, 0, LinkType::ethernet, 0};
      core.process(&view, 1);
    }
  }
  CHECK(core.finish(kStart + kS));
  sink.commit();
  std::set<uint32_t> selected;
  for (const Row& row : sink.rows) {
    CHECK_EQ(packets(row), 2u);
    CHECK_EQ(reversePackets(row), 1u);
    CHECK_EQ(port(row.selectorId), 3u);
    selected.insert(address4(row.sourceAddress));
  }
  CHECK_EQ(selected.size(), sink.rows.size());
  const auto& c = core.counters();
  CHECK_EQ(c[unsigned(MeterCounter::sampledOutPackets)], 3 * (flows - selected.size()));
  return selected;
}

AddressPrefix prefix4(uint32_t address, uint8_t bits) {
  AddressPrefix prefix{.bits = bits};
  storeNetwork(prefix.address.data(), address);
  return prefix;
}

// The rule in words, word by word.
bool matches(const PoolMatch& match, const FlowKey& key) {
  const unsigned kind = key.kind & kKindMask;
  const auto vlan = [&] {
    if (match.vlans.empty()) return true;
    for (const uint16_t id : match.vlans) {
      if (id == (key.vlan & 0xfff) || (key.customerVlan != 0 && id == (key.customerVlan & 0xfff))) return true;
    }
    return false;
  };
  if (!vlan()) return false;
  if (kind == kKindEthernet) return match.prefixes.empty() && match.protocols.empty() && match.ports.empty();
  if (!match.protocols.empty() && std::find(match.protocols.begin(), match.protocols.end(), key.protocol) == match.protocols.end()) return false;
  for (unsigned side = 0; side < 2; side++) {
    bool address = match.prefixes.empty(), ports = match.ports.empty();
    for (const AddressPrefix& prefix : match.prefixes) {
      if (prefix.six != (kind == kKindIpv6)) continue;
      bool same = true;
      for (unsigned bit = 0; bit < prefix.bits; bit++) {
        same = same && ((prefix.address[bit / 8] ^ key.address[side][bit / 8]) >> (7 - bit % 8) & 1) == 0;
      }
      address = address || same;
    }
    for (const PortRange& range : match.ports) {
      ports = ports || (hasPorts(key.protocol) && key.port[side] >= range.first && key.port[side] <= range.last);
    }
    if (address && ports) return true;
  }
  return false;
}

SelectorCount countOf(const MeterCore& core, uint16_t selectorId) {
  for (const SelectorCount& count : core.selectorCounts()) {
    if (count.used && count.selectorId == selectorId) return count;
  }
  return {};
}

}  // namespace

TEST("selection: by flow, one flow in N whatever N, whole and both ways, within five standard deviations") {
  constexpr uint32_t kFlows = 20000;
  for (const uint32_t interval : {2u, 3u, 7u, 10u, 100u}) {
    const double share = 1.0 / interval;
    const double selected = static_cast<double>(flowsSelected(interval, 11, kFlows).size());
    CHECK(std::fabs(selected - kFlows * share) < 5 * std::sqrt(kFlows * share * (1 - share)));
  }
  CHECK_EQ(flowsSelected(1, 11, 500).size(), 500u);
}

TEST("selection: by flow, the seed says which, and a lower rate keeps some of the same") {
  const auto few = flowsSelected(8, 5, 4000), more = flowsSelected(4, 5, 4000), others = flowsSelected(4, 6, 4000);
  for (const uint32_t flow : few) CHECK(more.contains(flow));
  CHECK(more == flowsSelected(4, 5, 4000));
  CHECK(more != others);
}

TEST("selection: by flow, a fragment goes the way of its flow also when it came before the first") {
  CoreOptions o = byFlow(2, 9);
  Meter m(o);
  const auto fragment = [&](uint32_t n, bool first) {
    const Bytes payload = first ? udp(1000, 53, octets(16)) : octets(24);
    return ethernet(0x0800, ip4({.from = 0x0a000000 + n, .to = 0xc0a80001, .id = static_cast<uint16_t>(n), .fragment = static_cast<uint16_t>(first ? 0x2000 : 3)}, payload));
  };
  for (uint32_t n = 0; n < 300; n++) {
    m.packet(fragment(n, false), 1000);
    m.packet(ofFlow(n, false, 7), 1000);
    m.packet(fragment(n, true), 1000);
  }
  const auto& rows = m.finish();
  CHECK(rows.size() > 100 && rows.size() < 200);
  for (const Row& row : rows) {
    CHECK_EQ(packets(row), 3u);
    CHECK_EQ(port(row.sourceTransportPort), 1000u);
  }
  const SelectorCount count = countOf(m.core, 3);
  CHECK_EQ(count.observed, 900u);
  CHECK_EQ(count.selected, 3 * rows.size());
}

TEST("selection: fragments that wait are counted once for their selector, also when every packet is taken") {
  for (const bool firstComes : {true, false}) {
    Meter m;
    m.packet(ethernet(0x0800, ip4({.id = 4, .fragment = 3}, octets(24))));
    if (firstComes) m.packet(ethernet(0x0800, ip4({.id = 4, .fragment = 0x2000}, udp(1000, 53, octets(16)))));
    m.finish();
    CHECK_EQ(countOf(m.core, 0).observed, firstComes ? 2u : 1u);
    CHECK_EQ(countOf(m.core, 0).selected, firstComes ? 2u : 1u);
  }
}

TEST("selection: the compiled pools answer what the rules say, for any keys") {
  std::mt19937 random(4);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  size_t hits = 0;
  for (int round = 0; round < 300; round++) {
    SamplingPlan plan;
    plan.pools.resize(below(kPoolsMax + 1));
    for (auto& pool : plan.pools) {
      PoolMatch& match = pool.match;
      const auto some = [&](auto put) {
        if (below(2) == 0) return;
        for (uint32_t i = 1 + below(4); i > 0; i--) put();
      };
      some([&] { match.vlans.push_back(static_cast<uint16_t>(below(4))); });
      some([&] { match.protocols.push_back(below(2) == 0 ? 6 : static_cast<uint8_t>(below(20))); });
      some([&] {
        const auto first = static_cast<uint16_t>(below(8));
        match.ports.push_back({first, below(9) == 0 ? uint16_t{0xffff} : static_cast<uint16_t>(first + below(3))});
      });
      some([&] {
        AddressPrefix prefix{.bits = static_cast<uint8_t>(below(4) == 0 ? below(33) : 28 + below(5)), .six = below(2) == 0};
        const uint32_t place = prefix.six ? 12 : 0;
        if (prefix.six) prefix.bits = static_cast<uint8_t>(below(6) == 0 ? below(129) : prefix.bits + 96);
        storeNetwork(prefix.address.data() + place, below(5) == 0 ? 0xfffffff0u + below(16) : below(32));
        match.prefixes.push_back(prefix);
      });
    }
    PoolTable table;
    table.compile(plan);
    for (int i = 0; i < 400; i++) {
      FlowKey key{};
      key.kind = static_cast<uint8_t>(below(3) | (below(5) == 0 ? kKindTransportUnknown : 0));
      key.protocol = (key.kind & kKindMask) == kKindEthernet ? 0 : below(2) == 0 ? 6 : static_cast<uint8_t>(below(20));
      for (unsigned side = 0; side < 2; side++) {
        key.port[side] = static_cast<uint16_t>(below(10) == 0 ? 0xffff - below(3) : below(10));
        storeNetwork(key.address[side] + ((key.kind & kKindMask) == kKindIpv6 ? 12 : 0), below(5) == 0 ? 0xfffffff0u + below(16) : below(40));
      }
      if (below(2) == 0) key.vlan = static_cast<uint16_t>(kTagPresent | below(5));
      if (key.vlan != 0 && below(3) == 0) key.customerVlan = static_cast<uint16_t>(kTagPresent | below(5));
      unsigned expected = kPoolsMax;
      for (unsigned pool = static_cast<unsigned>(plan.pools.size()); pool-- > 0;) expected = matches(plan.pools[pool].match, key) ? pool : expected;
      CHECK_EQ(table.poolOf(key), expected);
      hits += expected != kPoolsMax;
      if (check::failures() > 20) return;
    }
  }
  CHECK(hits > 10000);
}

TEST("selection: a pool keeps its rate and its selector beside others") {
  CoreOptions o = Meter::defaults();
  o.sampling.others = {SamplingKind::countBased, 10, 1};
  o.sampling.pools = {{{.prefixes = {prefix4(0x0a000000, 30)}}, {SamplingKind::none, 1, 2}}, {{.protocols = {6}, .ports = {{443, 443}}}, {SamplingKind::countBased, 4, 3}}};
  Meter m(o);
  for (uint16_t i = 0; i < 400; i++) {
    m.packet(ethernet(0x0800, ip4({.from = 0x0a000001, .to = 0x0b000001, .id = i}, udp(1, 2))), 1000);
    m.packet(ethernet(0x0800, ip4({.from = 0x0b000001, .to = 0x0a000002, .protocol = 6, .id = i}, tcp({}))), 1000);  // the first rule wins
    m.packet(ethernet(0x0800, ip4({.from = 0x0b000002, .to = 0x0b000001, .protocol = 6, .id = i}, tcp({}))), 1000);
    m.packet(ethernet(0x0800, ip4({.from = 0x0b000002, .to = 0x0b000001, .id = i}, udp(443, 443))), 1000);
  }
  std::multiset<std::pair<unsigned, uint64_t>> found;
  for (const Row& row : m.finish()) found.insert({port(row.selectorId), packets(row)});
  CHECK((found == std::multiset<std::pair<unsigned, uint64_t>>{{1, 40}, {2, 400}, {2, 400}, {3, 100}}));
  CHECK_EQ(countOf(m.core, 1).observed, 400u);
  CHECK_EQ(countOf(m.core, 1).selected, 40u);
  CHECK_EQ(countOf(m.core, 2).observed, 800u);
  CHECK_EQ(countOf(m.core, 2).selected, 800u);
  CHECK_EQ(countOf(m.core, 3).observed, 400u);
  CHECK_EQ(countOf(m.core, 3).selected, 100u);
}

TEST("selection: a changed pool splits its flows at their next packet and leaves others whole") {
  SamplingPlan plan;
  plan.others = {SamplingKind::none, 1, 0};
  plan.pools = {{{.ports = {{53, 53}}}, {SamplingKind::none, 1, 1}}};
  CoreOptions o = Meter::defaults();
  o.sampling = plan;
  Meter m(o);
  const auto both = [&](uint16_t id) {
    m.packet(ethernet(0x0800, ip4({.id = id}, udp(1000, 53))));
    m.packet(ethernet(0x0800, ip4({.id = id}, udp(1000, 80))));
  };
  both(1);
  plan.pools[0].selector.selectorId = 2;
  plan.pools[0].selector.kind = SamplingKind::countBased;
  m.core.setSampling(plan);
  both(2);
  // A cut by time leaves the next record with the flow's own selector, not with that of some packet before.
  m.now = kStart + 61 * kS;
  m.core.tick(m.now);
  both(3);
  std::multiset<std::pair<unsigned, uint64_t>> found;
  for (const Row& row : m.finish()) found.insert({port(row.selectorId), packets(row)});
  CHECK((found == std::multiset<std::pair<unsigned, uint64_t>>{{0, 2}, {0, 1}, {1, 1}, {2, 1}, {2, 1}}));
}

TEST("selection: totals of former selectors are kept while there is room, those in force always") {
  CoreOptions o = Meter::defaults();
  o.sampling.pools = {{{.ports = {{53, 53}}}, {SamplingKind::none, 1, 1000}}};
  Meter m(o);
  for (uint16_t id = 1; id <= 200; id++) {
    SamplingPlan plan = o.sampling;
    plan.others = {SamplingKind::countBased, 1, id};
    m.core.setSampling(plan);
    m.packet(ethernet(0x0800, ip4({.id = id}, udp(1000, 80))));
    m.packet(ethernet(0x0800, ip4({.id = id}, udp(1000, 53))));
  }
  CHECK_EQ(countOf(m.core, 1000).observed, 200u);
  CHECK(countOf(m.core, 200).inForce && countOf(m.core, 1000).inForce && !countOf(m.core, 199).inForce);
  CHECK_EQ(countOf(m.core, 200 - kSelectorsMax + 2).observed, 1u);
  CHECK(!countOf(m.core, 200 - kSelectorsMax + 1).used);
}

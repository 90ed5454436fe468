// The largest flows now in the cache, and the audit that tests compare the counters with. Both walk the whole table: for
// the thread that owns the core, on request, never on the way of a packet.
#include <algorithm>
#include <utility>

#include "meter_state.h"

namespace flowspan {

size_t MeterCore::snapshot(Row* rows, size_t count) const {
  const State& s = *state_;
  std::vector<std::pair<uint64_t, uint32_t>> largest;  // a heap, least on top
  largest.reserve(count + 1);
  const auto more = [](const auto& a, const auto& b) { return a > b; };
  for (uint32_t e = 0; e < s.table.highWater() && count > 0; e++) {
    const FlowEntry& flow = s.table.entry(e);
    if ((flow.flags & kInUse) == 0 || !s.hasPackets(flow)) continue;
    const uint64_t octets = (flow.direction[0].layer2Octets & kLow48) + (flow.direction[1].layer2Octets & kLow48);
    if (largest.size() == count && octets <= largest.front().first) continue;
    largest.emplace_back(octets, e);
    std::push_heap(largest.begin(), largest.end(), more);
    if (largest.size() > count) {
      std::pop_heap(largest.begin(), largest.end(), more);
      largest.pop_back();
    }
  }
  std::sort_heap(largest.begin(), largest.end(), more);
  // 0: the flow goes on; no reason of IPFIX fits.
  for (size_t i = 0; i < largest.size(); i++) writeRow(s.rowSource(s.table.entry(largest[i].second), s.table.cold(largest[i].second), 0), rows[i]);
  return largest.size();
}

MeterCore::Audit MeterCore::audit() const {
  const State& s = *state_;
  Audit sum;
  for (uint32_t e = 0; e < s.table.highWater(); e++) {
    const FlowEntry& flow = s.table.entry(e);
    if ((flow.flags & kInUse) == 0) continue;
    sum.flows++;
    for (const DirectionLine& line : flow.direction) {
      sum.packets += line.packets;
      sum.octets += line.layer2Octets & kLow48;
      sum.ipOctets += line.ipOctets & kLow48;
    }
  }
  const AggregateTable::Totals totals = s.aggregates.totals();
  sum.packets += totals.packets;
  sum.octets += totals.octets;
  sum.ipOctets += totals.ipOctets;
  s.early.each([&](const DecodedPacket& packet) {
    sum.packets++;
    sum.octets += packet.wireOctets;
    sum.ipOctets += packet.ipOctets;
  });
  return sum;
}

}  // namespace flowspan

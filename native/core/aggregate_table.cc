// See aggregate_table.h.
#include "aggregate_table.h"

#include <algorithm>

#include "byte_order.h"

namespace flowspan {

namespace {

// The last eighth is kept for sums over every protocol, so that a flood of protocol numbers cannot push selectors together.
constexpr uint32_t kDetailed = AggregateTable::kAggregates / 8 * 7;

}  // namespace

AggregateTable::Aggregate* AggregateTable::claim(uint64_t key, uint32_t limit) {
  for (uint32_t probe = 0; probe < kAggregates; probe++) {
    Aggregate& a = aggregates()[(key + probe) % kAggregates];
    if (a.flows != 0 && a.key == key) return &a;
    if (a.flows == 0) {
      if (used_ >= limit) return nullptr;
      used_++;
      std::memset(static_cast<void*>(&a), 0, sizeof a);
      a.key = key;
      for (Side& side : a.side) {
        side.firstNs = ~0ull;
        side.minimumTtl = 0xff;
        side.minimumLength = 0xffffffffu;
      }
      return &a;
    }
  }
  return nullptr;
}

AggregateTable::Aggregate* AggregateTable::place(const FlowEntry& flow, uint32_t interfaceIndex) {
  const unsigned kind = flow.key.kind & kKindMask;
  const uint64_t where = uint64_t{interfaceIndex} << 32 | uint64_t{flow.selectorId} << 16 | flow.key.vlan;
  const uint64_t key = hash_.ofTwoWords(where, uint64_t{kind} << 8 | flow.key.protocol);
  if (Aggregate* a = claim(key, kDetailed)) {
    a->interfaceIndex = interfaceIndex;
    a->selectorId = flow.selectorId;
    a->vlan = flow.key.vlan;
    a->kind = static_cast<uint8_t>(kind);
    a->protocol = flow.key.protocol;
    a->anyProtocol = kind == kKindEthernet;
    return a;
  }
  Aggregate* a = claim(hash_.ofTwoWords(flow.selectorId, 0xffff), kAggregates);
  // 64 sampling rates at once while nothing can be handed over: conservation goes before telling rates apart.
  if (a == nullptr) a = &aggregates()[0];
  else a->selectorId = flow.selectorId;
  a->anyProtocol = true;
  a->kind = 0xff;
  a->vlan = 0;
  a->interfaceIndex = 0;
  return a;
}

void AggregateTable::add(const FlowEntry& flow, uint32_t interfaceIndex) {
  if (used_ == 0) oldestNs_ = ~0ull;
  Aggregate& a = *place(flow, interfaceIndex);
  a.flows++;
  const unsigned forward = (flow.flags & kInitiatorSide) != 0 ? 1 : 0;
  for (unsigned i = 0; i < 2; i++) {
    const DirectionLine& from = flow.direction[forward ^ i];
    if (from.packets == 0) continue;
    Side& to = a.side[i];
    to.packets += from.packets;
    to.octets += from.layer2Octets & kLow48;
    to.ipOctets += from.ipOctets & kLow48;
    to.firstNs = std::min(to.firstNs, from.firstNs);
    to.lastNs = std::max(to.lastNs, from.lastNs);
    to.tcpBits |= from.tcpBits;
    to.minimumTtl = std::min(to.minimumTtl, from.range.minimumTtl());
    to.maximumTtl = std::max(to.maximumTtl, from.range.maximumTtl());
    to.minimumLength = std::min<uint32_t>(to.minimumLength, from.range.minimumLength());
    to.maximumLength = std::max<uint32_t>(to.maximumLength, from.range.maximumLength());
    oldestNs_ = std::min(oldestNs_, from.firstNs);
  }
}

AggregateTable::Totals AggregateTable::takeRow(uint8_t reason, Row& row) {
  Aggregate* found = nullptr;
  for (uint32_t i = 0; i < kAggregates && found == nullptr; i++) {
    if (aggregates()[i].flows != 0) found = &aggregates()[i];
  }
  Aggregate& a = *found;
  std::memset(&row, 0, sizeof row);
  // 2^32 flows in one sum would take hours of flood without a row going out: the count saturates.
  const uint32_t flows = static_cast<uint32_t>(std::min<uint64_t>(a.flows, 0xffffffffu));
  const Side& f = a.side[0];
  const Side& r = a.side[1];
  uint64_t present = r.packets > 0 ? presence::kReverse : 0;
  const uint64_t start = std::min(f.firstNs, r.firstNs), end = std::max(f.lastNs, r.lastNs);
  row.flowStart = toNetwork(start);
  row.flowEnd = toNetwork(end);
  row.forwardFlowStart = toNetwork(f.packets > 0 ? f.firstNs : start);
  row.forwardFlowEnd = toNetwork(f.packets > 0 ? f.lastNs : end);
  row.octetDeltaCount = toNetwork(f.ipOctets);
  row.packetDeltaCount = toNetwork(f.packets);
  row.layer2OctetDeltaCount = toNetwork(f.octets);
  const bool ip = a.kind == kKindIpv4 || a.kind == kKindIpv6;
  if (f.packets > 0 && ip) {
    row.minimumIpTotalLength = toNetwork(f.minimumLength);
    row.maximumIpTotalLength = toNetwork(f.maximumLength);
    row.minimumTTL = f.minimumTtl;
    row.maximumTTL = f.maximumTtl;
  }
  if (r.packets > 0) {
    row.reverseFlowStart = toNetwork(r.firstNs);
    row.reverseFlowEnd = toNetwork(r.lastNs);
    row.reverseOctetDeltaCount = toNetwork(r.ipOctets);
    row.reversePacketDeltaCount = toNetwork(r.packets);
    row.reverseLayer2OctetDeltaCount = toNetwork(r.octets);
    if (ip) {
      row.reverseMinimumIpTotalLength = toNetwork(r.minimumLength);
      row.reverseMaximumIpTotalLength = toNetwork(r.maximumLength);
      row.reverseMinimumTTL = r.minimumTtl;
      row.reverseMaximumTTL = r.maximumTtl;
    }
  }
  if (ip) present |= presence::kIp;
  if (!a.anyProtocol) {
    row.protocolIdentifier = a.protocol;
    present |= presence::kProtocol;
    if (a.protocol == 6) {
      row.tcpControlBits = toNetwork(f.tcpBits);
      row.reverseTcpControlBits = toNetwork(r.tcpBits);
      present |= presence::kTcp;
    }
  }
  if (a.vlan != 0) {
    row.dot1qVlanId = toNetwork(static_cast<uint16_t>(a.vlan & 0x0fff));
    present |= presence::kVlan;
  }
  row.family = static_cast<uint8_t>(RowFamily::aggregate);
  row.flowEndReason = reason;
  row.selectorId = toNetwork(a.selectorId);
  row.ingressInterface = toNetwork(a.interfaceIndex);
  row.deltaFlowCount = toNetwork(flows);
  row.presence = toNetwork(present);
  const Totals totals{f.packets + r.packets, f.octets + r.octets, f.ipOctets + r.ipOctets, flows};
  a.flows = 0;
  used_--;
  // Probing stops at a free place, so those behind it move up.
  const auto hole = static_cast<uint32_t>(found - aggregates());
  uint32_t free = hole;
  for (uint32_t i = (hole + 1) % kAggregates; aggregates()[i].flows != 0; i = (i + 1) % kAggregates) {
    const uint32_t home = static_cast<uint32_t>(aggregates()[i].key % kAggregates);
    if ((i - home) % kAggregates >= (i - free) % kAggregates) {
      aggregates()[free] = aggregates()[i];
      aggregates()[i].flows = 0;
      free = i;
    }
  }
  return totals;
}

AggregateTable::Totals AggregateTable::totals() const {
  Totals sum;
  for (uint32_t i = 0; i < kAggregates; i++) {
    const Aggregate& a = aggregates()[i];
    if (a.flows == 0) continue;
    sum.flows += a.flows;
    for (const Side& side : a.side) {
      sum.packets += side.packets;
      sum.octets += side.octets;
      sum.ipOctets += side.ipOctets;
    }
  }
  return sum;
}

}  // namespace flowspan

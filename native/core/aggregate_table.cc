// See aggregate_table.h.
#include "aggregate_table.h"

#include <algorithm>
#include <limits>

#include "byte_order.h"
#include "decoder.h"

namespace flowspan {

namespace {

// The last eighth is kept for sums over every protocol, so that a flood of protocol numbers cannot push selectors together.
constexpr uint32_t kDetailed = AggregateTable::kAggregates / 8 * 7;
// Of a sum over everything.
constexpr uint8_t kAnyKind = 0xff;

// A count that its field cannot hold stays at the most.
template <typename T>
T saturated(uint64_t count) {
  return toNetwork(static_cast<T>(std::min<uint64_t>(count, std::numeric_limits<T>::max())));
}

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
  const unsigned hidden = flow.key.protocol == kTcp && !knowsTcp(flow) ? kKindTransportUnknown : 0;
  const unsigned kind = (flow.key.kind & (kKindMask | kKindWithoutEtherType)) | hidden;
  const uint16_t etherType = kind == kKindEthernet ? flow.key.port[0] : 0;
  const uint64_t where = uint64_t{interfaceIndex} << 32 | uint64_t{flow.selectorId} << 16 | flow.key.vlan;
  const uint64_t key = hash_.ofTwoWords(where, uint64_t{etherType} << 16 | uint64_t{kind} << 8 | flow.key.protocol);
  if (Aggregate* a = claim(key, kDetailed)) {
    a->interfaceIndex = interfaceIndex;
    a->selectorId = flow.selectorId;
    a->vlan = flow.key.vlan;
    a->kind = static_cast<uint8_t>(kind);
    a->protocol = flow.key.protocol;
    a->etherType = etherType;
    return a;
  }
  Aggregate* a = claim(hash_.ofTwoWords(flow.selectorId, 0xffff), kAggregates);
  // 64 sampling rates at once while nothing can be handed over: conservation goes before telling rates apart.
  if (a == nullptr) a = &aggregates()[0];
  else a->selectorId = flow.selectorId;
  a->kind = kAnyKind;
  a->vlan = 0;
  a->interfaceIndex = 0;
  return a;
}

void AggregateTable::add(const FlowEntry& flow, const ColdEntry& cold, uint32_t interfaceIndex) {
  if (used_ == 0) oldestNs_ = ~0ull;
  Aggregate& a = *place(flow, interfaceIndex);
  a.flows++;
  const unsigned forward = (flow.flags & kInitiatorSide) != 0 ? 1 : 0;
  for (unsigned i = 0; i < 2; i++) {
    const DirectionLine& from = flow.direction[forward ^ i];
    if (from.packets == 0) continue;
    Side& to = a.side[i];
    if (to.packets == 0) to.classOfService = from.classOfService;
    a.anyClassOfService |= to.classOfService != from.classOfService;
    to.packets += from.packets;
    to.octets += from.layer2Octets & kLow48;
    to.ipOctets += from.ipOctets & kLow48;
    to.firstNs = std::min(to.firstNs, from.firstNs);
    to.lastNs = std::max(to.lastNs, from.lastNs);
    to.codePoints |= cold.otherDscp[forward ^ i] | 1ull << (from.classOfService >> 2);
    to.fragments += from.layer2Octets >> 48;
    to.zeroWindows += from.ipOctets >> 48;
    to.retransmitted += from.retransmitted & kLow24;
    to.icmpErrors += from.retransmitted >> 24;
    to.outOfOrder += cold.outOfOrder[forward ^ i];
    to.unseenOctets += cold.unseenOctets[forward ^ i];
    to.tcpBits |= from.tcpBits;
    to.minimumTtl = std::min(to.minimumTtl, from.range.minimumTtl());
    to.maximumTtl = std::max(to.maximumTtl, from.range.maximumTtl());
    to.minimumLength = std::min<uint32_t>(to.minimumLength, from.range.minimumLength());
    to.maximumLength = std::max<uint32_t>(to.maximumLength, from.range.maximumLength());
    oldestNs_ = std::min(oldestNs_, from.firstNs);
  }
}

// Of IP packets: what is known of one direction, twice.
uint64_t AggregateTable::writeMeasures(const Aggregate& a, Row& row) {
  const Side& f = a.side[0];
  const Side& r = a.side[1];
  uint64_t present = presence::kIp | presence::kProtocol;
  row.ipVersion = (a.kind & kKindMask) == kKindIpv4 ? 4 : 6;
  row.protocolIdentifier = a.protocol;
  if (f.packets > 0) {
    row.minimumIpTotalLength = toNetwork(f.minimumLength);
    row.maximumIpTotalLength = toNetwork(f.maximumLength);
    row.minimumTTL = f.minimumTtl;
    row.maximumTTL = f.maximumTtl;
  }
  if (r.packets > 0) {
    row.reverseMinimumIpTotalLength = toNetwork(r.minimumLength);
    row.reverseMaximumIpTotalLength = toNetwork(r.maximumLength);
    row.reverseMinimumTTL = r.minimumTtl;
    row.reverseMaximumTTL = r.maximumTtl;
  }
  row.diffServCodePointSet = toNetwork(f.codePoints);
  row.reverseDiffServCodePointSet = toNetwork(r.codePoints);
  row.fragmentDeltaCount = saturated<uint32_t>(f.fragments);
  row.reverseFragmentDeltaCount = saturated<uint32_t>(r.fragments);
  if (!a.anyClassOfService) {
    row.ipClassOfService = f.classOfService;
    row.reverseIpClassOfService = r.classOfService;
    present |= presence::kClassOfService;
  }
  if (a.protocol != kTcp || (a.kind & kKindTransportUnknown) != 0) return present;
  row.tcpControlBits = toNetwork(f.tcpBits);
  row.reverseTcpControlBits = toNetwork(r.tcpBits);
  row.retransmittedPacketDeltaCount = saturated<uint32_t>(f.retransmitted);
  row.reverseRetransmittedPacketDeltaCount = saturated<uint32_t>(r.retransmitted);
  row.outOfOrderPacketDeltaCount = saturated<uint32_t>(f.outOfOrder);
  row.reverseOutOfOrderPacketDeltaCount = saturated<uint32_t>(r.outOfOrder);
  row.unseenAcknowledgedOctetDeltaCount = saturated<uint32_t>(f.unseenOctets);
  row.reverseUnseenAcknowledgedOctetDeltaCount = saturated<uint32_t>(r.unseenOctets);
  row.zeroWindowPacketDeltaCount = saturated<uint16_t>(f.zeroWindows);
  row.reverseZeroWindowPacketDeltaCount = saturated<uint16_t>(r.zeroWindows);
  return present | presence::kTcp;
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
  row.icmpUnreachableDeltaCount = saturated<uint16_t>(f.icmpErrors);
  if (r.packets > 0) {
    row.reverseFlowStart = toNetwork(r.firstNs);
    row.reverseFlowEnd = toNetwork(r.lastNs);
    row.reverseOctetDeltaCount = toNetwork(r.ipOctets);
    row.reversePacketDeltaCount = toNetwork(r.packets);
    row.reverseLayer2OctetDeltaCount = toNetwork(r.octets);
    row.reverseIcmpUnreachableDeltaCount = saturated<uint16_t>(r.icmpErrors);
  }
  if (a.kind == kKindEthernet) {
    row.ethernetType = toNetwork(a.etherType);
    present |= presence::kEtherType;
  } else if (a.kind != kAnyKind && (a.kind & kKindMask) != kKindEthernet) {
    present |= writeMeasures(a, row);
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

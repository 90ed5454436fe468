// See row_writer.h.
#include "row_writer.h"

#include <algorithm>

#include "byte_order.h"
#include "decoder.h"
#include "round_trip.h"

namespace flowspan {

namespace {

uint64_t dscpSetOf(const DirectionLine& line, uint64_t others) {
  return line.packets == 0 ? 0 : others | 1ull << (line.classOfService >> 2);
}

// A line at a time, which is four wide stores: of a memset of all of it GCC makes one instruction (`rep stos`) that takes long to begin.
void clear(Row& row) {
  constexpr size_t kLine = 64;
  static_assert(sizeof row % kLine == 0);
  uint8_t* const end = reinterpret_cast<uint8_t*>(&row + 1);
  for (uint8_t* line = reinterpret_cast<uint8_t*>(&row); line != end; line += kLine) {
    std::memset(line, 0, kLine);
    asm volatile("" : : "r"(line));  // else it makes the same of this
  }
}

struct Sides {
  const DirectionLine& forward;
  const DirectionLine& reverse;
  unsigned forwardSide;
  bool twoWay;
};

void writeTimes(const Sides& s, Row& row) {
  uint64_t start = ~0ull, end = 0;
  for (const DirectionLine* line : {&s.forward, &s.reverse}) {
    if (line->packets == 0) continue;
    start = std::min(start, line->firstNs);
    end = std::max(end, line->lastNs);
  }
  row.flowStart = toNetwork(start);
  row.flowEnd = toNetwork(end);
  // A record whose initiator was silent has no times of its own forward: those of the whole stand in.
  row.forwardFlowStart = toNetwork(s.forward.packets > 0 ? s.forward.firstNs : start);
  row.forwardFlowEnd = toNetwork(s.forward.packets > 0 ? s.forward.lastNs : end);
  if (s.twoWay) {
    row.reverseFlowStart = toNetwork(s.reverse.firstNs);
    row.reverseFlowEnd = toNetwork(s.reverse.lastNs);
  }
}

void writeCounts(const Sides& s, Row& row) {
  row.octetDeltaCount = toNetwork(s.forward.ipOctets & kLow48);
  row.packetDeltaCount = toNetwork(uint64_t{s.forward.packets});
  row.layer2OctetDeltaCount = toNetwork(s.forward.layer2Octets & kLow48);
  row.icmpUnreachableDeltaCount = toNetwork(static_cast<uint16_t>(s.forward.retransmitted >> 24));
  row.deltaFlowCount = toNetwork(1u);
  if (s.twoWay) {
    row.reverseOctetDeltaCount = toNetwork(s.reverse.ipOctets & kLow48);
    row.reversePacketDeltaCount = toNetwork(uint64_t{s.reverse.packets});
    row.reverseLayer2OctetDeltaCount = toNetwork(s.reverse.layer2Octets & kLow48);
    row.reverseIcmpUnreachableDeltaCount = toNetwork(static_cast<uint16_t>(s.reverse.retransmitted >> 24));
  }
}

void writeIp(const Sides& s, const ColdEntry& cold, Row& row) {
  const unsigned f = s.forwardSide;
  if (s.forward.packets > 0) {
    row.minimumIpTotalLength = toNetwork(uint32_t{s.forward.range.minimumLength()});
    row.maximumIpTotalLength = toNetwork(uint32_t{s.forward.range.maximumLength()});
    row.minimumTTL = s.forward.range.minimumTtl();
    row.maximumTTL = s.forward.range.maximumTtl();
    row.ipClassOfService = s.forward.classOfService;
  }
  row.diffServCodePointSet = toNetwork(dscpSetOf(s.forward, cold.otherDscp[f]));
  row.fragmentDeltaCount = toNetwork(static_cast<uint32_t>(s.forward.layer2Octets >> 48));
  if (s.twoWay) {
    row.reverseMinimumIpTotalLength = toNetwork(uint32_t{s.reverse.range.minimumLength()});
    row.reverseMaximumIpTotalLength = toNetwork(uint32_t{s.reverse.range.maximumLength()});
    row.reverseMinimumTTL = s.reverse.range.minimumTtl();
    row.reverseMaximumTTL = s.reverse.range.maximumTtl();
    row.reverseIpClassOfService = s.reverse.classOfService;
    row.reverseDiffServCodePointSet = toNetwork(dscpSetOf(s.reverse, cold.otherDscp[f ^ 1]));
    row.reverseFragmentDeltaCount = toNetwork(static_cast<uint32_t>(s.reverse.layer2Octets >> 48));
  }
}

bool knowsSequence(const DirectionLine& line) { return line.packets == 0 || (line.flags & kFirstSequenceKnown) != 0; }

// Less than half a microsecond is told as one: in a record 0 stands for a round trip that was not measured.
uint32_t toldMicros(uint32_t micros) { return std::max(micros, 1u); }

uint64_t writeTcp(const FlowEntry& flow, const Sides& s, const ColdEntry& cold, Row& row) {
  const unsigned f = s.forwardSide, r = f ^ 1;
  row.tcpControlBits = toNetwork(s.forward.tcpBits);
  row.reverseTcpControlBits = toNetwork(s.reverse.tcpBits);
  row.tcpSequenceNumber = toNetwork((s.forward.flags & kFirstSequenceKnown) != 0 ? s.forward.firstSequence : 0u);
  row.reverseTcpSequenceNumber = toNetwork((s.reverse.flags & kFirstSequenceKnown) != 0 ? s.reverse.firstSequence : 0u);
  row.retransmittedPacketDeltaCount = toNetwork(s.forward.retransmitted & kLow24);
  row.reverseRetransmittedPacketDeltaCount = toNetwork(s.reverse.retransmitted & kLow24);
  row.outOfOrderPacketDeltaCount = toNetwork(cold.outOfOrder[f]);
  row.reverseOutOfOrderPacketDeltaCount = toNetwork(cold.outOfOrder[r]);
  row.unseenAcknowledgedOctetDeltaCount = toNetwork(cold.unseenOctets[f]);
  row.reverseUnseenAcknowledgedOctetDeltaCount = toNetwork(cold.unseenOctets[r]);
  row.zeroWindowPacketDeltaCount = toNetwork(static_cast<uint16_t>(s.forward.ipOctets >> 48));
  row.reverseZeroWindowPacketDeltaCount = toNetwork(static_cast<uint16_t>(s.reverse.ipOctets >> 48));
  uint64_t present = presence::kTcp | (knowsSequence(s.forward) && knowsSequence(s.reverse) ? presence::kTcpSequence : 0);
  if (const uint32_t micros = roundTripOf(flow, f); micros != kNoRtt) {
    row.roundTripTimeMicroseconds = toNetwork(toldMicros(micros));
    present |= presence::kRtt;
  }
  if (const uint32_t micros = roundTripOf(flow, r); micros != kNoRtt) {
    row.reverseRoundTripTimeMicroseconds = toNetwork(toldMicros(micros));
    present |= presence::kReverseRtt;
  }
  return present;
}

uint64_t writeLink(const FlowKey& key, const ColdEntry& cold, unsigned f, Row& row) {
  uint64_t present = 0;
  if ((key.kind & kKindWithoutMac) == 0) {
    std::memcpy(row.sourceMacAddress, cold.mac[f], 6);
    std::memcpy(row.destinationMacAddress, cold.mac[f ^ 1], 6);
    present |= presence::kMac;
  }
  if (key.vlan != 0) {
    row.dot1qVlanId = toNetwork(static_cast<uint16_t>(key.vlan & 0x0fff));
    row.dot1qPriority = prioritiesOf(cold.label) & 7;
    present |= presence::kVlan | presence::kPriority;
  }
  if (key.customerVlan != 0) {
    row.dot1qCustomerVlanId = toNetwork(static_cast<uint16_t>(key.customerVlan & 0x0fff));
    row.dot1qCustomerPriority = static_cast<uint8_t>(prioritiesOf(cold.label) >> 3);
    present |= presence::kCustomerVlan;
  }
  return present;
}

uint64_t writeContext(const FlowContext& context, unsigned f, Row& row) {
  uint64_t present = 0;
  if ((context.flags & kOuter) != 0) {
    const unsigned from = context.senderSide == f ? 0 : 1;
    std::memcpy(row.outerSourceAddress, context.outerAddress[from], 16);
    std::memcpy(row.outerDestinationAddress, context.outerAddress[from ^ 1], 16);
    present |= presence::kOuterAddresses;
  }
  if ((context.flags & kMplsStack) != 0) {
    row.mplsLabelStackDepth = static_cast<uint8_t>(context.mpls >> 24);
    for (int i = 0; i < 3; i++) row.mplsTopLabelStackSection[i] = static_cast<uint8_t>(context.mpls >> (16 - 8 * i));
    present |= presence::kMpls;
  }
  if ((context.flags & kGreKeyed) != 0) {
    row.greKey = toNetwork(context.greKey);
    present |= presence::kGreKey;
  }
  return present;
}

uint64_t writeKey(const FlowKey& key, const RowSource& source, unsigned f, Row& row) {
  uint64_t present = presence::kAddresses | presence::kProtocol | presence::kIp | presence::kClassOfService;
  const unsigned kind = key.kind & kKindMask;
  std::memcpy(row.sourceAddress, key.address[f], 16);
  std::memcpy(row.destinationAddress, key.address[f ^ 1], 16);
  row.ipVersion = kind == kKindIpv4 ? 4 : 6;
  row.protocolIdentifier = key.protocol;
  row.ethernetType = toNetwork(kind == kKindIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  present |= presence::kEtherType;
  if (hasPorts(key.protocol)) {
    row.sourceTransportPort = toNetwork(key.port[f]);
    row.destinationTransportPort = toNetwork(key.port[f ^ 1]);
    present |= presence::kPorts | presence::kSourcePort;
  } else if ((key.protocol == kIcmp || key.protocol == kIcmpv6) && (key.kind & kKindTransportUnknown) == 0) {
    uint16_t typeCode = key.port[0];
    if ((source.flow.direction[0].flags & kForwardIsReply) != 0) typeCode = key.protocol == kIcmpv6 ? 129 << 8 : 0;
    row.icmpTypeCode = toNetwork(typeCode);
    present |= presence::kIcmp;
  }
  if (kind == kKindIpv6 && (source.cold.label & kLabelled) != 0) {
    row.flowLabelIPv6 = toNetwork(source.cold.label & 0xfffff);
    present |= presence::kFlowLabel;
  }
  return present;
}

// IANA element 351: the top octet names the encapsulation where one is assigned (1 VXLAN, 2 NVGRE).
uint64_t segmentId(const FlowKey& key) {
  const auto type = static_cast<TunnelType>(key.tunnelType);
  const uint64_t encapsulation = type == TunnelType::vxlan ? 1 : type == TunnelType::nvgre ? 2 : 0;
  return encapsulation << 56 | key.tunnelId;
}

}  // namespace

void writeRow(const RowSource& source, Row& row) {
  const FlowEntry& flow = source.flow;
  const FlowKey& key = flow.key;
  const unsigned f = (flow.flags & kInitiatorSide) != 0 ? 1 : 0;
  const Sides sides{flow.direction[f], flow.direction[f ^ 1], f, flow.direction[f ^ 1].packets > 0};
  clear(row);
  uint64_t present = sides.twoWay ? presence::kReverse : 0;
  writeTimes(sides, row);
  writeCounts(sides, row);
  present |= writeLink(key, source.cold, f, row);
  const unsigned kind = key.kind & kKindMask;
  if (kind == kKindEthernet) {
    if ((key.kind & kKindWithoutEtherType) == 0) {
      row.ethernetType = toNetwork(key.port[0]);
      present |= presence::kEtherType;
    }
    row.family = static_cast<uint8_t>(RowFamily::ethernet);
  } else {
    present |= writeKey(key, source, f, row);
    writeIp(sides, source.cold, row);
    if (key.protocol == kTcp && knowsTcp(flow)) present |= writeTcp(flow, sides, source.cold, row);
    row.family = static_cast<uint8_t>(kind == kKindIpv4 ? RowFamily::ipv4 : RowFamily::ipv6);
  }
  if (key.tunnelType != 0) {
    row.tunnelType = key.tunnelType;
    row.layer2SegmentId = toNetwork(segmentId(key));
    present |= presence::kTunnelId;
  }
  if (const uint16_t context = contextOf(flow); context != kNoContext) present |= writeContext(source.contexts.at(context), f, row);
  row.flowEndReason = source.reason;
  row.biflowDirection = (flow.flags & kInitiatorKnown) != 0 ? 1 : 0;
  row.decodeAnnotation = static_cast<uint8_t>(annotationOf(source.cold.label));
  row.selectorId = toNetwork(flow.selectorId);
  row.ingressInterface = toNetwork(source.interfaceIndex);
  row.flowId = toNetwork(source.flowId);
  row.presence = toNetwork(present);
}

}  // namespace flowspan

// The packet that changes little in its flow but counters, which nearly all are. Whether it is one is decided first, from a few
// sums and one branch each; then it is counted. Whatever else comes, and whatever is not sure, takes the general way (`update`
// in batch.cc), which does the same to a packet like this: a test and a fuzzer compare the two. Owner: the core's thread.
#pragma once

#include "decoded_packet.h"
#include "flow_entry.h"
#include "ip_measures.h"
#include "tcp_measures.h"

namespace flowspan {

// What the entry of a packet must look like.
struct QuickLook {
  WordPair lastPairMask;
  uint32_t stamp;  // flags, window, selector
  uint32_t stampMask;
  uint64_t idleNs;  // no protocol waits less: what has waited longer may still be in time, and is looked at closely
};

// A record counts packets in 32 bits and is cut before they are full.
inline constexpr uint32_t kPacketsMax = 0xfffffff0u;

// Whether the packet, whose key is `key`, changes nothing but counters and the ends of ranges. Changes nothing.
template <typename Packet>
FLOWSPAN_HOT bool isQuick(const FlowEntry& flow, const FlowKey& key, const Packet& p, const QuickLook& look) {
  const DirectionLine& own = flow.direction[p.side];
  const uint32_t outOfLine = p.sequence() ^ flow.nextSequence[p.side];
  const uint64_t other = differenceOf(key, flow.key, look.lastPairMask) | ((stampOf(flow) ^ look.stamp) & look.stampMask) | outOfLine;
  const auto acknowledgesUnseen = static_cast<int32_t>(flow.nextSequence[p.side ^ 1u] - p.acknowledgment()) < 0;
  if (other != 0 || acknowledgesUnseen) return false;
  // A time before the last wraps, and is more than any limit. The other side may have sent since: it is not asked here.
  return p.ns - own.lastNs <= look.idleNs && own.packets < kPacketsMax;
}

// Of a packet that is quick, and within the ranges.
template <typename Packet>
FLOWSPAN_HOT void countQuick(FlowEntry& flow, const Packet& p) {
  DirectionLine& own = flow.direction[p.side];
  uint32_t& next = flow.nextSequence[p.side];
  const uint32_t end = next + p.payloadOctets;
  if (const Sighting seen = sightingOf(p); concernsProbe(flow, own, seen)) [[unlikely]] passProbe(flow, seen, end, true);
  own.layer2Octets += p.wireOctets;
  own.ipOctets += p.ipOctets;
  own.packets++;
  own.lastNs = p.ns;
  next = end;
  own.tcpBits |= p.tcpBits();
}

// True when the packet was one, and was counted. `onWider` takes note when its range does not hold it.
template <typename OnWider>
FLOWSPAN_HOT bool quickUpdate(FlowEntry& flow, const DecodedPacket& p, const QuickLook& look, OnWider onWider) {
  if (!isQuick(flow, p.key, p, look)) return false;
  const DirectionLine& own = flow.direction[p.side];
  // Nothing lies within the range of no packets: that there are some is asked only here.
  if (!own.range.holds(p.shape)) [[unlikely]] {
    if (own.packets == 0) return false;
    onWider();
  }
  countQuick(flow, p);
  return true;
}

}  // namespace flowspan

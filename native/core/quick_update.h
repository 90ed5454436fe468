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
  uint32_t tick;
  uint32_t idleTicks;
};

// A record counts packets in 32 bits and is cut before they are full.
inline constexpr uint32_t kPacketsMax = 0xfffffff0u;

// The top bit is set when the segment ends the measurement of a round trip or may begin one. Computed, since each of these is a
// coin's throw, and together they are rarer.
inline uint32_t concernsProbe(const FlowEntry& flow, const DecodedPacket& p) {
  static_assert(kSecondProbes == 1 << 3 && kFirstProbes == 1 << 4, "the peer's flag comes to the top by a shift");
  const uint32_t peerProbes = uint32_t{flow.flags} << (28 - p.side);
  const uint32_t answered = ~(p.acknowledgment() - flow.probeSequence);
  const uint32_t carriesData = 0 - p.payloadOctets;
  const uint32_t probeIsDue = ~(probeUnits(p.ns) - flow.probeDue);
  return (peerProbes & answered) | (carriesData & probeIsDue);
}

FLOWSPAN_COLD inline void probe(FlowEntry& flow, DirectionLine& peer, const DecodedPacket& p, uint32_t end) {
  if (answersProbe(flow, p)) answerProbe(flow, peer, p.ns);
  if (p.payloadOctets > 0 && isProbeDue(flow, p.ns)) startProbe(flow, p.side, end, p.ns);
}

// True when the packet was one, and was counted. `onWider` takes note when its range does not hold it.
template <typename OnWider>
FLOWSPAN_HOT bool quickUpdate(FlowEntry& flow, const DecodedPacket& p, const QuickLook& look, OnWider onWider) {
  const size_t side = p.side, peerSide = side ^ 1;
  DirectionLine& own = flow.direction[side];
  DirectionLine& peer = flow.direction[peerSide];
  const uint32_t outOfLine = p.sequence() ^ own.nextSequence;
  const uint64_t other = differenceOf(p.key, flow.key, look.lastPairMask) | ((stampOf(flow) ^ look.stamp) & look.stampMask) | outOfLine;
  const auto acknowledgesUnseen = static_cast<int32_t>(peer.nextSequence - p.acknowledgment()) < 0;
  if (other != 0 || acknowledgesUnseen) return false;
  // A tick that lies before the last wraps, and is no less than any limit; so does what comes before no packets.
  if (look.tick - flow.lastTick >= look.idleTicks || p.ns < own.lastNs || own.packets - 1 >= kPacketsMax - 1) return false;
  const uint32_t end = own.nextSequence + p.payloadOctets;
  flow.lastTick = look.tick;
  own.layer2Octets += p.wireOctets;
  own.ipOctets += p.ipOctets;
  own.packets++;
  own.lastNs = p.ns;
  own.nextSequence = end;
  own.tcpBits |= p.tcpBits();
  if (!own.range.holds(p.shape)) [[unlikely]] onWider();
  if (static_cast<int32_t>(concernsProbe(flow, p)) < 0) [[unlikely]] probe(flow, peer, p, end);
  return true;
}

}  // namespace flowspan

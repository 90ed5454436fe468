// What sequence numbers tell about a connection: segments sent again or out of order, zero windows, round trips on both
// sides of the meter, and octets acknowledged that the mirror never showed. Part of the per-packet update; pure but for the
// entry it is given. Owner: the core's thread.
#pragma once

#include <cstdint>

#include "decoder.h"
#include "flow_table.h"
#include "round_trip.h"

namespace flowspan {

namespace tcp_limits {
// A hole filled this soon was reordering on the way; later it was sent again, for no sender reacts faster than a round trip.
inline constexpr uint64_t kReorderNs = 3'000'000;
// Acknowledgements and data reach a mirror port through different queues.
inline constexpr uint64_t kMirrorSkewNs = 3'000'000;
// A jump beyond the largest window (RFC 7323 section 2.3) is not a sequence number of this connection.
inline constexpr int32_t kJumpMax = 1 << 30;
}  // namespace tcp_limits

inline void addUnseen(ColdPart cold, unsigned side, uint32_t octets) {
  const uint32_t sum = cold->unseenOctets[side] + octets;
  cold->unseenOctets[side] = sum < octets ? 0xffffffffu : sum;
}

// A segment jumped ahead. The hole counts as unseen at once, since there is no room to remember where it lies: what was
// only late or lost on the way comes again and is taken back; what the receiver has, nobody sends again. A SYN's number
// belongs to another connection.
FLOWSPAN_COLD inline void openHole(ColdPart cold, DirectionLine& own, const DecodedPacket& p, uint32_t hole) {
  own.flags |= kGapOpen;
  if ((p.tcpBits() & kTcpSyn) == 0 && hole < static_cast<uint32_t>(tcp_limits::kJumpMax)) addUnseen(cold, p.side, hole);
}

// A hole was filled: what was counted unseen is seen after all.
FLOWSPAN_COLD inline void fillHole(ColdPart cold, const DirectionLine& own, unsigned side, uint32_t length) {
  if ((own.flags & kGapOpen) != 0 && cold->unseenOctets[side] >= length) cold->unseenOctets[side] -= length;
}

// Acknowledgement of what the peer sent: shows what was missed.
inline void measureAcknowledgment(FlowEntry& flow, ColdPart cold, const DecodedPacket& p) {
  const unsigned peerSide = p.side ^ 1u;
  DirectionLine& peer = flow.direction[peerSide];
  if ((peer.flags & kSequenceKnown) == 0) {
    flow.nextSequence[peerSide] = p.acknowledgment();
    peer.flags |= kSequenceKnown;
    return;
  }
  const auto ahead = static_cast<int32_t>(p.acknowledgment() - flow.nextSequence[peerSide]);
  if (ahead > 0 && ahead < tcp_limits::kJumpMax) {
    addUnseen(cold, peerSide, static_cast<uint32_t>(ahead));
    flow.nextSequence[peerSide] = p.acknowledgment();
    peer.flags |= kAckAhead;
  }
}

// Octets that were expected earlier: an unseen segment after all, reordered, a keepalive, or sent again.
FLOWSPAN_COLD inline void measureOldSegment(FlowEntry& flow, ColdPart cold, DirectionLine& own, const DecodedPacket& p, uint32_t length) {
  if (own.lastNs == 0) return;  // the first of its direction: the peer's acknowledgement overtook it on the way to the mirror
  const uint64_t since = p.ns > own.lastNs ? p.ns - own.lastNs : 0;
  const DirectionLine& peer = flow.direction[p.side ^ 1u];
  if ((own.flags & kAckAhead) != 0 && cold->unseenOctets[p.side] >= length && p.ns < peer.lastNs + tcp_limits::kMirrorSkewNs) {
    cold->unseenOctets[p.side] -= length;
    if (cold->unseenOctets[p.side] == 0) own.flags &= static_cast<uint8_t>(~kAckAhead);
    return;
  }
  if ((own.flags & kGapOpen) != 0 && since < tcp_limits::kReorderNs) {
    cold->outOfOrder[p.side]++;
    fillHole(cold, own, p.side, length);
    return;
  }
  // RFC 9293 3.8.4: a keepalive repeats the last octet.
  if (p.payloadOctets <= 1 && (p.tcpBits() & (kTcpSyn | kTcpFin)) == 0 && p.sequence() + 1 == flow.nextSequence[p.side]) return;
  addLow24(own.retransmitted);
  fillHole(cold, own, p.side, length);
  // Karn's rule (RFC 6298 section 3): an acknowledgement of a segment sent twice measures nothing.
  if (probeStateOf(flow, p.side) == kOwnWaits) endProbe(flow, p.side);
}

// Called before the direction's counts and times are updated.
inline void measureTcp(FlowEntry& flow, ColdPart cold, const DecodedPacket& p) {
  DirectionLine& own = flow.direction[p.side];
  uint32_t& next = flow.nextSequence[p.side];
  const uint16_t bits = p.tcpBits();
  own.tcpBits |= bits;
  if ((own.flags & kFirstSequenceKnown) == 0) {
    own.firstSequence = p.sequence();
    own.flags |= kFirstSequenceKnown;
  }
  if ((bits & kTcpRst) != 0) {
    flow.flags |= kEnded;
    return;  // a reset's numbers may be anything (RFC 9293 3.5.2)
  }
  if (p.window() == 0 && (bits & (kTcpSyn | kTcpFin)) == 0) addHigh(own.ipOctets);
  const bool singular = (bits & (kTcpSyn | kTcpFin)) != 0 || own.packets == 0;
  if (singular) passSingular(flow, sightingOf(p));
  if ((bits & kTcpAck) != 0) measureAcknowledgment(flow, cold, p);
  // RFC 9293 3.4: SYN and FIN take a place in the sequence.
  const uint32_t length = p.payloadOctets + ((bits & kTcpSyn) != 0) + ((bits & kTcpFin) != 0);
  if ((bits & kTcpFin) != 0) own.flags |= kFinSeen;
  const uint32_t end = p.sequence() + length;
  if ((own.flags & kSequenceKnown) == 0) {
    own.flags |= kSequenceKnown;
    next = end;
  } else if (length > 0 && p.sequence() == next) {
    next = end;
  } else if (length > 0) {
    if (static_cast<int32_t>(end - next) <= 0) {
      if (!singular) passProbe(flow, sightingOf(p), end, false);
      measureOldSegment(flow, cold, own, p, length);
      return;
    }
    const uint32_t hole = p.sequence() - next;
    if (static_cast<int32_t>(hole) > 0) openHole(cold, own, p, hole);
    next = end;
  }
  if (!singular) passProbe(flow, sightingOf(p), end, true);
  else if (length > 0) startSingular(flow, sightingOf(p), end);
}

// After measureTcp: nothing but counters changes from here on while segments come in order, and nobody looks at them.
inline bool isSettled(const FlowEntry& flow) {
  constexpr uint8_t kKnown = kSequenceKnown | kFirstSequenceKnown;
  const uint8_t a = flow.direction[0].flags, b = flow.direction[1].flags;
  return ((a & b & kKnown) | ((a | b) & kHelloGoesOn)) == kKnown;
}

// After measureTcp: both sides are done.
inline bool bothFinished(const FlowEntry& flow) { return (flow.direction[0].flags & flow.direction[1].flags & kFinSeen) != 0; }

}  // namespace flowspan

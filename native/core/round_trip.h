// Round trips on both sides of the meter: each is measured from a segment, the probe, to what acknowledges it, forty times a
// second and side at most, since the least is all that is kept. One is under way in a flow at a time.
//
// What the peer has to look at stands beside the key (`FlowEntry::probe`: the number that it has to acknowledge, and once it did,
// when); what is the prober's stands with its direction, and the prober takes an answer up with its next packet, or the row does. So
// a packet of either side touches no line of the other, which would be a cache miss for each. Owner: the core's thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "decoder.h"
#include "flow_entry.h"

namespace flowspan {

// Probes are timed in units of 64 ns, low 32 bits: no division for a packet.
inline uint32_t probeUnits(uint64_t ns) { return static_cast<uint32_t>(ns >> 6); }
inline constexpr uint32_t probeUnitsOfMicros(uint64_t micros) { return static_cast<uint32_t>(micros * 1000 >> 6); }
inline uint32_t microsOfProbe(uint32_t units) { return static_cast<uint32_t>((uint64_t{units} * 64 + 500) / 1000); }

inline constexpr uint32_t kProbeEveryUnits = probeUnitsOfMicros(25'000);
// One that was not answered gives way to the next of its side.
inline constexpr uint32_t kProbeMaxUnits = probeUnitsOfMicros(10'000'000);

inline constexpr uint32_t kFirstPackets = 2;

// What of a packet matters here. Handed over by value: who has the packet in registers need not store it.
struct Sighting {
  uint64_t ns;
  uint32_t acknowledgment;
  uint32_t payloadOctets;
  uint8_t side;
  bool acknowledges;
};
template <typename Packet>
Sighting sightingOf(const Packet& p) {
  return {p.ns, p.acknowledgment(), p.payloadOctets, p.side, (p.tcpBits() & kTcpAck) != 0};
}

// A measurement under way as one side sees it.
enum ProbeState : uint32_t {
  kOwnWaits = kProbing,
  kPeerWaits = kProbing | kSideProbes,
  kOwnIsAnswered = kProbing | kProbeAnswered,
  kPeerIsAnswered = kPeerWaits | kProbeAnswered,
};
inline uint32_t probeStateOf(const FlowEntry& flow, unsigned side) {
  return (flow.flags ^ side * kSideProbes) & (kProbing | kSideProbes | kProbeAnswered);
}
inline bool answersProbe(const FlowEntry& flow, Sighting p) {
  return probeStateOf(flow, p.side) == kPeerWaits && p.acknowledges && static_cast<int32_t>(p.acknowledgment - flow.probe) >= 0;
}
// The time, and in the lowest bit whether the segment has data: then its sender wants to begin one, too.
inline void answerProbe(FlowEntry& flow, Sighting p) {
  flow.probe = (probeUnits(p.ns) & ~1u) | (p.payloadOctets != 0);
  flow.flags |= kProbeAnswered;
}
inline bool leavesTurn(const FlowEntry& flow) { return (flow.probe & 1) == 0; }

// `probeDue` is when the next may begin, and while one of its side is under way, when that has waited too long.
inline uint32_t probeStart(const DirectionLine& own) { return own.probeDue - kProbeMaxUnits; }
inline bool isProbeDue(const DirectionLine& own, uint64_t ns) { return static_cast<int32_t>(probeUnits(ns) - own.probeDue) >= 0; }
inline void startProbe(FlowEntry& flow, unsigned side, uint32_t end, uint64_t ns) {
  flow.probe = end;
  flow.direction[side].probeDue = probeUnits(ns) + kProbeMaxUnits;
  flow.flags = static_cast<uint8_t>((flow.flags & ~(kSideProbes | kProbeAnswered)) | kProbing | side * kSideProbes);
}
// Of one that `side` began.
inline void endProbe(FlowEntry& flow, unsigned side) {
  flow.flags &= static_cast<uint8_t>(~(kProbing | kSideProbes | kProbeAnswered));
  flow.direction[side].probeDue = probeStart(flow.direction[side]) + kProbeEveryUnits;
}

// The least round trip of a side's open record in microseconds, kNoRtt without.
inline uint32_t roundTripOf(const FlowEntry& flow, unsigned side) {
  const DirectionLine& own = flow.direction[side];
  const uint32_t units = (flow.probe & ~1u) - (probeStart(own) & ~1u), least = own.rtt & kLow24;
  return probeStateOf(flow, side) == kOwnIsAnswered && units < kProbeMaxUnits ? std::min(least, microsOfProbe(units)) : least;
}
inline void takeAnswer(FlowEntry& flow, unsigned side) {
  DirectionLine& own = flow.direction[side];
  own.rtt = (own.rtt & ~kLow24) | roundTripOf(flow, side);
  endProbe(flow, side);
}
// Whosever it is.
inline void takeAnyAnswer(FlowEntry& flow) {
  if ((flow.flags & kProbeAnswered) != 0) takeAnswer(flow, (flow.flags & kSideProbes) != 0 ? 1 : 0);
}

// Whether a usual packet takes up an answer, gives one or may begin a measurement. Computed, since each of these is a coin's throw,
// and together they are rarer.
inline bool concernsProbe(const FlowEntry& flow, const DirectionLine& own, Sighting p) {
  const uint32_t state = probeStateOf(flow, p.side);
  const uint32_t answers = ~(p.acknowledgment - flow.probe);
  const uint32_t starts = (0 - p.payloadOctets) & ~(probeUnits(p.ns) - own.probeDue);
  return static_cast<int32_t>((state == kPeerWaits ? answers : starts) | uint32_t{state == kOwnIsAnswered} << 31) < 0;
}

// What a packet does that neither opens nor ends anything. `end` is the number behind its data, if it goes on from what was sent before.
// Who takes an answer up may begin anew in the same packet, when the peer does not want its turn. A side's first packets take
// their peer's answers up for it: both lines are at hand then, and what the client asks first is a probe. Called before the packet is counted.
FLOWSPAN_COLD inline void passProbe(FlowEntry& flow, Sighting p, uint32_t end, bool goesOn) {
  if (answersProbe(flow, p)) {
    answerProbe(flow, p);
    if (flow.direction[p.side].packets < kFirstPackets) takeAnyAnswer(flow);
    return;
  }
  bool turn = goesOn;
  if (probeStateOf(flow, p.side) == kOwnIsAnswered) {
    turn = turn && leavesTurn(flow);
    takeAnswer(flow, p.side);
  }
  if (!turn || p.payloadOctets == 0 || !isProbeDue(flow.direction[p.side], p.ns)) return;
  const uint32_t state = probeStateOf(flow, p.side);
  // The peer takes its answer up with its next packet, and then leaves the turn.
  if (state == kPeerIsAnswered) flow.probe |= 1;
  else if (state != kPeerWaits) startProbe(flow, p.side, end, p.ns);
}

// What opens or ends a connection, and a side's first segment of a record, never comes the usual way. Answers are taken up at once,
// so that a handshake shows both round trips, and whoever was not measured yet begins.
inline void passSingular(FlowEntry& flow, Sighting p) {
  takeAnyAnswer(flow);
  if (answersProbe(flow, p)) answerProbe(flow, p);
  takeAnyAnswer(flow);
}
inline void startSingular(FlowEntry& flow, Sighting p, uint32_t end) {
  if (probeStateOf(flow, p.side) == kPeerWaits) return;
  const DirectionLine& own = flow.direction[p.side];
  const bool unmeasured = (flow.flags & kProbing) == 0 && (own.rtt & kLow24) == kNoRtt;
  if (unmeasured || isProbeDue(own, p.ns)) startProbe(flow, p.side, end, p.ns);
}

}  // namespace flowspan

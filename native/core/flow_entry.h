// A cached flow: three cache lines, of which a packet touches two (the key line, and that of its direction), and a cold part that
// packets rarely touch. 192 + 56 octets; with the index (flow_index.h) a flow stays below 256. Host order.
#pragma once

#include <cstdint>
#include <cstring>

#include "flow_key.h"
#include "ip_shape.h"

namespace flowspan {

inline constexpr uint32_t kNoEntry = 0xffffffffu;

enum FlowFlag : uint8_t {
  kInitiatorSide = 1 << 0,   // side of the initiator
  kInitiatorKnown = 1 << 1,  // it sent a SYN without ACK: biflowDirection 1
  kEnded = 1 << 2,           // RST, or FIN from both sides: lingers
  kProbing = 1 << 3,         // a segment waits to be acknowledged: a round trip is being measured
  kSideProbes = 1 << 4,      // the side that sent it
  kProbeAnswered = 1 << 5,   // it was acknowledged, which that side has not taken up yet
  kInUse = 1 << 6,
  kSettled = 1 << 7,         // not TCP and not observed, or both sides' sequence numbers are known and no hello goes on: see quick_update.h
};

enum DirectionFlag : uint8_t {
  kSequenceKnown = 1 << 0,  // nextSequence means something
  kFirstSequenceKnown = 1 << 1,
  kFinSeen = 1 << 2,
  kGapOpen = 1 << 3,     // a segment jumped ahead: what fills the hole soon is out of order, not sent again
  kAckAhead = 1 << 4,    // the peer acknowledged octets not seen (yet)
  kForwardIsReply = 1 << 5,  // of side 0: an ICMP echo flow whose first packet was the reply
  kHelloGoesOn = 1 << 6,     // a segment cut a TLS hello: what this side sends next is the rest
};

// One direction's share. Octet counts hold 48 bits; small saturating counters and what needs few bits ride in the upper ones.
struct alignas(64) DirectionLine {
  uint64_t layer2Octets;  // | fragments << 48
  uint64_t ipOctets;      // | zero windows << 48
  uint64_t firstNs;
  uint64_t lastNs;
  uint32_t packets;
  uint32_t probeDue;       // when this side may begin to measure a round trip again, see round_trip.h
  IpRange range;
  uint32_t firstSequence;
  uint32_t rtt;            // least seen in microseconds, kNoRtt without | half of the flow's context number << 24
  uint32_t retransmitted;  // | ICMP errors that quote this direction << 24
  uint16_t tcpBits;
  uint8_t classOfService;  // of the first packet
  uint8_t flags;
};
static_assert(sizeof(DirectionLine) == 64);

inline constexpr uint64_t kLow48 = 0xffff'ffff'ffffull;
inline constexpr uint64_t kHighUnit = 1ull << 48;

inline void addHigh(uint64_t& word) {
  if ((word >> 48) != 0xffff) word += kHighUnit;
}

inline constexpr uint32_t kLow24 = 0xff'ffff;
inline constexpr uint32_t kNoRtt = kLow24;  // round trips of ten seconds and more are none, so all fit

inline void addLow24(uint32_t& word) {
  if ((word & kLow24) != kLow24) word++;
}
inline void addHigh8(uint32_t& word) {
  if ((word >> 24) != 0xff) word += 1u << 24;
}

struct alignas(64) FlowEntry {
  FlowKey key;
  uint32_t nextSequence[2];  // of each side, beside the key because either side's packets ask for both
  uint32_t probe;            // what the peer has to acknowledge; then, when it did: see round_trip.h
  // The next four octets are compared as one word on every packet, see stampOf.
  uint8_t flags;
  uint8_t window;  // active time-out window the open record belongs to, low 8 bits
  uint16_t selectorId;
  DirectionLine direction[2];
};
static_assert(sizeof(FlowEntry) == 192);

// The last four octets of the key line as one word: flags, window, selector.
inline uint32_t stampOf(const FlowEntry& flow) {
  uint32_t word;
  std::memcpy(&word, &flow.flags, sizeof word);
  return word;
}

// Whether a TCP header of the open record was read: neither a snap length nor fragmentation hid all of them.
inline bool knowsTcp(const FlowEntry& flow) { return ((flow.direction[0].flags | flow.direction[1].flags) & kFirstSequenceKnown) != 0; }

inline constexpr uint16_t kNoContext = 0;

// Context (context_table.h): outer addresses, MPLS labels, GRE key. Kept in two halves, one a direction line.
inline uint16_t contextOf(const FlowEntry& flow) {
  return static_cast<uint16_t>(flow.direction[1].rtt >> 24 << 8 | flow.direction[0].rtt >> 24);
}
inline void setContext(FlowEntry& flow, uint16_t context) {
  flow.direction[0].rtt = (flow.direction[0].rtt & kLow24) | uint32_t{context & 0xffu} << 24;
  flow.direction[1].rtt = (flow.direction[1].rtt & kLow24) | uint32_t{context} >> 8 << 24;
}

struct ColdEntry {
  uint64_t otherDscp[2];  // code points beside that of the first packet
  uint32_t outOfOrder[2];
  uint32_t unseenOctets[2];  // acknowledged by the peer, never seen; holes that nothing has filled yet
  uint32_t label;            // see below
  uint32_t previous;         // links of the time wheel; a free entry's `next` is the free list
  uint32_t next;
  uint8_t mac[2][6];  // by side
};
static_assert(sizeof(ColdEntry) == 56);

// ColdEntry::label: IPv6 flow label, 802.1Q priorities of both tags, decode annotation, and whether there is a flow label.
inline constexpr uint32_t kLabelled = 1u << 31;
inline uint32_t makeLabel(uint32_t flowLabel, unsigned priorities, unsigned annotation, bool labelled) {
  return (flowLabel & 0xfffff) | (priorities & 0x3f) << 20 | (annotation & 0x1f) << 26 | (labelled ? kLabelled : 0);
}
inline unsigned prioritiesOf(uint32_t label) { return label >> 20 & 0x3f; }
inline unsigned annotationOf(uint32_t label) { return label >> 26 & 0x1f; }

}  // namespace flowspan

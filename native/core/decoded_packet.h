// A packet after decoding: its flow key and what the flow's measures need. Lives in the batch's array, or is copied into
// the hold of early fragments; `frameMacs` and `quoted` point into the frame and are valid within the batch only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../generated/row_layout.h"
#include "flow_key.h"
#include "ip_shape.h"

namespace flowspan {

struct FlowEntry;
struct IndexBucket;
struct RecentHeader;

enum PacketFlag : uint16_t {
  kHasIp = 1 << 0,
  kTcpHeader = 1 << 1,   // sequence numbers and flags were captured
  kFragment = 1 << 2,
  kFirstFragment = 1 << 3,
  kAwaitsFirst = 1 << 4,  // a later fragment whose first was not seen (yet)
  kEchoReply = 1 << 5,
  kUnreachable = 1 << 6,  // `quoted` holds the header of the packet that did not arrive
  kOuter = 1 << 7,
  kMplsStack = 1 << 8,
  kGreKeyed = 1 << 9,
  kFlowLabelled = 1 << 10,
  kTransportAt = 1 << 11,  // `quoted` is the transport header: of TCP and UDP that came the general way
};

inline constexpr uint16_t kTcpFin = 0x01, kTcpSyn = 0x02, kTcpRst = 0x04, kTcpPsh = 0x08, kTcpAck = 0x10;

struct alignas(16) DecodedPacket {
  FlowKey key;
  uint64_t hash;
  uint64_t digest;  // of the parts that two copies share; 0: never compared
  uint64_t ns;
  uint32_t wireOctets;
  uint32_t ipOctets;
  uint32_t shape;  // ip_shape.h
  // TCP alone: no meaning without kTcpHeader, but for common packets (decode_usual.h).
  uint32_t control;  // data offset, control bits, window, as in the header
  uint64_t numbers;  // sequence number << 32 | acknowledgment number
  uint32_t payloadOctets;
  uint32_t special;  // below kPlain when nothing about the packet calls for more than counting, as far as it alone can tell
  // From here to `identified`: what packets of one side of a flow mostly share, see traits.
  uint16_t flags;
  uint8_t side;  // which endpoint of the key sent it
  uint8_t classOfService;
  uint8_t annotation;
  uint8_t priorities;  // 802.1Q priority of the outer tag | of the customer tag << 3
  bool identified;     // the digest covers a non-zero IPv4 identification
  uint16_t serviceAccessPoints;  // of an 802.2 frame without SNAP
  uint32_t flowLabel;
  uint32_t mpls;  // depth << 24 | top label, experimental bits and bottom-of-stack bit
  uint32_t greKey;
  uint32_t quotedOctets;
  uint64_t fragmentId;  // names the datagram a fragment belongs to
  const uint8_t* frameMacs;  // destination, source; null on links without
  const uint8_t* quoted;
  // Where its flow is looked for, stage by stage: batch.cc.
  RecentHeader* recent;       // the place of its header, or null; null as well while none are kept: recent_headers.h
  const IndexBucket* bucket;  // null once there is a guess
  FlowEntry* guess;
  uint8_t outerAddress[2][16];  // as sent: source, destination

  static constexpr uint32_t kPlain = 0xffff;
  // Flags, side, class of service, annotation, priorities and `identified` as one word.
  uint64_t traits() const {
    uint64_t word;
    std::memcpy(&word, reinterpret_cast<const uint8_t*>(this) + offsetof(DecodedPacket, flags), sizeof word);
    return word;
  }
  void setTraits(uint64_t word) { std::memcpy(reinterpret_cast<uint8_t*>(this) + offsetof(DecodedPacket, flags), &word, sizeof word); }
  bool isPlain() const { return special < kPlain; }
  uint32_t sequence() const { return static_cast<uint32_t>(numbers >> 32); }
  uint32_t acknowledgment() const { return static_cast<uint32_t>(numbers); }
  uint16_t tcpBits() const { return control >> 16 & 0x0fff; }  // RFC 7125: the data offset's place is zero
  uint16_t window() const { return static_cast<uint16_t>(control); }
};

static_assert(offsetof(DecodedPacket, serviceAccessPoints) == offsetof(DecodedPacket, flags) + 8, "traits() covers what stands between them");

}  // namespace flowspan

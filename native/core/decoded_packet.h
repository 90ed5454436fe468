// A packet after decoding: its flow key and what the flow's measures need. Lives in the batch's array, or is copied into
// the hold of early fragments; `frameMacs` and `quoted` point into the frame and are valid within the batch only.
#pragma once

#include <cstdint>

#include "../generated/row_layout.h"
#include "flow_key.h"

namespace flowspan {

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
};

struct DecodedPacket {
  FlowKey key;
  uint64_t hash;
  uint64_t digest;  // of the parts that two copies share; 0: never compared
  uint64_t ns;
  uint32_t wireOctets;
  uint32_t ipOctets;
  uint16_t flags;
  uint8_t side;  // which endpoint of the key sent it
  uint8_t ttl;
  uint8_t classOfService;
  uint8_t annotation;
  uint8_t priorities;  // 802.1Q priority of the outer tag | of the customer tag << 3
  bool identified;     // the digest covers a non-zero IPv4 identification
  // TCP alone: no meaning without kTcpHeader.
  uint16_t tcpBits;
  uint16_t window;
  uint32_t sequence;
  uint32_t acknowledgment;
  uint32_t payloadOctets;
  uint32_t flowLabel;
  uint32_t mpls;  // depth << 24 | top label, experimental bits and bottom-of-stack bit
  uint32_t greKey;
  uint32_t quotedOctets;
  uint64_t fragmentId;  // names the datagram a fragment belongs to
  const uint8_t* frameMacs;  // destination, source; null on links without
  const uint8_t* quoted;
  uint8_t outerAddress[2][16];  // as sent: source, destination
};

}  // namespace flowspan

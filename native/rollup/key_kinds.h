// What rows are counted by, and the shape of each key: the same as `keyWords` and `keyText` of src/pipeline/row_keys.ts.
#pragma once

#include <array>
#include <cstdint>

namespace flowspan {

enum class KeyKind : uint8_t {
  host,
  conversation,
  application,
  protocol,
  vlan,
  service,
  siteLabel,
  tenantLabel,
  serviceLabel,
  costCentreLabel,
  country,
  as,
};
inline constexpr std::array<const char*, 12> kKeyKindNames = {"host",      "conversation", "application",  "protocol",        "vlan",    "service",
                                                              "siteLabel", "tenantLabel",  "serviceLabel", "costCentreLabel", "country", "as"};

inline constexpr uint32_t kHostWords = 5, kConversationWords = 9, kServiceWords = 6;
inline constexpr uint32_t kKeyWordsMax = kConversationWords;

// Words of 32 bits. Host: kind of address, then four words: an address, or a MAC for rows without one, so that ARP and its like have
// ends too. Conversation: kind, then both ends, the lower first. Service: the server, then protocol and port.
constexpr uint32_t wordsOf(KeyKind kind) {
  switch (kind) {
    case KeyKind::host: return kHostWords;
    case KeyKind::conversation: return kConversationWords;
    case KeyKind::service: return kServiceWords;
    default: return 1;
  }
}

namespace key {
inline constexpr uint32_t kMacHost = 1, kIpv4Host = 4, kIpv6Host = 6;
// Above every protocol with its port: 8 + 1 + 16 bits.
inline constexpr uint32_t kPortFlag = 1u << 16;
inline constexpr uint32_t kProtocolShift = 17;
inline constexpr uint32_t kUnknown = 1u << 29;
inline constexpr uint32_t kEtherTypeFlag = 1u << 30;
inline constexpr uint32_t kNoVlan = ~0u;
}  // namespace key

// What is true of a row, as bits.
namespace row_flag {
// It has addresses or MACs: else its volume belongs to no host and no conversation.
inline constexpr uint8_t kEnds = 1;
// It has addresses and ports: else nobody serves.
inline constexpr uint8_t kService = 2;
// Its source is the conversation's second end.
inline constexpr uint8_t kReversed = 4;
// Its destination began the flow.
inline constexpr uint8_t kBackwards = 8;
// What it counts are estimates.
inline constexpr uint8_t kSampled = 16;
// Every row.
inline constexpr uint8_t kAny = 32;
}  // namespace row_flag

}  // namespace flowspan

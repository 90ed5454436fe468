// What makes packets one flow. Endpoints stand in a canonical order so that both directions meet in one entry; the
// packet says which endpoint sent it. Host order but for addresses. Six words, compared and hashed as words.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "keyed_hash.h"

namespace flowspan {

enum FlowKind : uint8_t { kKindIpv4 = 0, kKindIpv6 = 1, kKindEthernet = 2 };
// Set beside the kind when the transport header was not seen: an ICMP type of 0 would otherwise read as an echo reply.
inline constexpr uint8_t kKindMask = 0x0f;
inline constexpr uint8_t kKindTransportUnknown = 0x10;
inline constexpr uint8_t kKindWithoutMac = 0x20;
inline constexpr uint8_t kKindWithoutEtherType = 0x40;

inline constexpr uint16_t kTagPresent = 0x8000;  // beside a 12-bit VLAN id

struct alignas(16) FlowKey {
  uint8_t address[2][16];  // IPv4 in the first four octets; MACs for ethernet flows
  uint16_t port[2];        // ICMP: type and code, echo identifier; ethernet: EtherType, LLC service access points
  uint32_t tunnelId;
  uint16_t vlan;  // kTagPresent | VID of the outer tag, 0 without
  uint16_t customerVlan;
  uint8_t protocol;
  uint8_t kind;
  uint8_t tunnelType;
  uint8_t interfaceSlot;  // see InterfaceSlots
};
static_assert(sizeof(FlowKey) == 48);

struct KeyWords {
  uint64_t word[6];
};

// Of the two address words of an IPv4 key, which have their octets in front and zeros behind, one word.
inline uint64_t ipv4Pair(uint64_t first, uint64_t second) {
  return std::endian::native == std::endian::little ? first | second << 32 : first | second >> 32;
}

inline KeyWords wordsOf(const FlowKey& key) {
  KeyWords words;
  std::memcpy(&words, &key, sizeof words);
  return words;
}

// Bits of the last word that take part in comparison: VLANs and interface drop out by setting, yet stay in the entry,
// because a row shows those of the flow's first packet.
class KeyMask {
 public:
  KeyMask(bool vlanInKey, bool interfaceInKey) {
    FlowKey key;
    std::memset(&key, 0xff, sizeof key);
    if (!vlanInKey) key.vlan = key.customerVlan = 0;
    if (!interfaceInKey) key.interfaceSlot = 0;
    last_ = wordsOf(key).word[5];
  }
  uint64_t lastWord() const { return last_; }

 private:
  uint64_t last_;
};

// Word by word from memory: a copy of the key on the stack would be stored and read back in other widths.
inline uint64_t wordOf(const FlowKey& key, unsigned i) {
  uint64_t word;
  std::memcpy(&word, reinterpret_cast<const uint8_t*>(&key) + 8 * i, sizeof word);
  return word;
}

inline uint64_t hashOf(const KeyedHash& hash, const FlowKey& key, uint64_t lastWordMask) {
  const auto w = [&](unsigned i) { return wordOf(key, i); };
  const bool four = (key.kind & kKindMask) == kKindIpv4;
  return hash.ofKey(four ? ipv4Pair(w(0), w(2)) : hash.mixFour(w(0), w(1), w(2), w(3)), w(4), w(5) & lastWordMask);
}

// Two words at once, which every processor of today does.
using WordPair = uint64_t __attribute__((vector_size(16), may_alias));

inline WordPair pairOf(const FlowKey& key, unsigned i) { return reinterpret_cast<const WordPair*>(&key)[i]; }

// Not 0 when they are keys of different flows.
inline uint64_t differenceOf(const FlowKey& a, const FlowKey& b, WordPair lastPairMask) {
  const auto differs = [&](unsigned i) { return pairOf(a, i) ^ pairOf(b, i); };
  const WordPair all = differs(0) | differs(1) | (differs(2) & lastPairMask);
  return all[0] | all[1];
}
inline bool sameFlow(const FlowKey& a, const FlowKey& b, uint64_t lastWordMask) { return differenceOf(a, b, WordPair{~uint64_t{0}, lastWordMask}) == 0; }

}  // namespace flowspan

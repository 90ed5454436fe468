// What few flows share and no key holds: outer addresses of a tunnel, MPLS labels, GRE key. Distinct combinations are kept
// once and counted by reference; flows name them by a 16-bit number. When all 4095 are in use, a new combination is not
// kept: the flow's row leaves those fields out. Owner: the core's thread.
#pragma once

#include <cstdint>
#include <cstring>

#include "decoded_packet.h"
#include "flow_entry.h"
#include "keyed_hash.h"
#include "memory_region.h"

namespace flowspan {

struct FlowContext {
  uint8_t outerAddress[2][16];  // of the flow's first packet: source, destination
  uint32_t mpls;
  uint32_t greKey;
  uint16_t flags;  // kOuter, kMplsStack, kGreKeyed; 0: free
  uint8_t senderSide;  // side that sent the first packet, hence owns outerAddress[0]
  uint8_t padding[5];
};
static_assert(sizeof(FlowContext) == 48);

class ContextTable {
 public:
  static constexpr uint32_t kContexts = 4096;
  static constexpr uint16_t kKept = kOuter | kMplsStack | kGreKeyed;

  explicit ContextTable(const KeyedHash& hash) : hash_(hash), region_(kContexts * (sizeof(FlowContext) + sizeof(uint32_t))) {}

  const FlowContext& at(uint16_t context) const { return contexts()[context]; }

  uint16_t acquire(const DecodedPacket& packet) {
    FlowContext wanted;
    std::memset(&wanted, 0, sizeof wanted);
    wanted.flags = packet.flags & kKept;
    wanted.senderSide = packet.side;
    if ((wanted.flags & kOuter) != 0) std::memcpy(wanted.outerAddress, packet.outerAddress, sizeof wanted.outerAddress);
    if ((wanted.flags & kMplsStack) != 0) wanted.mpls = packet.mpls;
    if ((wanted.flags & kGreKeyed) != 0) wanted.greKey = packet.greKey;
    KeyWords words;
    std::memcpy(&words, &wanted, sizeof words);
    uint32_t free = 0;
    const uint64_t home = hash_.ofSixWords(words.word);
    for (uint32_t probe = 0; probe < kProbes; probe++) {
      const uint32_t i = static_cast<uint32_t>(home + probe) % kContexts;
      if (i == kNoContext) continue;
      if (references()[i] == 0) {
        if (free == 0) free = i;
      } else if (std::memcmp(&contexts()[i], &wanted, sizeof wanted) == 0) {
        references()[i]++;
        return static_cast<uint16_t>(i);
      }
    }
    if (free == 0) return kNoContext;
    contexts()[free] = wanted;
    references()[free] = 1;
    return static_cast<uint16_t>(free);
  }

  void release(uint16_t context) {
    if (context != kNoContext) references()[context]--;
  }

  size_t memoryBytes() const { return region_.bytes(); }

 private:
  static constexpr uint32_t kProbes = 16;
  FlowContext* contexts() const { return region_.as<FlowContext>(); }
  uint32_t* references() const { return reinterpret_cast<uint32_t*>(contexts() + kContexts); }

  const KeyedHash& hash_;
  MemoryRegion region_;
};

}  // namespace flowspan

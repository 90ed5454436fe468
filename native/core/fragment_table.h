// Ports of first fragments, so that later ones join their flow (DESIGN section 2). 4096 datagrams in sets of four, the
// oldest of a set gives way; an entry holds 15 s, the least a host waits to reassemble (RFC 1122 3.3.2 allows 60 to 120).
// Later fragments that come before their first wait in early_fragments.h. Owner: the core's thread.
#pragma once

#include <cstdint>
#include <cstring>

#include "decoded_packet.h"
#include "memory_region.h"

namespace flowspan {

// What only the first fragment carries, as sent (not in canonical order).
struct FragmentPorts {
  uint16_t port[2];
  uint16_t flags;  // kEchoReply
  uint8_t kind;    // kKindTransportUnknown when the first fragment did not show it either
  // Of the flow: what every fragment names is the header that comes first, an extension header or AH maybe.
  uint8_t protocol;
};

class FragmentTable {
 public:
  static constexpr uint32_t kSets = 1024;
  static constexpr unsigned kWays = 4;
  static constexpr uint64_t kHoldNs = 15'000'000'000ull;

  FragmentTable() : region_(kSets * sizeof(Set)) {}

  // Null when no first fragment of that datagram is remembered.
  const FragmentPorts* find(uint64_t id, uint64_t ns) const {
    const Set& set = sets()[id % kSets];
    for (const Slot& slot : set.slot) {
      if (slot.id == id && distance(slot.ns, ns) < kHoldNs) return &slot.ports;
    }
    return nullptr;
  }

  void remember(uint64_t id, uint64_t ns, const FragmentPorts& ports) {
    Set& set = sets()[id % kSets];
    Slot* chosen = &set.slot[0];
    for (Slot& slot : set.slot) {
      if (slot.id == id) {
        chosen = &slot;
        break;
      }
      if (slot.ns < chosen->ns) chosen = &slot;
    }
    *chosen = Slot{id, ns, ports};
  }

  void forget() { std::memset(sets(), 0, kSets * sizeof(Set)); }
  size_t memoryBytes() const { return region_.bytes(); }

 private:
  struct Slot {
    uint64_t id;  // 0: empty, ids are never 0
    uint64_t ns;
    FragmentPorts ports;
  };
  struct Set {
    Slot slot[kWays];
  };
  static uint64_t distance(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }
  Set* sets() const { return region_.as<Set>(); }

  MemoryRegion region_;
};

}  // namespace flowspan

// Later fragments that came before their first: held until it comes, at most 1 s and 256 packets, then metered into a flow
// with port 0. Their packets count as cached. Owner: the core's thread.
#pragma once

#include <cstdint>
#include <cstring>

#include "decoded_packet.h"
#include "memory_region.h"

namespace flowspan {

class EarlyFragments {
 public:
  static constexpr uint32_t kPackets = 256;
  static constexpr uint64_t kHoldNs = 1'000'000'000ull;

  EarlyFragments() : region_(kPackets * sizeof(Held)) {}

  uint32_t count() const { return count_; }
  bool full() const { return count_ == kPackets; }
  uint64_t oldestNs() const { return held()[0].packet.ns; }

  // The frame does not outlive its batch, so MACs are copied.
  void hold(const DecodedPacket& packet) {
    Held& slot = held()[count_++];
    slot.packet = packet;
    slot.packet.quoted = nullptr;
    if (packet.frameMacs != nullptr) std::memcpy(slot.macs, packet.frameMacs, sizeof slot.macs);
  }

  // Moves out the oldest, or the first that belongs to `id`; order of arrival is kept. False when there is none.
  bool takeOldest(DecodedPacket& packet, uint8_t* macs) { return count_ > 0 && take(0, packet, macs); }
  bool takeOf(uint64_t id, DecodedPacket& packet, uint8_t* macs) {
    for (uint32_t i = 0; i < count_; i++) {
      if (held()[i].packet.fragmentId == id) return take(i, packet, macs);
    }
    return false;
  }

  template <typename Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; i < count_; i++) visit(held()[i].packet);
  }

  size_t memoryBytes() const { return region_.bytes(); }

 private:
  struct Held {
    DecodedPacket packet;
    uint8_t macs[12];
  };
  Held* held() const { return region_.as<Held>(); }

  bool take(uint32_t i, DecodedPacket& packet, uint8_t* macs) {
    packet = held()[i].packet;
    if (packet.frameMacs != nullptr) {
      std::memcpy(macs, held()[i].macs, sizeof held()[i].macs);
      packet.frameMacs = macs;
    }
    count_--;
    std::memmove(&held()[i], &held()[i + 1], (count_ - i) * sizeof(Held));
    return true;
  }

  MemoryRegion region_;
  uint32_t count_ = 0;
};

}  // namespace flowspan

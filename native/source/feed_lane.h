// Frames that JavaScript captured, on their way to a worker: slots of records, filled by the JavaScript thread and read by one
// worker. All memory is taken at start. Policy when every slot is full: `drop-newest`, counted as dropped by the kernel's side.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "index_ring.h"
#include "wake_event.h"

namespace flowspan {

// Stands before each frame; src/meter/libpcap/frame_feed.ts writes it. Records begin at multiples of eight octets.
struct FeedRecord {
  uint32_t seconds;       // wall clock
  uint32_t microseconds;
  uint32_t captured;
  uint32_t wire;
  uint32_t port;          // place in the list of interfaces
  uint32_t reserved;
};
static_assert(sizeof(FeedRecord) == 24);

inline constexpr uint32_t kFeedSlotOctets = 512u << 10;  // holds the longest frame that settings allow
inline constexpr uint32_t kFeedSlots = 16;
inline constexpr size_t kFeedPortsMax = 16;

class FeedLane {
 public:
  // Throws Failure ENOMEM.
  FeedLane();
  ~FeedLane();
  FeedLane(const FeedLane&) = delete;
  FeedLane& operator=(const FeedLane&) = delete;

  uint8_t* data() const { return data_; }
  size_t octets() const { return size_t{kFeedSlots} * kFeedSlotOctets; }

  // JavaScript thread. A slot to fill, −1 when all wait for the worker.
  int32_t lend();
  // Hands over a lent slot whose first `octets` are whole records; false when it is not the caller's.
  bool hand(uint32_t slot, uint32_t octets);
  // Totals of what the kernel showed this interface's reader: passed its filter, and of these lost.
  void setTotals(uint32_t port, uint64_t tapped, uint64_t dropped);

  // Worker.
  struct Slot {
    const uint8_t* at = nullptr;
    uint32_t octets = 0;
    uint32_t index = 0;
  };
  bool take(Slot& to);
  void giveBack(uint32_t slot) { free_.push(slot); }
  bool isEmpty() const { return full_.size() == 0; }
  const WakeEvent& bell() const { return bell_; }
  uint64_t tapped(size_t port) const { return totals_[port].tapped.load(std::memory_order_relaxed); }
  uint64_t dropped(size_t port) const { return totals_[port].dropped.load(std::memory_order_relaxed); }

 private:
  struct Totals {
    std::atomic<uint64_t> tapped{0};
    std::atomic<uint64_t> dropped{0};
  };
  uint8_t* data_ = nullptr;
  IndexRing free_{kFeedSlots};
  IndexRing full_{kFeedSlots};
  std::array<uint32_t, kFeedSlots> octets_{};  // written before a slot is handed over
  std::array<bool, kFeedSlots> lent_{};        // JavaScript thread
  std::array<Totals, kFeedPortsMax> totals_;
  WakeEvent bell_;
};

}  // namespace flowspan

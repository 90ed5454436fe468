#include "feed_lane.h"

#include <sys/mman.h>

#include "failure.h"

namespace flowspan {

FeedLane::FeedLane() {
  void* memory = mmap(nullptr, octets(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw Failure("ENOMEM", "no memory for captured frames");
  data_ = static_cast<uint8_t*>(memory);
  for (uint32_t slot = 0; slot < kFeedSlots; slot++) free_.push(slot);
}

FeedLane::~FeedLane() { munmap(data_, octets()); }

int32_t FeedLane::lend() {
  uint32_t slot = 0;
  if (!free_.pop(slot)) return -1;
  lent_[slot] = true;
  return static_cast<int32_t>(slot);
}

bool FeedLane::hand(uint32_t slot, uint32_t octets) {
  if (slot >= kFeedSlots || !lent_[slot] || octets > kFeedSlotOctets) return false;
  lent_[slot] = false;
  octets_[slot] = octets;
  full_.push(slot);
  bell_.signal();
  return true;
}

void FeedLane::setTotals(uint32_t port, uint64_t tapped, uint64_t dropped) {
  if (port >= kFeedPortsMax) return;
  totals_[port].tapped.store(tapped, std::memory_order_relaxed);
  totals_[port].dropped.store(dropped, std::memory_order_relaxed);
}

bool FeedLane::take(Slot& to) {
  if (!full_.pop(to.index)) return false;
  to.at = data_ + static_cast<size_t>(to.index) * kFeedSlotOctets;
  to.octets = octets_[to.index];
  return true;
}

}  // namespace flowspan

#include "observation_lane.h"

#include <cstring>

namespace flowspan {

size_t ObservationLane::take(uint8_t* to, size_t room) {
  size_t octets = 0;
  uint32_t head = head_.load(std::memory_order_relaxed);
  const uint32_t tail = tail_.load(std::memory_order_acquire);
  for (; head != tail; head++) {
    const Observation& one = places_[head % kPlaces];
    const size_t length = (observation_head::kBytes + one.octets + size_t{7}) & ~size_t{7};
    if (length > room - octets) break;
    std::memcpy(to + octets, &one, observation_head::kBytes + one.octets);
    octets += length;
  }
  head_.store(head, std::memory_order_release);
  return octets;
}

}  // namespace flowspan

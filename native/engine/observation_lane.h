// Observations of one worker on their way to JavaScript: a ring of places taken at start, one producer, one consumer, no lock.
// Policy when full: `drop-newest` (the core counts what finds no room), so that a busy reader costs the meter nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "../core/observation.h"

namespace flowspan {

class ObservationLane final : public ObservationSink {
 public:
  static constexpr uint32_t kPlaces = 256;

  ObservationLane() : places_(kPlaces) {}

  // Worker thread.
  Observation* next() override {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    return tail - head_.load(std::memory_order_acquire) < kPlaces ? &places_[tail % kPlaces] : nullptr;
  }
  void commit() override { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // Consumer. Copies whole ones, head and payload, as many as find room; each begins at a multiple of 8. Returns the octets.
  size_t take(uint8_t* to, size_t room);

  size_t memoryBytes() const { return places_.size() * sizeof(Observation); }

 private:
  std::vector<Observation> places_;
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) std::atomic<uint32_t> tail_{0};
};

}  // namespace flowspan

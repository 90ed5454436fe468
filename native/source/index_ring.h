// A queue of block numbers between exactly one producer and one consumer thread. Lock-free, fixed capacity.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

namespace flowspan {

class IndexRing {
 public:
  explicit IndexRing(uint32_t capacity) : slots_(std::bit_ceil(capacity)), mask_(static_cast<uint32_t>(slots_.size()) - 1) {}

  // Producer. Never full: there are no more blocks than slots.
  void push(uint32_t value) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    slots_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);
  }

  // Consumer. False when empty.
  bool pop(uint32_t& value) {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    value = slots_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // Either side; a snapshot.
  uint32_t size() const { return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire); }

 private:
  std::vector<uint32_t> slots_;
  uint32_t mask_;
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) std::atomic<uint32_t> tail_{0};
};

}  // namespace flowspan

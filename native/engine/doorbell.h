// Lets one thread sleep until another has news, without a lock: a counter and a futex. Ringing costs a system call only
// while somebody sleeps. Any number of threads on both sides.
#pragma once

#include <atomic>
#include <cstdint>

namespace flowspan {

class Doorbell {
 public:
  // Read before looking for news; `wait` returns at once when the bell rang since.
  uint32_t seen() const { return rings_.load(std::memory_order_seq_cst); }
  void ring();
  void wait(uint32_t seen, uint64_t timeoutNs);


 private:
  std::atomic<uint32_t> rings_{0};
  std::atomic<uint32_t> waiters_{0};
};

}  // namespace flowspan

#include "doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

namespace flowspan {

void Doorbell::ring() {
  rings_.fetch_add(1, std::memory_order_seq_cst);
  if (waiters_.load(std::memory_order_seq_cst) > 0) syscall(SYS_futex, &rings_, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void Doorbell::wait(uint32_t seen, uint64_t timeoutNs) {
  const timespec timeout{static_cast<time_t>(timeoutNs / 1'000'000'000), static_cast<long>(timeoutNs % 1'000'000'000)};
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  // The kernel compares again under its own lock, so a ring between `seen` and here is never missed.
  syscall(SYS_futex, &rings_, FUTEX_WAIT_PRIVATE, seen, &timeout, nullptr, 0);
  waiters_.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace flowspan

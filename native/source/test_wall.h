// Lets a test step the wall clock without touching the host's. Owned by one thread.
#pragma once

#include <cstdint>

#include "clocks.h"

namespace flowspan {

// The wall clock as packets are stamped with it, moved by a test: steps are made without touching the host's clock. A packet stamped
// before the step keeps the offset of its time, as it would in truth.
class TestWall {
 public:
  explicit TestWall(int64_t offsetNs) : before_(offsetNs), after_(offsetNs) {}
  void step(int64_t offsetNs) {
    before_ = after_;
    after_ = offsetNs;
    stepAtNs_ = realtimeNs();
  }
  uint64_t operator()(uint64_t stampNs) const { return stampNs + static_cast<uint64_t>(stampNs < stepAtNs_ ? before_ : after_); }
  uint64_t wall() const { return realtimeNs() + static_cast<uint64_t>(after_); }
  uint64_t monotonic() const { return monotonicNs(); }

 private:
  int64_t before_;
  int64_t after_;
  uint64_t stepAtNs_ = 0;
};

}  // namespace flowspan

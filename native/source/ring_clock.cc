#include "ring_clock.h"

namespace flowspan {

namespace {
// NTP slews by at most 500 ppm (adjtimex); twice that and a little for the two readings is still not a step.
constexpr uint64_t kSlewDivisor = 1000;
constexpr uint64_t kReadingNs = 200'000;
// A packet may sit in an unfinished block, which the ring does not show, for the retire time-out; with room to spare.
constexpr uint64_t kUnseenNs = 200'000'000;
}  // namespace

BlockTime RingClock::openBlock(uint64_t monotonicNs, uint64_t wallNs) {
  BlockTime time;
  time.nowNs = monotonicNs;
  time.offsetNs = monotonicNs - wallNs;
  time.floorNs = emptyNs_ > kUnseenNs ? emptyNs_ - kUnseenNs : 0;
  if (known_) {
    const int64_t moved = static_cast<int64_t>(time.offsetNs - lastOffsetNs_);
    const uint64_t size = static_cast<uint64_t>(moved < 0 ? -moved : moved);
    time.jumped = size > kReadingNs + (monotonicNs - lastNs_) / kSlewDivisor;
  }
  known_ = true;
  lastNs_ = monotonicNs;
  lastOffsetNs_ = time.offsetNs;
  return time;
}

}  // namespace flowspan

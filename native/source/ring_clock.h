// Wall stamps of the capture ring to the monotonic row clock (DESIGN section 7). The offset between the clocks is sampled
// at every block; a wall clock that was stepped meanwhile never moves a row: such packets get their block's time instead.
// Pure; owned by one thread.
#pragma once

#include <cstdint>

namespace flowspan {

// How the stamps of one block are read.
struct BlockTime {
  uint64_t nowNs = 0;     // monotonic, when the block was picked up
  uint64_t floorNs = 0;   // monotonic; no packet of the block can be older
  uint64_t offsetNs = 0;  // monotonic minus wall, modulo 2^64
  bool jumped = false;

  uint64_t toRowNs(uint64_t wallNs) const {
    const uint64_t ns = wallNs + offsetNs;
    return jumped || ns > nowNs || ns < floorNs ? nowNs : ns;
  }
};

class RingClock {
 public:
  // The ring held nothing at that time: everything that comes later was captured later.
  void sawEmpty(uint64_t monotonicNs) { emptyNs_ = monotonicNs; }
  BlockTime openBlock(uint64_t monotonicNs, uint64_t wallNs);

 private:
  uint64_t emptyNs_ = 0;
  uint64_t lastNs_ = 0;
  uint64_t lastOffsetNs_ = 0;
  bool known_ = false;
};

}  // namespace flowspan

// Packet sampling: systematic count-based 1 in N (RFC 5475 section 5.1) and uniform probabilistic (section 5.2.2.1) by
// drawing the distance to the next selected packet. One subtraction for a packet. Owner: the core's thread.
#pragma once

#include <cmath>
#include <cstdint>

#include "keyed_hash.h"
#include "meter_core.h"

namespace flowspan {

class PacketSelector {
 public:
  explicit PacketSelector(uint64_t seed) : random_(seed ^ 0x5a3c9d1e7b2f4860ull) {}

  void configure(SamplingKind kind, uint32_t interval) {
    kind_ = interval <= 1 ? SamplingKind::none : kind;
    interval_ = interval == 0 ? 1 : interval;
    skip_ = 0;
    if (kind_ == SamplingKind::uniformRandom) {
      logOfMiss_ = std::log1p(-1.0 / interval_);
      draw();
    }
  }

  bool active() const { return kind_ != SamplingKind::none; }

  bool selects() {
    if (kind_ == SamplingKind::none) return true;
    if (skip_ > 0) {
      skip_--;
      return false;
    }
    if (kind_ == SamplingKind::countBased) skip_ = interval_ - 1;
    else draw();
    return true;
  }

 private:
  // Packets passed over before the next hit of a coin with probability 1/N: geometric, by inversion.
  void draw() {
    const double u = (static_cast<double>(random_.next() >> 11) + 0.5) * 0x1.0p-53;
    const double skip = std::floor(std::log(u) / logOfMiss_);
    skip_ = skip < 4e9 ? static_cast<uint64_t>(skip) : 4'000'000'000ull;
  }

  SplitMix random_;
  SamplingKind kind_ = SamplingKind::none;
  uint32_t interval_ = 1;
  uint64_t skip_ = 0;
  double logOfMiss_ = -1;
};

}  // namespace flowspan

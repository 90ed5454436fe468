// One selector: systematic count-based 1 in N (RFC 5475 section 5.1), uniform probabilistic (section 5.2.2.1) by drawing the
// distance to the next selected packet, or hash-based flow filtering (RFC 7014): one flow in N, all of its packets.
// One subtraction or one multiplication for a packet. Owner: the core's thread.
#pragma once

#include <cmath>
#include <cstdint>

#include "keyed_hash.h"
#include "sampling_plan.h"

namespace flowspan {

class PacketSelector {
 public:
  // `stream` keeps the random draws of several selectors apart. What a flow's hash means is the seed's alone: the same flows
  // in every thread and pool, and those of 1 in 2N are among those of 1 in N.
  explicit PacketSelector(uint64_t seed, uint64_t stream = 0) : random_((seed ^ 0x5a3c9d1e7b2f4860ull) + stream * 0xd1342543de82ef95ull) {
    SplitMix secrets(seed ^ 0x8f14e45fceea167aull);
    flowSecret_[0] = secrets.next() | 1;
    flowSecret_[1] = secrets.next() | 1;
  }

  void configure(SamplingKind kind, uint32_t interval) {
    kind_ = interval <= 1 ? SamplingKind::none : kind;
    interval_ = interval == 0 ? 1 : interval;
    skip_ = 0;
    if (kind_ == SamplingKind::uniformRandom) {
      logOfMiss_ = std::log1p(-1.0 / interval_);
      draw();
    }
    flowHashMost_ = ~0ull / interval_;
  }

  bool takesAll() const { return kind_ == SamplingKind::none; }

  // `flowHash`: the keyed hash of the flow key. It is hashed again: entries of flows with hashes from one range would crowd
  // into one part of the index.
  bool selects(uint64_t flowHash) {
    if (kind_ == SamplingKind::none) return true;
    if (kind_ == SamplingKind::flowHash) return foldMultiply(flowHash ^ flowSecret_[0], flowSecret_[1]) <= flowHashMost_;
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
  uint64_t flowSecret_[2];
  SamplingKind kind_ = SamplingKind::none;
  uint32_t interval_ = 1;
  uint64_t skip_ = 0;
  uint64_t flowHashMost_ = ~0ull;
  double logOfMiss_ = -1;
};

}  // namespace flowspan

// Walks the options of a pcapng block (draft-ietf-opsawg-pcapng section 3.5) without leaving it.
#pragma once

#include <cstdint>

#include "octets.h"

namespace flowspan {

class PcapngOptions {
 public:
  PcapngOptions(const uint8_t* from, const uint8_t* to, bool swapped) : at_(from), end_(to), swapped_(swapped) {}

  uint16_t code = 0;
  uint16_t octets = 0;
  const uint8_t* value = nullptr;

  // False at opt_endofopt, at the end of the block, or where an option would leave it.
  bool next() {
    if (at_ > end_ || end_ - at_ < 4) return false;
    code = load<uint16_t>(at_, swapped_);
    octets = load<uint16_t>(at_ + 2, swapped_);
    value = at_ + 4;
    const uint32_t padded = (octets + 3u) & ~3u;
    if (code == 0 || static_cast<uint32_t>(end_ - value) < padded) return false;
    at_ = value + padded;
    return true;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
  bool swapped_;
};

}  // namespace flowspan

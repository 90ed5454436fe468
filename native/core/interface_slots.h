// Interface numbers as one octet, for the flow key. 255 interfaces; any beyond share the last slot. Owner: the core's thread.
#pragma once

#include <array>
#include <cstdint>

namespace flowspan {

class InterfaceSlots {
 public:
  uint8_t slotOf(uint32_t interfaceIndex) {
    if (interfaceIndex == index_[last_] && last_ < count_) return last_;
    for (unsigned i = 0; i < count_; i++) {
      if (index_[i] == interfaceIndex) return last_ = static_cast<uint8_t>(i);
    }
    if (count_ < index_.size()) index_[count_++] = interfaceIndex;
    return last_ = static_cast<uint8_t>(count_ - 1);
  }
  uint32_t indexOf(uint8_t slot) const { return index_[slot]; }

 private:
  std::array<uint32_t, 256> index_{};
  unsigned count_ = 0;
  uint8_t last_ = 0;
};

}  // namespace flowspan

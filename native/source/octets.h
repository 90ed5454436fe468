// Loads in a capture's own byte order, which only its header tells. What has a fixed order is core/byte_order.h.
#pragma once

#include "../core/byte_order.h"

namespace flowspan {

inline uint16_t swapOctets(uint16_t value) { return __builtin_bswap16(value); }
inline uint32_t swapOctets(uint32_t value) { return __builtin_bswap32(value); }
inline uint64_t swapOctets(uint64_t value) { return __builtin_bswap64(value); }

template <typename T>
inline T load(const uint8_t* from, bool swapped) {
  const T value = loadRaw<T>(from);
  return swapped ? swapOctets(value) : value;
}

}  // namespace flowspan

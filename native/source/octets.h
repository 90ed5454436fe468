// Unaligned loads of a capture's own byte order.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace flowspan {

template <typename T>
inline T loadHost(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline uint16_t swapOctets(uint16_t value) { return __builtin_bswap16(value); }
inline uint32_t swapOctets(uint32_t value) { return __builtin_bswap32(value); }
inline uint64_t swapOctets(uint64_t value) { return __builtin_bswap64(value); }

template <typename T>
inline T load(const uint8_t* from, bool swapped) {
  const T value = loadHost<T>(from);
  return swapped ? swapOctets(value) : value;
}

template <typename T>
inline T loadBig(const uint8_t* from) {
  return load<T>(from, std::endian::native == std::endian::little);
}

}  // namespace flowspan

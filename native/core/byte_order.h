// Loads and stores of unaligned values, in network and in host order. Everything goes through memcpy, which compilers turn
// into single instructions: packets give no alignment, and punning would be undefined behaviour. Pure; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace flowspan {

// The value, of which the compiler knows nothing: what was computed without branches stays so.
template <typename T>
inline T opaque(T value) {
  asm("" : "+r"(value));
  return value;
}

template <typename T>
inline T loadRaw(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline constexpr uint16_t toNetwork(uint16_t v) { return std::endian::native == std::endian::big ? v : __builtin_bswap16(v); }
inline constexpr uint32_t toNetwork(uint32_t v) { return std::endian::native == std::endian::big ? v : __builtin_bswap32(v); }
inline constexpr uint64_t toNetwork(uint64_t v) { return std::endian::native == std::endian::big ? v : __builtin_bswap64(v); }

inline uint16_t load16(const uint8_t* at) { return toNetwork(loadRaw<uint16_t>(at)); }
inline uint32_t load24(const uint8_t* at) { return uint32_t(at[0]) << 16 | uint32_t(at[1]) << 8 | at[2]; }
inline uint32_t load32(const uint8_t* at) { return toNetwork(loadRaw<uint32_t>(at)); }
inline uint64_t load64(const uint8_t* at) { return toNetwork(loadRaw<uint64_t>(at)); }

template <typename T>
inline void storeNetwork(uint8_t* at, T value) {
  value = toNetwork(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace flowspan

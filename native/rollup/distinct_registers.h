// How many different keys there were: the registers of the count that src/flow/distinct_count.ts packs, merges and estimates from
// (HyperLogLog, Flajolet and others, 2007). 2 KiB. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace flowspan {

class DistinctRegisters {
 public:
  static constexpr uint32_t kBits = 11;
  static constexpr uint32_t kCount = 1u << kBits;

  // `hash`: `distinctHash` of the key.
  void add(uint32_t hash) {
    const uint32_t rank = static_cast<uint32_t>(std::countl_zero((hash << kBits) | (1u << (kBits - 1)))) + 1;
    uint8_t& largest = largest_[hash >> (32 - kBits)];
    // Soon hardly any key has a longer run than those before it: nothing is written.
    if (rank > largest) largest = static_cast<uint8_t>(rank);
  }
  void merge(const DistinctRegisters& other) {
    for (uint32_t i = 0; i < kCount; i++) largest_[i] = std::max(largest_[i], other.largest_[i]);
  }
  void clear() { largest_.fill(0); }
  const std::array<uint8_t, kCount>& ranks() const { return largest_; }

 private:
  std::array<uint8_t, kCount> largest_{};
};

// The hash that counts of all runs have in common, the same as `distinctHash` of src/flow/distinct_count.ts: the finaliser of MurmurHash3
// after each word.
inline uint32_t distinctHash(const uint32_t* words, uint32_t count) {
  uint32_t hash = count;
  for (uint32_t i = 0; i < count; i++) {
    hash = (hash ^ words[i] ^ (hash >> 15)) * 0x85ebca6bu;
    hash = (hash ^ (hash >> 13)) * 0xc2b2ae35u;
    hash ^= hash >> 16;
  }
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bu;
  return hash ^ (hash >> 13);
}

}  // namespace flowspan

// What one window counted in one dimension, taken out of where it was counted: dense, and read from front to back by whoever ranks it or
// adds it to a longer window. Memory: 92 octets a key of the largest window so far. Used again for every window. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "distinct_registers.h"
#include "row_columns.h"

namespace flowspan {

struct TakenKeys {
  // Of the keys there are, `count`, by key:
  std::vector<uint32_t> slots;
  std::vector<Figures> figures;
  // Zero where no sampled row was counted.
  std::vector<Estimates> sampled;
  std::vector<double> octets;
  std::vector<double> ranked;
  uint32_t count = 0;
  // Of the window, what is not in keys:
  Figures other{};
  Estimates otherSampled{};
  DistinctRegisters distinct;
  // Some keys were moved to `other`, so that the keys that are left do not tell how many there were.
  bool evicted = false;

  // What is held is given up.
  void reserve(uint32_t keys) {
    if (slots.size() >= keys) return;
    slots.resize(keys);
    figures.resize(keys);
    sampled.resize(keys);
    octets.resize(keys);
    ranked.resize(keys);
  }
};

// The keys with the most octets.
struct TopKeys {
  // Places in TakenKeys, in their order there.
  std::vector<uint32_t> keys;
  // All keys that are not among them, and what was other before.
  Figures other;
  Estimates otherSampled;
};

TopKeys topOf(TakenKeys& taken, uint32_t topK);

}  // namespace flowspan

#include "key_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>

namespace flowspan {

namespace {
constexpr uint32_t kIndexedAtFirst = 256;
// So many keys tell well enough how heavy the lightest ones are.
constexpr uint32_t kSampleMax = 256;

// The index of a table that fills at once, as when a box meets its network, is made anew a few times only; of a large one less lies idle.
constexpr uint32_t growthOf(uint32_t slots) { return slots < 4096 ? 4 : 2; }
}  // namespace

KeyTable::KeyTable(uint32_t words, uint32_t marks, uint32_t slotsMax, uint32_t seed)
    // Seeded by chance, for the rest fast: what is taken needs to be spread, not secret.
    : words_(words),
      slotsMax_(slotsMax),
      keyAt_(kMarksAt + marks),
      stride_(keyAt_ + words),
      chance_(seed | 1),
      records_(static_cast<size_t>(slotsMax) * stride_),
      weights_(slotsMax),
      given_(slotsMax) {
  growIndex(std::min(kIndexedAtFirst, slotsMax));
}

uint32_t KeyTable::insert(const uint32_t* key, uint32_t hash, uint32_t distinctHash) {
  if (size_ == indexed_) growIndex(static_cast<uint32_t>(std::min<uint64_t>(uint64_t{indexed_} * growthOf(indexed_), slotsMax_)));
  // Of which memory is used already, if any.
  const uint32_t slot = size_ < slotsUsed_ ? given_[slotsUsed_ - size_ - 1] : slotsUsed_++;
  size_++;
  uint32_t* to = record(slot);
  to[kHashAt] = hash;
  to[kDistinctHashAt] = distinctHash;
  std::fill(to + kMarksAt, to + keyAt_, 0u);
  std::copy(key, key + words_, to + keyAt_);
  weights_[slot] = 0;
  link(slot, hash);
  return slot;
}

void KeyTable::remove(uint32_t slot) {
  const uint32_t mask = indexMask_;
  uint32_t hole = hashOf(slot) & mask;
  while (index_[hole].place != slot + 1) hole = (hole + 1) & mask;
  // Knuth 6.4 algorithm R: entries behind the hole move up unless that would put them before their home.
  for (uint32_t at = (hole + 1) & mask; index_[at].place != 0; at = (at + 1) & mask) {
    if (((at - index_[at].hash) & mask) >= ((at - hole) & mask)) {
      index_[hole] = index_[at];
      hole = at;
    }
  }
  index_[hole] = {};
  weights_[slot] = kNobody;
  given_[slotsUsed_ - size_] = slot;
  size_--;
}

double KeyTable::lightest(uint32_t count) {
  std::array<double, kSampleMax> sample;
  uint32_t taken = 0;
  if (size_ <= kSampleMax) {
    for (uint32_t slot = 0; slot < slotsUsed_; slot++) {
      if (isTaken(slot)) sample[taken++] = weights_[slot];
    }
  } else {
    while (taken < kSampleMax) {
      const uint32_t slot = anySlot();
      if (isTaken(slot)) sample[taken++] = weights_[slot];
    }
  }
  const auto part = static_cast<uint32_t>(std::lround(static_cast<double>(taken) * count / size_));
  const auto last = sample.begin() + std::max(1u, part) - 1;
  std::nth_element(sample.begin(), last, sample.begin() + taken);
  return *last;
}

uint32_t KeyTable::anySlot() {
  // Marsaglia, Xorshift RNGs (2003): period 2^32 − 1.
  chance_ ^= chance_ << 13;
  chance_ ^= chance_ >> 17;
  chance_ ^= chance_ << 5;
  return static_cast<uint32_t>((uint64_t{chance_} * slotsUsed_) >> 32);
}

void KeyTable::link(uint32_t slot, uint32_t hash) {
  uint32_t at = hash & indexMask_;
  while (index_[at].place != 0) at = (at + 1) & indexMask_;
  index_[at] = {hash, slot + 1};
}

// Every slot in use has a key when it is too small.
void KeyTable::growIndex(uint32_t slots) {
  indexed_ = slots;
  index_ = ZeroedArray<Entry>(std::bit_ceil(uint64_t{slots} * 2));
  indexMask_ = static_cast<uint32_t>(index_.size() - 1);
  for (uint32_t slot = 0; slot < size_; slot++) link(slot, hashOf(slot));
}

}  // namespace flowspan

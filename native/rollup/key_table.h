// Keys of fixed width to small numbers (slots): open addressing, no memory of its own per key. Volumes are kept elsewhere, by slot.
// Bounded: when it is full, the owner removes some of the keys that `lightest` divides off.
//
// All that belongs to a key lies together in a record, since each look at a table of many keys waits for memory. Memory: (words + marks + 5)
// × 4 octets a slot that was ever in use, and 16 to 32 a key of the most there were. One thread.
#pragma once

#include <cstdint>
#include <limits>

#include "../core/prefetch.h"
#include "../core/zeroed_array.h"

namespace flowspan {

class KeyTable {
 public:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  // `marks`: words beside every key for the owner's use, zero for a key that comes in. `seed` for whom chance takes.
  KeyTable(uint32_t words, uint32_t marks, uint32_t slotsMax, uint32_t seed);

  uint32_t words() const { return words_; }
  uint32_t slotsMax() const { return slotsMax_; }
  // No slot from here on has had a key.
  uint32_t slotsUsed() const { return slotsUsed_; }
  uint32_t size() const { return size_; }
  bool isFull() const { return size_ >= slotsMax_; }
  size_t octets() const { return size_t{slotsUsed_} * (stride_ + 3) * sizeof(uint32_t) + index_.octets(); }

  // Of slots that have been in use.
  bool isTaken(uint32_t slot) const { return weights_[slot] != kNobody; }
  uint32_t hashOf(uint32_t slot) const { return record(slot)[kHashAt]; }
  uint32_t distinctHashOf(uint32_t slot) const { return record(slot)[kDistinctHashAt]; }
  uint32_t* marks(uint32_t slot) { return record(slot) + kMarksAt; }
  const uint32_t* marks(uint32_t slot) const { return record(slot) + kMarksAt; }
  const uint32_t* key(uint32_t slot) const { return record(slot) + keyAt_; }
  // What was counted under the key since it came in: decides who goes when there is no room. Infinite for a slot without key.
  double& weight(uint32_t slot) { return weights_[slot]; }

  // The key's slot, or kNone.
  uint32_t find(const uint32_t* key, uint32_t hash) const {
    for (uint32_t i = hash & indexMask_;; i = (i + 1) & indexMask_) {
      const Entry& entry = index_[i];
      if (entry.place == 0) return kNone;
      if (entry.hash != hash) continue;
      const uint32_t* held = this->key(entry.place - 1);
      uint32_t word = 0;
      while (word < words_ && held[word] == key[word]) word++;
      if (word == words_) return entry.place - 1;
    }
  }
  // What `find` looks at first, then what it looks at behind that: to be called for many keys, one after the other.
  void askForIndex(uint32_t hash) const { askForReading(&index_[hash & indexMask_]); }
  void askForRecord(uint32_t hash) const {
    const uint32_t place = index_[hash & indexMask_].place;
    askForSlot(place == 0 ? 0 : place - 1);
  }
  void askForSlot(uint32_t slot) const {
    askForWriting(record(slot));
    askForWriting(record(slot) + stride_ - 1);
    askForWriting(&weights_[slot]);
  }

  // Takes a slot for a key that is not there; the table must not be full.
  uint32_t insert(const uint32_t* key, uint32_t hash, uint32_t distinctHash);
  // The slot that the n-th key from now will take, from 0; some other one where there is no room.
  uint32_t freeSlot(uint32_t n) const {
    const uint32_t given = slotsUsed_ - size_;
    if (n < given) return given_[given - 1 - n];
    return slotsUsed_ + n - given < slotsMax_ ? slotsUsed_ + n - given : 0;
  }
  void remove(uint32_t slot);

  // A weight that about `count` keys do not exceed, by a sample where there are many. The table must hold that many.
  double lightest(uint32_t count);
  // A slot by chance, with a key or without.
  uint32_t anySlot();

 private:
  // What stands in a record, by words; then the owner's marks, then the key.
  static constexpr uint32_t kHashAt = 0;
  static constexpr uint32_t kDistinctHashAt = 1;
  static constexpr uint32_t kMarksAt = 2;
  struct Entry {
    uint32_t hash;
    uint32_t place;  // slot + 1; 0: nobody's
  };
  static constexpr double kNobody = std::numeric_limits<double>::infinity();

  uint32_t* record(uint32_t slot) { return records_.data() + static_cast<size_t>(slot) * stride_; }
  const uint32_t* record(uint32_t slot) const { return records_.data() + static_cast<size_t>(slot) * stride_; }
  void link(uint32_t slot, uint32_t hash);
  void growIndex(uint32_t slots);

  uint32_t words_;
  uint32_t slotsMax_;
  uint32_t keyAt_;
  uint32_t stride_;
  uint32_t chance_;  // of xorshift32, never 0
  uint32_t slotsUsed_ = 0;
  uint32_t size_ = 0;
  // The index has room for so many.
  uint32_t indexed_ = 0;
  uint32_t indexMask_ = 0;
  ZeroedArray<uint32_t> records_;
  ZeroedArray<double> weights_;
  ZeroedArray<Entry> index_;
  // Slots that were given up, the last one on top: as many as are in use no more.
  ZeroedArray<uint32_t> given_;
};

}  // namespace flowspan

// One dimension while its windows are open: the table of its keys, and what every window counted for each of them. Windows are places, and
// each place has memory of its own: that of windows which are not open is not touched. Rows come in batches: the same table stays in the
// processor's cache for all of them.
//
// Also holds true while a window is open: keys + other = all that was added, exactly. Memory: of slots that were ever in use
// (words + marks + 13) × 4 octets at most, and for each place in use 40 more, 72 once sampled rows were counted. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "distinct_registers.h"
#include "key_kinds.h"
#include "key_table.h"
#include "row_columns.h"
#include "taken_keys.h"
#include "../core/zeroed_array.h"

namespace flowspan {

struct KeyCountsPlan {
  // 32 bits each, 1 to kKeyWordsMax.
  uint32_t words;
  uint32_t keysMax;
  // Windows side by side, now and at most.
  uint32_t places;
  uint32_t placesMax;
  // Odd and unknown to who sends the traffic, so that keys cannot be chosen to collide; one more than words.
  std::array<uint32_t, kKeyWordsMax + 1> multipliers;
  uint32_t seed;
};

class KeyCounts {
 public:
  explicit KeyCounts(const KeyCountsPlan& plan);

  uint32_t words() const { return plan_.words; }
  uint32_t places() const { return static_cast<uint32_t>(rest_.size()); }
  const KeyTable& table() const { return table_; }
  // Keys that gave their place up; their volume went to `other`.
  uint64_t evictedKeys() const { return evictedKeys_; }
  uint64_t evictions() const { return evictions_; }
  size_t octets() const;

  // Counts the rows under their keys. Their places must be some that there are.
  void addRows(const RowColumns& rows, const KeyColumn& column);
  // Counts what a window was taken with: its keys, which stand in the table of `from` still, and the rest. The same multipliers.
  void addTaken(const KeyCounts& from, const TakenKeys& taken, uint32_t place);
  // Takes what a window counted out of its place, which is empty then, and adds it to another one, kNone for none.
  void take(uint32_t place, uint32_t to, TakenKeys& into);
  static constexpr uint32_t kNone = KeyTable::kNone;
  // Keys that no place counts for make room.
  void forgetAbsent();
  // Puts more windows side by side; what places hold stays.
  void widen(uint32_t places);

 private:
  // What is counted of a window but not under a key.
  struct Rest {
    Figures other{};
    Estimates sampled{};
    DistinctRegisters distinct;
    bool evicted = false;
  };

  uint32_t hashOf(const uint32_t* key) const;
  void findAll(const RowColumns& rows, const KeyColumn& column);
  void addShares(const RowColumns& rows, uint32_t row, uint32_t slot, uint32_t swap);
  void addSampled(const RowColumns& rows, uint32_t row, uint32_t slot);
  void askForFigures(uint32_t place, uint32_t slot);
  void mark(uint32_t slot, uint32_t place);
  uint32_t admit(const uint32_t* key, uint32_t hash, uint32_t distinctHash);
  void evictLightest();
  void evict(uint32_t slot);
  Estimates& sampledAt(uint32_t slot, uint32_t place);

  KeyCountsPlan plan_;
  uint32_t markWords_;
  KeyTable table_;
  // By place, for each slot.
  std::vector<ZeroedArray<Figures>> values_;
  // The same; each is taken with its first sampled row.
  std::vector<ZeroedArray<Estimates>> sampled_;
  std::vector<Rest> rest_;
  uint64_t evictedKeys_ = 0;
  uint64_t evictions_ = 0;
  // Of the rows that are being counted.
  std::array<uint32_t, kRowsMax> hashes_;
  std::array<uint32_t, kRowsMax> slots_;
};

}  // namespace flowspan

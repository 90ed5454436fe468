#include "column_codes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

namespace flowspan {

namespace {

constexpr uint32_t kEntriesMax = 256;

template <typename T>
struct Bounds {
  T low;
  T high;
};

// Four at a time: each comparison would wait for the one before.
template <typename T>
Bounds<T> boundsOf(const T* values, uint32_t count) {
  if (count == 0) return {0, 0};
  constexpr uint32_t kLanes = 4;
  std::array<T, kLanes> low, high;
  low.fill(values[0]);
  high.fill(values[0]);
  const uint32_t whole = count - count % kLanes;
  for (uint32_t i = 0; i < whole; i += kLanes) {
    for (uint32_t lane = 0; lane < kLanes; lane++) {
      const T value = values[i + lane];
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  }
  for (uint32_t i = whole; i < count; i++) {
    low[0] = std::min(low[0], values[i]);
    high[0] = std::max(high[0], values[i]);
  }
  return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
}

constexpr uint32_t kSlotBits = 10;
uint32_t slotOf(uint32_t value) { return value * 0x9e3779b1u >> (32 - kSlotBits); }
uint32_t slotOf(double value) { return static_cast<uint32_t>(std::bit_cast<uint64_t>(value) * 0x9e3779b97f4a7c15ull >> (64 - kSlotBits)); }

// The numbers that occur, each once, in the order in which they came. At most a quarter of the slots is taken.
template <typename T>
class Dictionary {
 public:
  // False when there are too many.
  bool add(const T* values, uint32_t count, uint8_t* codes) {
    for (uint32_t i = 0; i < count; i++) {
      const uint32_t place = placeOf(values[i]);
      if (place == kEntriesMax) return false;
      codes[i] = static_cast<uint8_t>(place);
    }
    return true;
  }
  uint32_t count() const { return count_; }
  void write(double* to) const {
    for (uint32_t i = 0; i < count_; i++) to[i] = static_cast<double>(entries_[i]);
  }

 private:
  uint32_t placeOf(T value) {
    constexpr uint32_t kMask = (1u << kSlotBits) - 1;
    uint32_t slot = slotOf(value);
    for (; slots_[slot] != 0; slot = (slot + 1) & kMask) {
      const uint32_t place = slots_[slot] - 1u;
      if (entries_[place] == value) return place;
    }
    if (count_ == kEntriesMax) return kEntriesMax;
    entries_[count_] = value;
    slots_[slot] = static_cast<uint16_t>(count_ + 1);
    return count_++;
  }

  // Place + 1; 0 for free.
  std::array<uint16_t, 1u << kSlotBits> slots_{};
  std::array<T, kEntriesMax> entries_;
  uint32_t count_ = 0;
};

// Where they are small, a whole number of 32 bits is what processors convert several at a time.
template <typename Code>
void writeCodes(const uint32_t* values, uint32_t count, uint32_t low, Code* codes) {
  for (uint32_t i = 0; i < count; i++) codes[i] = static_cast<Code>(values[i] - low);
}
template <typename Code>
void writeCodes(const double* values, uint32_t count, double low, Code* codes) {
  using Whole = std::conditional_t<sizeof(Code) < 4, int32_t, std::conditional_t<sizeof(Code) == 4, int64_t, double>>;
  for (uint32_t i = 0; i < count; i++) codes[i] = static_cast<Code>(static_cast<Whole>(values[i] - low));
}

template <typename T>
PackedNumbers pack(const T* values, uint32_t count, PackingRoom& room) {
  const auto [low, high] = boundsOf(values, count);
  PackedNumbers packed;
  if (low == 0 && high == 0) return packed;
  packed.base = packed.low = static_cast<double>(low);
  packed.high = static_cast<double>(high);
  const T range = high - low;
  if (range == 0) return packed;
  const auto write = [&]<typename Code>(Code* codes) {
    packed.width = sizeof(Code);
    packed.codes = room.last();
    writeCodes(values, count, low, codes);
  };
  if (range <= 0xff) {
    write(room.take<uint8_t>(count));
    return packed;
  }
  Dictionary<T> dictionary;
  if (dictionary.add(values, count, room.take<uint8_t>(count))) {
    packed.width = 1;
    packed.codes = room.last();
    packed.base = 0;
    packed.entries = dictionary.count();
    dictionary.write(room.take<double>(packed.entries));
    packed.dictionary = room.last();
    return packed;
  }
  room.giveBack();
  if (range <= 0xffff) write(room.take<uint16_t>(count));
  else if (range <= 0xffffffff) write(room.take<uint32_t>(count));
  else write(room.take<double>(count));
  return packed;
}

}  // namespace

PackedNumbers packNumbers(const uint32_t* values, uint32_t count, PackingRoom& room) { return pack(values, count, room); }
PackedNumbers packNumbers(const double* values, uint32_t count, PackingRoom& room) { return pack(values, count, room); }

}  // namespace flowspan

// Rows into columns: how narrow codes are at each bound, what a dictionary holds, addresses that all collide, and tables that are refused.
// That rows come back whole, whatever is in them, is tested across the seam (test/store/flow_segment.test.ts).
#include "../store/flow_packer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include "../core/byte_order.h"
#include "../generated/row_layout.h"
#include "check.h"

using namespace flowspan;

namespace {

constexpr uint32_t kRows = 1000;
constexpr int32_t kCount = 4, kTime = 5;
constexpr int32_t kPresence = 4, kStart = 8, kEnd = 16, kOctets = 24, kAddress = 32, kVersion = 48;
constexpr int32_t kHasEnd = 1;

// Start, end where there is one, a count, and an address of either version.
std::vector<int32_t> tableOf(int32_t rowsMax = kRows) {
  return {rowsMax, kPresence, kVersion, 3, 1,
          kTime, kStart, 0, 0,
          kTime, kEnd, kHasEnd, 1,
          kCount, kOctets, 0, 0,
          kAddress, 0, 1};
}

struct Rows {
  explicit Rows(uint32_t count) : octets(size_t{count} * kRowBytes), offsets(count), intervals(count, 1) {}
  uint8_t* row(uint32_t at) { return octets.data() + size_t{at} * kRowBytes; }
  void setCount(uint32_t at, uint64_t value) { storeNetwork(row(at) + kOctets, value); }

  // Exactly as long as they say: sanitizers see who reads behind them.
  std::vector<uint8_t> octets;
  std::vector<double> offsets;
  std::vector<double> intervals;
};

class Packed {
 public:
  explicit Packed(const Rows& rows) {
    const std::vector<int32_t> table = tableOf();
    packer_ = std::make_unique<FlowPacker>(table.data(), table.size());
    again(rows);
  }
  void again(const Rows& rows) {
    packer_->pack(rows.octets.data(), static_cast<uint32_t>(rows.offsets.size()), rows.offsets.data(), rows.intervals.data());
    memory_.assign(packer_->room().data(), packer_->room().data() + packer_->room().used());
  }
  const PackedNumbers& column(size_t index) const { return packer_->numbers()[index]; }
  const PackedAddresses& addresses() const { return packer_->addresses()[0]; }
  const FlowPacker& packer() const { return *packer_; }
  template <typename T>
  T at(size_t place, size_t index) const {
    CHECK(place % sizeof(T) == 0 && place + (index + 1) * sizeof(T) <= memory_.size());
    T value;
    std::memcpy(&value, memory_.data() + place + index * sizeof(T), sizeof value);
    return value;
  }
  double value(size_t index, uint32_t row) const {
    const PackedNumbers& of = column(index);
    const double code = of.width == 0   ? 0
                        : of.width == 1 ? at<uint8_t>(of.codes, row)
                        : of.width == 2 ? at<uint16_t>(of.codes, row)
                        : of.width == 4 ? at<uint32_t>(of.codes, row)
                                        : at<double>(of.codes, row);
    return of.entries == 0 ? of.base + code : at<double>(of.dictionary, static_cast<size_t>(code));
  }

 private:
  std::unique_ptr<FlowPacker> packer_;
  std::vector<uint8_t> memory_;
};

}  // namespace

TEST("flow packer: codes are as wide as the range needs, at each bound") {
  const struct {
    uint64_t range;
    uint32_t width;
  } kCases[] = {{0, 0}, {1, 1}, {0xff, 1}, {0x100, 2}, {0xffff, 2}, {0x10000, 4}, {0xffffffff, 4}, {0x100000000, 8}, {1ull << 52, 8}};
  for (const auto& [range, width] : kCases) {
    for (const uint64_t low : {uint64_t{0}, uint64_t{5}, uint64_t{1} << 40}) {
      Rows rows(kRows);
      // More different ones than a dictionary holds, where that can be.
      for (uint32_t i = 0; i < kRows; i++) rows.setCount(i, low + (i == 0 ? 0 : i == 1 ? range : range / kRows * i));
      if (range >= 0x100 && range < kRows) {
        for (uint32_t i = 2; i < kRows; i++) rows.setCount(i, low + i % (range + 1));
      }
      const Packed packed(rows);
      CHECK_EQ(packed.column(2).width, low == 0 && range == 0 ? 0u : width);
      CHECK_EQ(packed.column(2).entries, 0u);
      CHECK_EQ(packed.column(2).low, static_cast<double>(low));
      CHECK_EQ(packed.column(2).high, static_cast<double>(low + range));
      CHECK_EQ(packed.value(2, 1), static_cast<double>(low + range));
      CHECK_EQ(packed.value(2, 0), static_cast<double>(low));
    }
  }
}

TEST("flow packer: 256 different numbers are a dictionary in the order of their rows, 257 are none") {
  for (const uint32_t different : {2u, 255u, 256u, 257u}) {
    Rows rows(kRows);
    const auto numberOf = [&](uint32_t row) { return uint64_t{(different - row % different) * 1'000'003u}; };
    for (uint32_t i = 0; i < kRows; i++) rows.setCount(i, numberOf(i));
    const Packed packed(rows);
    const PackedNumbers& column = packed.column(2);
    CHECK_EQ(column.entries, different <= 256 ? different : 0);
    CHECK_EQ(column.width, different <= 256 ? 1u : 4u);
    for (uint32_t i = 0; i < kRows; i++) CHECK_EQ(packed.value(2, i), static_cast<double>(numberOf(i)));
    for (uint32_t i = 0; i < column.entries; i++) CHECK_EQ(packed.at<double>(column.dictionary, i), static_cast<double>(numberOf(i)));
  }
}

TEST("flow packer: times are of the wall, others than the start by their distance, and 0 where there is none") {
  Rows rows(kRows);
  for (uint32_t i = 0; i < kRows; i++) {
    storeNetwork(rows.row(i) + kStart, uint64_t{i} * 5'000'000 + 999);
    storeNetwork(rows.row(i) + kEnd, uint64_t{i} * 7'000'000 + 999);
    rows.row(i)[7] = i % 2 == 0 ? kHasEnd : 0;
    rows.offsets[i] = i % 3 == 0 ? -1e15 : 1e15;
  }
  const Packed packed(rows);
  for (uint32_t i = 0; i < kRows; i++) {
    CHECK_EQ(packed.value(0, i), i * 5000.0 + rows.offsets[i]);
    CHECK_EQ(packed.value(1, i), i % 2 == 0 ? i * 2000.0 : 0.0);
  }
}

TEST("flow packer: addresses, each once and by version, even where every one collides with all others") {
  // The hash multiplies what it is made of: where one factor is zero, the other does not count.
  for (const bool collides : {false, true}) {
    Rows rows(kRows);
    std::mt19937 random(3);
    std::vector<std::array<uint8_t, 16>> known;
    for (uint32_t i = 0; i < kRows; i++) {
      uint8_t* at = rows.row(i) + kAddress;
      const uint64_t head = 0x9e3779b97f4a7c15ull;
      std::memcpy(at, &head, 8);
      storeNetwork(at + 8, uint64_t{random() % 500});
      if (!collides) std::reverse(at, at + 16);
      rows.row(i)[kVersion] = i % 3 == 0 ? 4 : 6;
    }
    const Packed packed(rows);
    const PackedAddresses& addresses = packed.addresses();
    std::set<std::vector<uint8_t>> ipv4, ipv6;
    for (uint32_t i = 0; i < kRows; i++) {
      const uint8_t* at = rows.row(i) + kAddress;
      (i % 3 == 0 ? ipv4 : ipv6).insert(std::vector<uint8_t>(at, at + (i % 3 == 0 ? 4 : 16)));
      const uint32_t place = packed.at<uint16_t>(addresses.codes, i);
      CHECK_EQ(place < addresses.ipv4, i % 3 == 0);
      const size_t word = place < addresses.ipv4 ? place : addresses.ipv4 + 4 * (place - addresses.ipv4);
      CHECK_EQ(packed.at<uint32_t>(addresses.words, word), load32(at));
      if (i % 3 != 0) CHECK_EQ(packed.at<uint32_t>(addresses.words, word + 3), load32(at + 12));
    }
    CHECK_EQ(addresses.ipv4, ipv4.size());
    CHECK_EQ(addresses.count, ipv4.size() + ipv6.size());
    CHECK_EQ(addresses.wordCount, ipv4.size() + 4 * ipv6.size());
  }
}

TEST("flow packer: one segment after the other, large, small and empty, and memory that has a bound") {
  Rows large(kRows);
  std::mt19937 random(1);
  for (uint8_t& octet : large.octets) octet = static_cast<uint8_t>(random());
  Packed packed(large);
  const size_t octets = packed.packer().octets();
  CHECK(octets < 1'000'000);
  const double first = packed.value(2, 0);
  for (const uint32_t count : {0u, 1u, 127u, 128u, 129u, kRows}) {
    Rows rows(count);
    std::copy_n(large.octets.begin(), rows.octets.size(), rows.octets.begin());
    packed.again(rows);
    if (count > 0) CHECK_EQ(packed.value(2, 0), first);
    CHECK_EQ(packed.addresses().hasCodes, count != 1);
  }
  CHECK_EQ(packed.packer().octets(), octets);
}

TEST("flow packer: tables that reach out of a row, or are shorter than they say, are refused") {
  const auto isRefused = [](const std::vector<int32_t>& table) {
    try {
      const FlowPacker packer(table.data(), table.size());
      return false;
    } catch (const std::invalid_argument&) {
      return true;
    }
  };
  CHECK(!isRefused(tableOf()));
  const std::vector<int32_t> whole = tableOf();
  for (size_t words = 0; words < whole.size(); words++) CHECK(isRefused({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(words)}));
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; i++) {
    std::vector<int32_t> table = tableOf(64);
    for (int changes = 0; changes < 2; changes++) {
      const auto chance = static_cast<int32_t>(random());
      table[random() % table.size()] = random() % 2 == 0 ? chance : chance % 500;
    }
    // Whatever is not refused can be used.
    try {
      FlowPacker packer(table.data(), table.size());
      Rows rows(std::min<uint32_t>(packer.rowsMax(), 3));
      packer.pack(rows.octets.data(), static_cast<uint32_t>(rows.offsets.size()), rows.offsets.data(), rows.intervals.data());
    } catch (const std::invalid_argument&) {
      continue;
    }
  }
}
